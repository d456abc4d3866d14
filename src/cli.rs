//! The command line. What needs the data asks a running server over its control socket, and where none runs carries the command out
//! by itself, through the same function.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use rustix::fs::Mode;
use rustix::process::umask;
use serde::Deserialize as _;
use serde_json::Value;

use crate::auth::keys::Rotation;
use crate::auth::passwords::Password;
use crate::config::{Config, Flags, Loaded};
use crate::control::{self, Answer, Command, Finding, UserSummary};
use crate::serve::{self, EXIT_IO, EXIT_SETTINGS, Failure, Running, Start};

/// Exit code of a command that was understood and refused.
const EXIT_REFUSED: u8 = 1;
/// Most bytes read from standard input for a password.
const MAX_PASSWORD_LINE_BYTES: u64 = 1_024;

/// A chat home that a community runs for itself.
#[derive(Parser)]
#[command(name = "hearth", version, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve until stopped. Exit codes: 0 stopped in order, 74 a disk or socket failed, 78 the settings are at fault
    Serve,
    /// Look at the settings
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Look after accounts
    #[command(subcommand)]
    User(UserVerb),
    /// Look after keys
    #[command(subcommand)]
    Keys(KeysVerb),
    /// How the running server is
    Status,
    /// Look for what keeps the running server from its work; exit code 1 when something does
    #[command(subcommand)]
    Doctor(DoctorVerb),
    /// Print the version
    Version,
}

#[derive(Subcommand)]
enum ConfigVerb {
    /// Print every setting with its value and where that came from
    Show,
    /// Say whether the settings are right; exit code 78 when they are not
    Check,
    /// Print an annotated settings file with every default
    Sample,
}

#[derive(Subcommand)]
enum UserVerb {
    /// Make an account, whatever `registration` says
    Create {
        /// Its name
        username: String,
        /// Make it the owner of this instance
        #[arg(long)]
        owner: bool,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Give an account another password, and end its sessions
    ResetPassword {
        /// Its name
        username: String,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Print a link with which its person chooses a new password: good once, for an hour
    ResetLink {
        /// Its name
        username: String,
    },
    /// Make an account the owner of this instance
    Promote {
        /// Its name
        username: String,
    },
    /// List the accounts of people
    List,
}

#[derive(Subcommand)]
enum DoctorVerb {
    /// Whether voice and video reach it: asks each address and port that clients are told
    Voice,
}

#[derive(Args)]
struct PasswordFrom {
    /// Read the password from the first line of standard input; without it one is made up and printed, once
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Subcommand)]
enum KeysVerb {
    /// Sign sessions with a new key; sessions there are stay good
    Rotate {
        /// End every session at once
        #[arg(long)]
        now: bool,
    },
}

/// Runs the command line of this process. `start` starts the parts of a server; `alone` carries out a command on a data directory
/// that no server uses and whose lock is held for it.
pub fn run<S, P, A, Q>(start: S, alone: A) -> ExitCode
where
    S: FnOnce(Start) -> P,
    P: Future<Output = Result<Running, Failure>>,
    A: FnOnce(Config, Command) -> Q,
    Q: Future<Output = Answer>,
{
    let Cli { flags, verb } = Cli::parse();
    // Whatever is written below the data directory is for this user alone.
    umask(Mode::RWXG | Mode::RWXO);
    let asked = match verb {
        Verb::Serve => {
            return match Loaded::from_process(&flags) {
                Ok(loaded) => serve::run(loaded.config, start),
                Err(faults) => complain(&faults.to_string(), EXIT_SETTINGS),
            };
        }
        Verb::Config(verb) => return look_at_settings(&verb, &flags),
        Verb::Version => {
            say(&format!("hearth {}\n", env!("CARGO_PKG_VERSION")));
            return ExitCode::SUCCESS;
        }
        Verb::User(verb) => user_command(verb),
        Verb::Keys(KeysVerb::Rotate { now }) => {
            let rotation = if now { Rotation::EndSessions } else { Rotation::KeepSessions };
            Ok(Asked::plain(Command::KeysRotate { rotation }))
        }
        Verb::Status => Ok(Asked::plain(Command::Status)),
        Verb::Doctor(DoctorVerb::Voice) => Ok(Asked::plain(Command::DoctorVoice)),
    };
    match (asked, Loaded::from_process(&flags)) {
        (_, Err(faults)) => complain(&faults.to_string(), EXIT_SETTINGS),
        (Err(sentence), _) => complain(&sentence, EXIT_REFUSED),
        (Ok(asked), Ok(loaded)) => carry_out(asked, loaded.config, alone),
    }
}

fn look_at_settings(verb: &ConfigVerb, flags: &Flags) -> ExitCode {
    let text = match (verb, Loaded::from_process(flags)) {
        (ConfigVerb::Sample, _) => Config::sample(),
        (_, Err(faults)) => return complain(&faults.to_string(), EXIT_SETTINGS),
        (ConfigVerb::Show, Ok(loaded)) => loaded.show(),
        (ConfigVerb::Check, Ok(_)) => "The settings are right.\n".into(),
    };
    say(&text);
    ExitCode::SUCCESS
}

/// A command, and the password that was made up for it.
struct Asked {
    command: Command,
    made_up: Option<Password>,
}

impl Asked {
    fn plain(command: Command) -> Self {
        Self { command, made_up: None }
    }
}

fn user_command(verb: UserVerb) -> Result<Asked, String> {
    Ok(match verb {
        UserVerb::List => Asked::plain(Command::UserList),
        UserVerb::ResetLink { username } => Asked::plain(Command::UserResetLink { username }),
        UserVerb::Promote { username } => Asked::plain(Command::UserPromote { username }),
        UserVerb::Create { username, owner, password } => {
            let (password, made_up) = chosen_password(&password)?;
            Asked { command: Command::UserCreate { username, password, is_owner: owner }, made_up }
        }
        UserVerb::ResetPassword { username, password } => {
            let (password, made_up) = chosen_password(&password)?;
            Asked { command: Command::UserResetPassword { username, password }, made_up }
        }
    })
}

/// The password to use, and once more when it was made up and has to be shown.
fn chosen_password(from: &PasswordFrom) -> Result<(Password, Option<Password>), String> {
    if !from.password_stdin {
        let made_up = Password::generate();
        return Ok((made_up.clone(), Some(made_up)));
    }
    let mut line = String::new();
    let input = io::stdin();
    if input.is_terminal() {
        let _ = write!(io::stderr(), "Password (shown while you type): ");
    }
    input
        .lock()
        .take(MAX_PASSWORD_LINE_BYTES)
        .read_line(&mut line)
        .map_err(|error| format!("standard input: {error}"))?;
    let text = line.trim_end_matches(['\n', '\r']).to_owned();
    let password = Password::choose(text).map_err(|fault| format!("the password {fault}"))?;
    Ok((password, None))
}

/// Asks the running server, or where there is none takes the lock and works alone.
fn carry_out<A, Q>(asked: Asked, config: Config, alone: A) -> ExitCode
where
    A: FnOnce(Config, Command) -> Q,
    Q: Future<Output = Answer>,
{
    let answer = match control::ask(&config.data, &asked.command) {
        Ok(Some(answer)) => answer,
        Ok(None) if matches!(asked.command, Command::Status | Command::DoctorVoice) => {
            return complain(&format!("no server runs on {}", config.data.display()), EXIT_REFUSED);
        }
        Ok(None) => {
            let locked = serve::make_data_directory(&config.data).and_then(|()| serve::lock(&config.data));
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            match (locked, runtime) {
                (Ok(_lock), Ok(runtime)) => runtime.block_on(alone(config, asked.command)),
                (Err(failure), _) => return complain(&failure.to_string(), EXIT_IO),
                (_, Err(error)) => return complain(&format!("the runtime did not start: {error}"), EXIT_IO),
            }
        }
        Err(error) => {
            return complain(
                &format!("the server on {} can't be asked: {error}", config.data.display()),
                EXIT_IO,
            );
        }
    };
    match answer {
        Ok(value) => {
            say(&described(&value));
            if findings(&value).is_some_and(|found| found.iter().any(|one| !one.is_good)) {
                return ExitCode::from(EXIT_REFUSED);
            }
            if let Some(password) = asked.made_up {
                say(&format!("Password, shown this once: {}\n", password.expose()));
            }
            ExitCode::SUCCESS
        }
        Err(sentence) => complain(&sentence, EXIT_REFUSED),
    }
}

/// An answer that is a list of findings.
fn findings(value: &Value) -> Option<Vec<Finding>> {
    Vec::deserialize(value).ok()
}

/// An answer for people: accounts and findings as lines, text as it is, anything else as JSON.
fn described(value: &Value) -> String {
    let line = |user: &UserSummary| {
        let owner = if user.is_owner { "  owner" } else { "" };
        let disabled = if user.is_disabled { "  disabled" } else { "" };
        format!("{}  {}{owner}{disabled}\n", user.id, user.username)
    };
    if let Ok(user) = UserSummary::deserialize(value) {
        return line(&user);
    }
    if let Value::Array(rows) = value
        && let Ok(users) = rows.iter().map(UserSummary::deserialize).collect::<Result<Vec<_>, _>>()
    {
        return users.iter().map(line).collect();
    }
    if let Some(found) = findings(value).filter(|found| !found.is_empty()) {
        let mark = |is_good| if is_good { "good " } else { "FAULT" };
        return found.iter().map(|one| format!("{}  {}\n", mark(one.is_good), one.finding)).collect();
    }
    match value {
        Value::Null => "Done.\n".into(),
        Value::String(text) => format!("{text}\n"),
        other => format!("{other:#}\n"),
    }
}

fn say(text: &str) {
    // Whoever closed standard output does not want to read on.
    let _ = io::stdout().write_all(text.as_bytes());
}

fn complain(text: &str, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "{text}");
    code.into()
}
