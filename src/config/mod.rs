//! Every setting of a server: one struct with units, defaults and the reasons. Where values come from (flags, environment, file)
//! is `sources.rs`; the kinds of value a setting may have are `kinds.rs`. No setting holds a secret: those are files in `DATA/keys`.

mod kinds;
mod sources;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

pub use kinds::{BaseUrl, Bytes, Kind, LogFormat, MediaPort, Network, Rate, Registration, WebOrigin};
pub use sources::{Fault, Faults, Flags, Given, Loaded, Source};
use sources::{Reader, Setting};

use crate::auth::passwords::{Cost, CostChoice};

/// Most code points a message may be allowed to hold: what libraries reserve room for (API.md §5).
pub const MAX_CONTENT_CHARS: u32 = 4_000;
/// Most memory for a password hash, in KiB; more would let a few log-ins take a machine's memory.
pub const MOST_PASSWORD_MEMORY_KIB: u32 = 1 << 20;
/// Passes over the memory of a password hash that may be asked for.
pub const PASSWORD_ITERATIONS: std::ops::RangeInclusive<u32> = Cost::LEAST.iterations..=16;
/// Lanes of a password hash that may be asked for; they run one after the other, so more cost time and buy nothing here.
pub const PASSWORD_PARALLELISM: std::ops::RangeInclusive<u32> = 1..=4;
/// Smallest cache or ring that a server works with, in bytes.
pub const LEAST_CACHE_BYTES: u64 = 1 << 20;
/// Most code points of the instance's name.
const MAX_NAME_CHARS: usize = 100;
/// Most code points of the instance's description.
const MAX_DESCRIPTION_CHARS: usize = 300;

/// Declares a group of settings once: the struct with its documentation, and from the same words the sample file and the reader.
macro_rules! settings {
    (
        $(#[doc = $about:literal])*
        $name:ident at $prefix:literal by $reach:expr => {
            $($(#[doc = $doc:literal])* $field:ident: $kind:ty = $default:literal,)*
            $(@ $(#[doc = $group_doc:literal])* $group:ident: $group_type:ident,)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[doc = $doc])* #[doc = ""] #[doc = concat!("Default: `", $default, "`.")] pub $field: $kind,)*
            $($(#[doc = $group_doc])* pub $group: $group_type,)*
        }

        impl $name {
            fn list(out: &mut Vec<Setting>) {
                $(out.push(Setting {
                    path: concat!($prefix, stringify!($field)),
                    doc: &[$($doc),*],
                    default: $default,
                    literal: |config| {
                        let reach: fn(&Config) -> &$name = $reach;
                        reach(config).$field.literal()
                    },
                });)*
                $($group_type::list(out);)*
            }

            /// Reads every field before it gives up, so that all faults are told at once.
            fn read(reader: &mut Reader) -> Option<Self> {
                $(let $field = reader.read::<$kind>(concat!($prefix, stringify!($field)));)*
                $(let $group = $group_type::read(reader);)*
                Some(Self { $($field: $field?,)* $($group: $group?,)* })
            }
        }
    };
}

settings! {
    /// All settings of a server.
    Config at "" by |config| config => {
        /// Directory of everything that must outlive the process: store, uploaded files, keys. Made with mode 0700 when missing.
        data: PathBuf = "./data",
        /// Address and port to listen on for HTTP and the gateway. Port 0 takes a free one.
        listen: SocketAddr = "127.0.0.1:8420",
        /// The address people open, scheme and host without a path, such as "https://chat.example.org". Absolute links, the allowed
        /// origin of web pages and the cookie's name come from it. May stay empty only while `listen` is a loopback address.
        public_url: Option<WebOrigin> = "",
        /// Reverse proxies whose X-Forwarded-For is believed, as addresses or networks, such as ["127.0.0.1", "10.0.0.0/8"].
        trusted_proxies: Vec<Network> = "",
        /// Who may make an account: "open" anyone, "invite" whoever holds an invite to a guild, "closed" nobody.
        registration: Registration = "invite",
        /// Whether registering asks for a mail address.
        email_required: bool = "off",
        /// Name of this instance, shown where people log in; 1 to 100 characters.
        name: String = "Hearth",
        /// One or two sentences about this instance, shown where people log in; at most 300 characters.
        description: String = "",
        /// Whether bots may create guilds.
        bots_may_create_guilds: bool = "off",
        /// Largest file that may be uploaded, in bytes.
        max_file_size: Bytes = "25MiB",
        /// Where uploaded files are fetched from, when not below `public_url` at /cdn; a URL that may have a path.
        cdn_base: Option<BaseUrl> = "",
        @ /// What one address, account or bot may ask for.
        limits: Limits,
        @ /// TLS on the listener itself.
        tls: TlsSettings,
        @ /// Voice and video.
        voice: VoiceSettings,
        @ /// The database.
        store: StoreSettings,
        @ /// The cost of guessing passwords.
        passwords: PasswordSettings,
        @ /// Files, pictures and links.
        media: MediaSettings,
        @ /// The gateway.
        gateway: GatewaySettings,
        @ /// Logs.
        log: LogSettings,
    }
}

settings! {
    /// What one address, account or bot may ask for. A rate is a count per unit of time, such as "20/s", "5/min", "10/h"; 0 is no limit.
    Limits at "limits." by |config| &config.limits => {
        /// Requests without a token from one address (IPv6: one /64). 0 lifts every limit that is counted per address, the
        /// connections too: for trusted networks and load tests.
        requests_per_address: Rate = "20/s",
        /// Failed log-ins, registrations and password resets from one address.
        auth_per_address: Rate = "5/min",
        /// Failed log-ins to one account.
        auth_per_account: Rate = "5/min",
        /// Whether each route has its own limit, as the API's documents describe.
        routes: bool = "on",
        /// All requests of one bot together.
        global_per_bot: Rate = "50/s",
        /// All requests of one person together.
        global_per_user: Rate = "50/s",
        /// Open TCP connections of one address; 0 is no limit.
        connections_per_address: u32 = "256",
        /// Open gateway connections of one address that have not identified; 0 is no limit.
        gateway_connections_per_address: u32 = "64",
        /// Code points a message may hold; 1 to 4000.
        max_content_chars: u32 = "2000",
        /// Guilds one account may be in.
        guilds_per_user: u32 = "200",
        /// Members one guild may have.
        members_per_guild: u32 = "500000",
    }
}

settings! {
    /// TLS on the listener itself. Bots and browsers need it for voice, unless a reverse proxy speaks it. With both files set the
    /// listener answers https and wss, and sends plain HTTP there.
    TlsSettings at "tls." by |config| &config.tls => {
        /// File with the certificate chain in PEM form. It is read again when it changes.
        cert: Option<PathBuf> = "",
        /// File with the certificate's private key in PEM form.
        key: Option<PathBuf> = "",
    }
}

settings! {
    /// Voice and video. Media goes over one UDP port, and over the listener's TCP port where a network lets no UDP through.
    VoiceSettings at "voice." by |config| &config.voice => {
        /// The UDP socket of media: "shared" for the listener's address and port number, an address and port of its own, or "off".
        udp: MediaPort = "shared",
        /// Where media is taken over TCP: "shared" for the listener itself, an address and port of its own, or "off".
        tcp: MediaPort = "shared",
        /// Addresses at which clients reach the media ports, such as ["203.0.113.7"]; behind NAT the router's public one, and the
        /// local one too for clients of the same network. Empty finds the address of the default route.
        public_ip: Vec<IpAddr> = "",
        /// People and bots that may be in one voice channel at once; 2 to 1000.
        members_per_channel: u32 = "99",
        /// People of one voice channel who may send video at once.
        videos_per_channel: u32 = "25",
        /// Threads for media, 1 to 4; a channel's is on one of them. Empty takes as many as the machine has cores, at most 4.
        threads: Option<u32> = "",
        /// Most that one sender may send, in kbit/s, audio and video together.
        max_kbps_per_sender: u32 = "10000",
    }
}

settings! {
    /// The database.
    StoreSettings at "store." by |config| &config.store => {
        /// Memory for pages of the database, in bytes.
        cache_bytes: Bytes = "64MiB",
        /// Free space on the disk of `data`, in bytes, below which writes are refused until there is room; one hundredth of the
        /// disk where that is larger.
        free_space_floor_bytes: Bytes = "256MiB",
        /// Whether every commit is aborted once and repeated, which proves that no write minds being run twice. For tests of Hearth
        /// itself: it only makes a server slower.
        rehearse: bool = "off",
    }
}

settings! {
    /// The cost of guessing passwords (argon2id).
    PasswordSettings at "passwords." by |config| &config.passwords => {
        /// Memory of one hash, in KiB. 0 measures this machine at the first start and takes what costs at most a quarter of a second, and
        /// never less than 19456; the result is kept in `data`/password-cost.json.
        memory_kib: u32 = "0",
        /// Passes over that memory; 2 to 16. A measured start may raise it.
        iterations: u32 = "2",
        /// Lanes of the memory; 1 to 4.
        parallelism: u32 = "1",
    }
}

settings! {
    /// Files, pictures and links. The largest file is `max_file_size`.
    MediaSettings at "media." by |config| &config.media => {
        /// Bytes that the files of one account may have together in messages; 0 is no limit. Uploads of all stop while the disk of
        /// `data` has less than four times `store.free_space_floor_bytes` free.
        bytes_per_user: Bytes = "0",
        /// Disk space for previews of pictures in `data`/previews, in bytes; they are made again when they are needed.
        preview_cache_bytes: Bytes = "256MiB",
        /// Whether links in messages are looked up for cards. The pages are fetched by this server, from public addresses only.
        link_previews: bool = "on",
        /// Addresses or networks that are fetched from though they are not public, such as ["192.168.1.20"]: for tests, and for
        /// people who trust everybody here with their network. Named in a warning at the start.
        fetch_exceptions: Vec<Network> = "",
        @ /// A bucket for uploaded files.
        s3: S3Settings,
    }
}

settings! {
    /// A bucket of an S3-compatible server for uploaded files, for those who outgrow one disk. Files still arrive in `data`/blobs, and go
    /// to the bucket once they are whole; the bucket belongs to this instance alone. Files that were kept before stay in `data`/blobs
    /// and have to be copied into the bucket, with the same names.
    S3Settings at "media.s3." by |config| &config.media.s3 => {
        /// Name of the bucket. Empty keeps files in `data`/blobs.
        bucket: String = "",
        /// Address of the server, such as "http://10.0.0.5:9000". Empty is Amazon's of `region`.
        endpoint: Option<BaseUrl> = "",
        /// Region of the bucket, which signatures name; servers of one's own mostly take any.
        region: String = "us-east-1",
        /// What the names of all files in the bucket begin with, such as "hearth"; may hold slashes.
        prefix: String = "",
        /// Id of the key that may list, read, write and delete in the bucket.
        access_key_id: String = "",
        /// File with the secret of that key, alone on its first line. Empty is `data`/keys/s3.secret, which nobody but the server's user
        /// may read.
        secret_file: Option<PathBuf> = "",
    }
}

settings! {
    /// The gateway.
    GatewaySettings at "gateway." by |config| &config.gateway => {
        /// Memory for events kept for clients that resume, of all sessions together, in bytes; the oldest go first.
        replay_bytes: Bytes = "256MiB",
    }
}

settings! {
    /// Logs. They go to standard error and hold no message text and no secrets.
    LogSettings at "log." by |config| &config.log => {
        /// "human" for people, "json" for collectors: one object a line.
        format: LogFormat = "human",
        /// What is logged: error, warn, info, debug or trace, also per part, such as "info,hearth::gateway=debug". The WebRTC library
        /// warns of much that is usual.
        filter: String = "info,str0m=error",
    }
}

impl Config {
    /// The origin of the web client and base of absolute URLs: `public_url`, or without it the bound address itself.
    pub fn origin_at(&self, bound: SocketAddr) -> WebOrigin {
        self.public_url.clone().unwrap_or_else(|| WebOrigin::at(bound, self.tls.cert.is_some()))
    }

    /// Where uploaded files are fetched from, without a slash at the end.
    pub fn cdn_base_at(&self, bound: SocketAddr) -> String {
        match &self.cdn_base {
            Some(base) => base.as_str().to_owned(),
            None => format!("{}/cdn", self.origin_at(bound)),
        }
    }

    /// The annotated sample file: every setting with its documentation, commented out at its default.
    pub fn sample() -> String {
        let mut text = String::from(
            "# Settings of Hearth. Every line is optional and shows its default. Flags win over the environment, the environment wins\n\
             # over this file. In the environment a setting is HEARTH_ and its path: HEARTH_LIMITS_ROUTES=off.\n",
        );
        let defaults = Self::default();
        let mut section = "";
        for setting in sources::all() {
            let (group, key) = setting.path.rsplit_once('.').unwrap_or(("", setting.path));
            if group != section {
                text.push_str(&format!("\n[{group}]\n"));
                section = group;
            }
            text.push('\n');
            for line in setting.doc {
                text.push_str(&format!("#{line}\n"));
            }
            text.push_str(&format!("#{key} = {}\n", (setting.literal)(&defaults)));
        }
        text
    }

    /// What is wrong between settings that are each well-formed: the path of the setting to change, and the sentence.
    fn contradictions(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        if !self.listen.ip().is_loopback() && self.public_url.is_none() {
            let listen = self.listen;
            found.push((
                "public_url",
                format!(
                    "must be set, because listen = \"{listen}\" can be reached from other machines: the address people open, \
                     such as \"https://chat.example.org\""
                ),
            ));
        }
        if self.tls.cert.is_some() != self.tls.key.is_some() {
            let (path, other) =
                if self.tls.cert.is_some() { ("tls.key", "tls.cert") } else { ("tls.cert", "tls.key") };
            found.push((path, format!("must be set, because {other} is: TLS needs both")));
        }
        if self.tls.cert.is_some() && self.public_url.as_ref().is_some_and(|url| !url.is_https()) {
            found.push((
                "public_url",
                "must begin with https, because the listener speaks TLS by tls.cert and tls.key".into(),
            ));
        }
        let mut within = |path: &'static str, value: u64, least: u64, most: u64| {
            if value < least || value > most {
                found.push((path, format!("must be between {least} and {most}, this is {value}")));
            }
        };
        within("limits.max_content_chars", self.limits.max_content_chars.into(), 1, MAX_CONTENT_CHARS.into());
        within("limits.guilds_per_user", self.limits.guilds_per_user.into(), 1, u32::MAX.into());
        within("limits.members_per_guild", self.limits.members_per_guild.into(), 1, u32::MAX.into());
        within("store.cache_bytes", self.store.cache_bytes.get(), LEAST_CACHE_BYTES, 1 << 40);
        within("gateway.replay_bytes", self.gateway.replay_bytes.get(), LEAST_CACHE_BYTES, 1 << 40);
        within("voice.members_per_channel", self.voice.members_per_channel.into(), 2, 1_000);
        within("voice.videos_per_channel", self.voice.videos_per_channel.into(), 0, 1_000);
        let threads = self.voice.threads.map_or(1, u64::from);
        within("voice.threads", threads, 1, 4);
        within("voice.max_kbps_per_sender", self.voice.max_kbps_per_sender.into(), 64, 100_000);
        within("max_file_size", self.max_file_size.get(), 1_024, 1 << 40);
        let (passes, lanes) = (PASSWORD_ITERATIONS, PASSWORD_PARALLELISM);
        let iterations = self.passwords.iterations;
        within("passwords.iterations", iterations.into(), (*passes.start()).into(), (*passes.end()).into());
        let parallelism = self.passwords.parallelism;
        within("passwords.parallelism", parallelism.into(), (*lanes.start()).into(), (*lanes.end()).into());
        if self.passwords.memory_kib != 0 {
            let (least, most) = (Cost::LEAST.memory_kib.into(), MOST_PASSWORD_MEMORY_KIB.into());
            within("passwords.memory_kib", self.passwords.memory_kib.into(), least, most);
        }
        if self.name.trim().is_empty() || self.name.chars().count() > MAX_NAME_CHARS {
            found.push(("name", format!("must be between 1 and {MAX_NAME_CHARS} characters")));
        }
        let described = self.description.chars().count();
        if described > MAX_DESCRIPTION_CHARS {
            found.push((
                "description",
                format!("holds at most {MAX_DESCRIPTION_CHARS} characters, this one has {described}"),
            ));
        }
        found.extend(self.media.s3.contradictions());
        if let Err(fault) = tracing_subscriber::EnvFilter::try_new(&self.log.filter) {
            found.push(("log.filter", format!("is not a filter: {fault}")));
        }
        found
    }
}

impl Default for Config {
    fn default() -> Self {
        Loaded::from_given(&[]).expect("the defaults are tested to be valid").config
    }
}

impl Limits {
    /// Most open TCP connections of one address, or `None` for no limit.
    pub fn connection_cap(&self) -> Option<u32> {
        self.per_address(self.connections_per_address)
    }

    /// Most open gateway connections of one address that have not identified, or `None` for no limit.
    pub fn gateway_connection_cap(&self) -> Option<u32> {
        self.per_address(self.gateway_connections_per_address)
    }

    /// The rate of `auth_per_address`, unless all limits per address are lifted.
    pub fn auth_per_address_cap(&self) -> Rate {
        if self.requests_per_address.is_none() { Rate::NONE } else { self.auth_per_address }
    }

    fn per_address(&self, cap: u32) -> Option<u32> {
        (cap != 0 && !self.requests_per_address.is_none()).then_some(cap)
    }
}

impl S3Settings {
    fn contradictions(&self) -> Option<(&'static str, String)> {
        let must = |path: &'static str, sentence: &str| Some((path, sentence.to_owned()));
        if self.bucket.is_empty() {
            let is_named = self.endpoint.is_some() || !self.access_key_id.is_empty();
            return must("media.s3.bucket", "must be set, because other settings of media.s3 are")
                .filter(|_| is_named);
        }
        // The rules of Amazon S3 for names of buckets, which others share.
        let is_fair = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
        if !(3..=63).contains(&self.bucket.len()) || !self.bucket.bytes().all(is_fair) {
            return must("media.s3.bucket", "must have 3 to 63 characters of a-z, 0-9, . and -");
        }
        if self.access_key_id.is_empty() {
            return must("media.s3.access_key_id", "must be set, because media.s3.bucket is");
        }
        let is_plain =
            |byte: u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'/');
        if !self.prefix.bytes().all(is_plain) {
            return must("media.s3.prefix", "may hold a-z, A-Z, 0-9, -, _ and /");
        }
        None
    }
}

impl PasswordSettings {
    /// The cost of a hash as the pool wants it: fixed where the memory is set, else to be measured.
    pub fn cost(&self) -> CostChoice {
        let Self { memory_kib, iterations, parallelism } = *self;
        if memory_kib == 0 {
            CostChoice::Measured(Cost { iterations, parallelism, ..Cost::LEAST })
        } else {
            CostChoice::Fixed(Cost { memory_kib, iterations, parallelism })
        }
    }
}

#[cfg(test)]
mod tests;
