//! The real binary from its command line: settings, the life of a server process, the control socket.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

fn hearth(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hearth"));
    command
        .current_dir(dir)
        .env_clear()
        .env("HEARTH_DATA", dir.join("data"))
        .env("HEARTH_LISTEN", "127.0.0.1:0");
    command.env("HEARTH_PASSWORDS_MEMORY_KIB", "19456");
    command
}

fn output(dir: &Path, arguments: &[&str]) -> Output {
    hearth(dir).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A serving process, once it has said what to open.
struct Server {
    process: Child,
    announced: String,
}

impl Server {
    fn start(dir: &Path) -> Self {
        let mut process =
            hearth(dir).arg("serve").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let mut announced = String::new();
        while !announced.contains("http://") {
            assert_ne!(out.read_line(&mut announced).unwrap(), 0, "it ended after: {announced}");
        }
        Self { process, announced }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn settings_are_shown_with_their_sources_and_checked_all_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let shown = output(dir.path(), &["config", "show", "--set", "limits.routes=off"]);
    let listed = text(&shown.stdout);
    assert!(shown.status.success());
    assert!(
        listed.lines().any(|l| l.starts_with("limits.routes = false") && l.ends_with("# flag --set")),
        "{listed}"
    );
    assert!(
        listed.lines().any(|l| l.starts_with("listen = ") && l.ends_with("# environment HEARTH_LISTEN")),
        "{listed}"
    );
    assert!(
        listed.lines().any(|l| l.starts_with("name = \"Hearth\"") && l.ends_with("# default")),
        "{listed}"
    );
    assert!(output(dir.path(), &["config", "check"]).status.success());

    let faulty =
        output(dir.path(), &["config", "check", "--listen", "0.0.0.0:1", "--set", "limits.rotes=off"]);
    assert_eq!(faulty.status.code(), Some(78));
    let faults = text(&faulty.stderr);
    assert!(faults.contains("nearest is limits.routes") && faults.contains("public_url"), "{faults}");
    assert_eq!(output(dir.path(), &["serve", "--listen", "0.0.0.0:0"]).status.code(), Some(78));

    let sample = output(dir.path(), &["config", "sample"]);
    std::fs::write(dir.path().join("hearth.toml"), &sample.stdout).unwrap();
    assert!(output(dir.path(), &["config", "check"]).status.success());
}

#[test]
fn one_server_has_its_data_to_itself_and_stops_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    assert!(server.announced.contains("http://127.0.0.1:"), "{}", server.announced);

    let second = output(dir.path(), &["serve"]);
    assert_eq!(second.status.code(), Some(74));
    assert!(text(&second.stderr).contains("another Hearth process is using"), "{}", text(&second.stderr));

    let status = output(dir.path(), &["status"]);
    assert!(status.status.success(), "{}", text(&status.stderr));
    assert!(text(&status.stdout).contains(env!("CARGO_PKG_VERSION")));

    let asked = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.process.wait().unwrap().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5));
    assert!(!dir.path().join("data/control.sock").exists());
    assert_eq!(output(dir.path(), &["status"]).status.code(), Some(1));
    drop(server);

    let again = Server::start(dir.path());
    again.signal(Signal::INT);
}

#[test]
fn logs_are_json_when_asked_and_keep_to_standard_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = hearth(dir.path())
        .args(["serve", "--set", "log.format=json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut announced = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut announced).unwrap();
    kill_process(Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap(), Signal::TERM).unwrap();
    let mut logged = String::new();
    process.stderr.take().unwrap().read_to_string(&mut logged).unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(0));
    let lines: Vec<serde_json::Value> =
        logged.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["message"] == "stopping" && line["level"] == "INFO"), "{logged}");
}

#[test]
fn a_password_comes_by_standard_input_and_is_never_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = hearth(dir.path())
        .args(["user", "create", "alice", "--password-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut process.stdin.take().unwrap(), b"short\n").unwrap();
    let mut said = String::new();
    process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(1));
    assert!(said.contains("between 8 and 72 bytes, this one has 5") && !said.contains("short"), "{said}");
}
