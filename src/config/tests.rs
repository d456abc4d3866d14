//! Precedence, faults and the sample file of the settings.

use std::ffi::OsString;
use std::net::IpAddr;

use super::*;

fn env(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
}

fn file_flags(dir: &tempfile::TempDir, text: &str) -> Flags {
    let path = dir.path().join("hearth.toml");
    std::fs::write(&path, text).unwrap();
    Flags { config: Some(path), ..Flags::default() }
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let mut flags = file_flags(
        &dir,
        "listen = '127.0.0.1:1'\nname = 'File'\nregistration = 'closed'\n[limits]\nroutes = false\n",
    );
    flags.listen = Some("127.0.0.1:3".into());
    flags.set = vec!["limits.max_content_chars=4000".into()];
    let loaded =
        Loaded::load(&flags, env(&[("HEARTH_LISTEN", "127.0.0.1:2"), ("HEARTH_REGISTRATION", "open")]))
            .unwrap();
    let config = &loaded.config;
    assert_eq!(config.listen, "127.0.0.1:3".parse().unwrap());
    assert_eq!(config.registration, Registration::Open);
    assert_eq!(config.name, "File");
    assert!(!config.limits.routes);
    assert_eq!(config.limits.max_content_chars, 4_000);
    assert_eq!(config.limits.guilds_per_user, 200);
    assert_eq!(*loaded.source("listen"), Source::Flag("--listen".into()));
    assert_eq!(*loaded.source("registration"), Source::Environment("HEARTH_REGISTRATION".into()));
    assert!(matches!(loaded.source("name"), Source::File(_)));
    assert_eq!(*loaded.source("store.cache_bytes"), Source::Default);
    let shown = loaded.show();
    assert!(shown.contains("# environment HEARTH_REGISTRATION") && shown.contains("# flag --set"), "{shown}");
}

#[test]
fn every_setting_is_reachable_by_its_variable() {
    let loaded = Loaded::load(
        &Flags::default(),
        env(&[
            ("HEARTH_LIMITS_AUTH_PER_ADDRESS", "0"),
            ("HEARTH_LIMITS_REQUESTS_PER_ADDRESS", "0"),
            ("HEARTH_LIMITS_ROUTES", "off"),
            ("HEARTH_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8"),
            ("HEARTH_BIN", "/elsewhere/hearth"),
            ("PATH", "/bin"),
        ]),
    )
    .unwrap();
    let limits = &loaded.config.limits;
    assert!(limits.auth_per_address.is_none() && limits.requests_per_address.is_none() && !limits.routes);
    assert_eq!(limits.connection_cap(), None);
    assert_eq!(loaded.config.trusted_proxies.len(), 2);
    let names: std::collections::BTreeSet<_> =
        sources::all().iter().map(|s| s.path.replace('.', "_")).collect();
    assert_eq!(names.len(), sources::all().len(), "two settings share a variable");
}

#[test]
fn all_faults_come_at_once_and_name_what_to_change() {
    let dir = tempfile::tempdir().unwrap();
    let flags =
        file_flags(&dir, "registraton = 'open'\nauth_per_address = '5/min'\n[limits]\nroutes = 'maybe'\n");
    let faults =
        Loaded::load(&flags, env(&[("HEARTH_LIMITS_ROUTE", "off"), ("HEARTH_STORE_CACHE_BYTES", "many")]))
            .unwrap_err();
    let text = faults.to_string();
    assert_eq!(faults.0.len(), 5, "{text}");
    for part in [
        "the nearest is registration",
        "the nearest is limits.auth_per_address",
        "the nearest is HEARTH_LIMITS_ROUTES",
        "must be on or off, not \"maybe\"",
        "store.cache_bytes (environment HEARTH_STORE_CACHE_BYTES) must be a size",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn a_listener_others_can_reach_needs_its_public_address() {
    let refused = Loaded::load(&Flags::default(), env(&[("HEARTH_LISTEN", "0.0.0.0:8420")])).unwrap_err();
    assert!(refused.to_string().starts_with("public_url (default) must be set"), "{refused}");
    let both =
        env(&[("HEARTH_LISTEN", "0.0.0.0:8420"), ("HEARTH_PUBLIC_URL", "https://Chat.Example.org:443/")]);
    let config = Loaded::load(&Flags::default(), both).unwrap().config;
    let origin = config.origin_at(config.listen);
    assert_eq!(origin.to_string(), "https://chat.example.org");
    assert_eq!(origin.gateway_url(), "wss://chat.example.org");
    assert_eq!(config.cdn_base_at(config.listen), "https://chat.example.org/cdn");
    let alone = Config::default();
    assert_eq!(alone.origin_at("[::1]:80".parse().unwrap()).to_string(), "http://[::1]");
    assert_eq!(alone.origin_at("127.0.0.1:8420".parse().unwrap()).authority(), "127.0.0.1:8420");
}

#[test]
fn values_out_of_range_are_refused() {
    for (name, value) in [
        ("HEARTH_LIMITS_MAX_CONTENT_CHARS", "4001"),
        ("HEARTH_LIMITS_REQUESTS_PER_ADDRESS", "20"),
        ("HEARTH_PASSWORDS_MEMORY_KIB", "1024"),
        ("HEARTH_PASSWORDS_ITERATIONS", "1"),
        ("HEARTH_PUBLIC_URL", "https://chat.example.org/path"),
        ("HEARTH_PUBLIC_URL", "ftp://chat.example.org"),
        ("HEARTH_PUBLIC_URL", "https://user@chat.example.org"),
        ("HEARTH_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("HEARTH_STORE_CACHE_BYTES", "99999999999GiB"),
        ("HEARTH_LOG_FILTER", "hearth=loud"),
        ("HEARTH_NAME", " "),
        ("HEARTH_CDN_BASE", "https://files.example.org/?x"),
    ] {
        assert!(Loaded::load(&Flags::default(), env(&[(name, value)])).is_err(), "{name}={value}");
    }
    let flags = Flags { set: vec!["limits.routes".into()], ..Flags::default() };
    assert!(Loaded::load(&flags, env(&[])).is_err());
    let missing = Flags { config: Some("/nonexistent/hearth.toml".into()), ..Flags::default() };
    assert!(Loaded::load(&missing, env(&[])).unwrap_err().to_string().contains("can't be read"));
}

#[test]
fn networks_hold_their_addresses_only() {
    let holds = |network: &str, address: &str| {
        Network::parse(network).unwrap().contains(address.parse::<IpAddr>().unwrap())
    };
    assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
    assert!(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert!(holds("0.0.0.0/0", "203.0.113.9") && !holds("0.0.0.0/0", "2001:db8::1"));
    assert!(holds("2001:db8::/32", "2001:db8:1::1") && !holds("2001:db8::/32", "2001:db9::1"));
    assert!(holds("::ffff:10.0.0.0/104", "10.9.9.9") && !holds("::ffff:10.0.0.0/104", "11.0.0.1"));
    assert!(holds("127.0.0.1", "127.0.0.1") && !holds("127.0.0.1", "127.0.0.2"));
}

#[test]
fn the_sample_file_is_the_defaults() {
    insta::assert_snapshot!(Config::sample());
    let dir = tempfile::tempdir().unwrap();
    let uncommented: String = Config::sample()
        .lines()
        .filter(|line| !line.starts_with("# "))
        .map(|line| format!("{}\n", line.strip_prefix('#').unwrap_or(line)))
        .collect();
    let loaded = Loaded::load(&file_flags(&dir, &uncommented), env(&[])).unwrap();
    assert_eq!(loaded.config, Config::default());
    for setting in sources::all() {
        assert!(
            matches!(loaded.source(setting.path), Source::File(_)),
            "{} is missing in the sample",
            setting.path
        );
    }
}
