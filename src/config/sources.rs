//! Where settings come from: flags win over the environment, the environment over the file, the file over defaults. Each value
//! remembers its source, an unknown name is an error that names the nearest known one, and all faults are told at once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Config, Kind};

/// Names of the environment that begin as settings do and are none: the file to read, and what tests and benches pass on.
const OTHER_VARIABLES: [&str; 2] = ["HEARTH_CONFIG", "HEARTH_BIN"];
/// Beginnings of names that only tests and benches read.
const TEST_VARIABLES: [&str; 2] = ["HEARTH_TEST_", "HEARTH_BENCH_"];
/// The file that is read when none is named and the working directory has it.
const DEFAULT_FILE: &str = "hearth.toml";
/// Largest settings file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// One setting as the reader, the sample file and `hearth config show` need it.
pub(super) struct Setting {
    pub path: &'static str,
    pub doc: &'static [&'static str],
    pub default: &'static str,
    pub literal: fn(&Config) -> String,
}

impl Setting {
    fn variable(&self) -> String {
        format!("HEARTH_{}", self.path.replace('.', "_").to_ascii_uppercase())
    }
}

/// Every setting, groups after what stands alone.
pub(super) fn all() -> Vec<Setting> {
    let mut settings = Vec::new();
    Config::list(&mut settings);
    settings
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Built in.
    Default,
    /// The settings file.
    File(PathBuf),
    /// A variable of the environment.
    Environment(String),
    /// The command line.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A value that somebody gave: the setting's path as they wrote it, the text and the source.
#[derive(Debug, Clone)]
pub struct Given {
    /// Dotted path of the setting, such as `limits.routes`.
    pub path: String,
    /// The value as text.
    pub text: String,
    /// Who gave it.
    pub source: Source,
}

/// One thing wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything wrong with the settings, one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// Settings on the command line.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Flags {
    /// Settings file to read (else $HEARTH_CONFIG, else ./hearth.toml where there is one)
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Directory of everything that must outlive the process
    #[arg(long, value_name = "DIR", global = true)]
    pub data: Option<String>,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDR:PORT", global = true)]
    pub listen: Option<String>,
    /// The address people open, such as https://chat.example.org
    #[arg(long, value_name = "URL", global = true)]
    pub public_url: Option<String>,
    /// File with the TLS certificate chain (PEM)
    #[arg(long, value_name = "FILE", global = true)]
    pub tls_cert: Option<String>,
    /// File with the TLS private key (PEM)
    #[arg(long, value_name = "FILE", global = true)]
    pub tls_key: Option<String>,
    /// UDP socket of voice and video: an address and port, shared or off
    #[arg(long, value_name = "ADDR:PORT", global = true)]
    pub voice_udp: Option<String>,
    /// Where media is taken over TCP: an address and port, shared or off
    #[arg(long, value_name = "ADDR:PORT", global = true)]
    pub voice_tcp: Option<String>,
    /// Addresses at which clients reach voice, separated by commas
    #[arg(long, value_name = "IP", global = true)]
    pub public_ip: Option<String>,
    /// Who may make an account: open, invite or closed
    #[arg(long, value_name = "MODE", global = true)]
    pub registration: Option<String>,
    /// Any other setting by its path, such as limits.routes=off
    #[arg(long = "set", value_name = "SETTING=VALUE", global = true)]
    pub set: Vec<String>,
}

impl Flags {
    fn given(&self, faults: &mut Vec<Fault>) -> Vec<Given> {
        let named = [
            ("data", "--data", &self.data),
            ("listen", "--listen", &self.listen),
            ("public_url", "--public-url", &self.public_url),
            ("registration", "--registration", &self.registration),
            ("tls.cert", "--tls-cert", &self.tls_cert),
            ("tls.key", "--tls-key", &self.tls_key),
            ("voice.udp", "--voice-udp", &self.voice_udp),
            ("voice.tcp", "--voice-tcp", &self.voice_tcp),
            ("voice.public_ip", "--public-ip", &self.public_ip),
        ];
        let mut given = Vec::new();
        for assignment in &self.set {
            match assignment.split_once('=') {
                Some((path, text)) => given.push(Given {
                    path: path.trim().to_owned(),
                    text: text.to_owned(),
                    source: Source::Flag("--set".into()),
                }),
                None => faults.push(Fault(format!(
                    "--set {assignment}: must be a setting and its value, such as limits.routes=off"
                ))),
            }
        }
        for (path, flag, value) in named {
            if let Some(text) = value {
                given.push(Given {
                    path: path.into(),
                    text: text.clone(),
                    source: Source::Flag(flag.into()),
                });
            }
        }
        given
    }
}

/// Settings, and where each came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    sources: BTreeMap<&'static str, Source>,
}

impl Loaded {
    /// Reads the settings of this process: `flags`, its environment, and the file that they name.
    pub fn from_process(flags: &Flags) -> Result<Self, Faults> {
        Self::load(flags, std::env::vars_os())
    }

    /// Reads settings from `flags`, `environment` and the file that they name.
    pub fn load(
        flags: &Flags,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, Faults> {
        let mut faults = Vec::new();
        let variables = own_variables(environment, &mut faults);
        let mut given = Vec::new();
        let named = flags.config.clone().or_else(|| variables.get("HEARTH_CONFIG").map(PathBuf::from));
        let file = named.or_else(|| Path::new(DEFAULT_FILE).is_file().then(|| DEFAULT_FILE.into()));
        if let Some(path) = file {
            read_file(&path, &mut given, &mut faults);
        }
        given.extend(from_variables(&variables, &mut faults));
        given.extend(flags.given(&mut faults));
        match Self::merge(&given, faults) {
            (Some(loaded), faults) if faults.is_empty() => Ok(loaded),
            (_, faults) => Err(Faults(faults)),
        }
    }

    /// The settings that follow from `given` over the defaults; later ones win.
    pub fn from_given(given: &[Given]) -> Result<Self, Faults> {
        match Self::merge(given, Vec::new()) {
            (Some(loaded), faults) if faults.is_empty() => Ok(loaded),
            (_, faults) => Err(Faults(faults)),
        }
    }

    /// Where the value of the setting at `path` came from.
    pub fn source(&self, path: &str) -> &Source {
        self.sources.get(path).unwrap_or(&Source::Default)
    }

    /// Every setting as a TOML line with the source of its value, aligned.
    pub fn show(&self) -> String {
        let lines: Vec<_> = all()
            .iter()
            .map(|setting| {
                (format!("{} = {}", setting.path, (setting.literal)(&self.config)), self.source(setting.path))
            })
            .collect();
        let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0);
        lines.iter().map(|(line, source)| format!("{line:width$}  # {source}\n")).collect()
    }

    fn merge(given: &[Given], mut faults: Vec<Fault>) -> (Option<Self>, Vec<Fault>) {
        let settings = all();
        let mut values: BTreeMap<&'static str, (String, Source)> =
            settings.iter().map(|s| (s.path, (s.default.to_owned(), Source::Default))).collect();
        for Given { path, text, source } in given {
            match settings.iter().find(|s| s.path == path) {
                Some(setting) => _ = values.insert(setting.path, (text.clone(), source.clone())),
                None => {
                    let near = nearest(path, settings.iter().map(|s| s.path.to_owned()));
                    faults.push(Fault(format!(
                        "{path} ({source}): there is no such setting; the nearest is {near}"
                    )));
                }
            }
        }
        let mut reader = Reader { values, faults };
        let config = Config::read(&mut reader);
        let Reader { values, mut faults } = reader;
        let sources: BTreeMap<_, _> = values.into_iter().map(|(path, (_, source))| (path, source)).collect();
        let loaded = config.map(|config| Self { config, sources });
        if let Some(loaded) = &loaded {
            for (path, sentence) in loaded.config.contradictions() {
                faults.push(Fault(format!("{path} ({}) {sentence}", loaded.source(path))));
            }
        }
        (loaded, faults)
    }
}

/// Hands out values by path, and keeps what was wrong with them.
pub(super) struct Reader {
    values: BTreeMap<&'static str, (String, Source)>,
    faults: Vec<Fault>,
}

impl Reader {
    pub fn read<T: Kind>(&mut self, path: &'static str) -> Option<T> {
        let (text, source) = self.values.get(path)?;
        match T::parse(text.trim()) {
            Ok(value) => Some(value),
            Err(sentence) => {
                self.faults.push(Fault(format!("{path} ({source}) {sentence}")));
                None
            }
        }
    }
}

/// The variables that begin with `HEARTH_`.
fn own_variables(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    faults: &mut Vec<Fault>,
) -> BTreeMap<String, String> {
    let mut own = BTreeMap::new();
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with("HEARTH_")) else { continue };
        match value.into_string() {
            Ok(value) => _ = own.insert(name.to_owned(), value),
            Err(_) => faults.push(Fault(format!("{name} (environment) must be UTF-8"))),
        }
    }
    own
}

fn from_variables(variables: &BTreeMap<String, String>, faults: &mut Vec<Fault>) -> Vec<Given> {
    let settings = all();
    let mut given = Vec::new();
    for (name, text) in variables {
        if OTHER_VARIABLES.contains(&name.as_str())
            || TEST_VARIABLES.iter().any(|start| name.starts_with(start))
        {
            continue;
        }
        match settings.iter().find(|setting| setting.variable() == *name) {
            Some(setting) => given.push(Given {
                path: setting.path.to_owned(),
                text: text.clone(),
                source: Source::Environment(name.clone()),
            }),
            None => {
                let near = nearest(name, settings.iter().map(Setting::variable));
                faults.push(Fault(format!(
                    "{name} (environment): there is no such setting; the nearest is {near}"
                )));
            }
        }
    }
    given
}

fn read_file(path: &Path, given: &mut Vec<Given>, faults: &mut Vec<Fault>) {
    let text = match fs::metadata(path).map(|file| file.len()) {
        Ok(size) if size > MAX_FILE_BYTES => {
            let text =
                format!("{}: holds at most {MAX_FILE_BYTES} bytes, this one has {size}", path.display());
            return faults.push(Fault(text));
        }
        _ => fs::read_to_string(path),
    };
    let text = match text {
        Ok(text) => text,
        Err(error) => return faults.push(Fault(format!("{}: can't be read: {error}", path.display()))),
    };
    match text.parse::<toml::Table>() {
        Ok(table) => flatten("", &table, path, given),
        Err(error) => faults.push(Fault(format!("{}: {}", path.display(), error.to_string().trim_end()))),
    }
}

/// Turns tables into dotted paths; the depth is bounded by the TOML parser's own.
fn flatten(prefix: &str, table: &toml::Table, file: &Path, given: &mut Vec<Given>) {
    for (key, value) in table {
        let path = format!("{prefix}{key}");
        match value {
            toml::Value::Table(inner) => flatten(&format!("{path}."), inner, file, given),
            _ => given.push(Given { path, text: as_text(value), source: Source::File(file.to_owned()) }),
        }
    }
}

/// A TOML value as the text that the environment would hold.
fn as_text(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(items) => items.iter().map(as_text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// The candidate that takes the fewest edits, where a forgotten section counts as one.
fn nearest(wanted: &str, candidates: impl Iterator<Item = String>) -> String {
    let cost = |candidate: &String| {
        let short = candidate.rsplit('.').next().unwrap_or(candidate);
        let unsectioned = if short == candidate { usize::MAX } else { edits(wanted, short) + 1 };
        edits(wanted, candidate).min(unsectioned)
    };
    candidates.min_by_key(cost).unwrap_or_default()
}

/// Levenshtein distance in bytes.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
