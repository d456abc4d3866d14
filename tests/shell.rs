//! The real binary from its command line: settings, the life of a server process, the control socket, what it logs and how much memory
//! it takes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use futures_util::SinkExt as _;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

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
        Self::start_with(dir, &[], Stdio::null())
    }

    /// A server with settings of its own, whose log goes to `log`.
    fn start_with(dir: &Path, settings: &[&str], log: Stdio) -> Self {
        let settings = settings.iter().flat_map(|setting| ["--set", setting]);
        let mut process =
            hearth(dir).arg("serve").args(settings).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let mut announced = String::new();
        while !announced.contains("http://") {
            assert_ne!(out.read_line(&mut announced).unwrap(), 0, "it ended after: {announced}");
        }
        Self { process, announced }
    }

    fn origin(&self) -> String {
        let (_, rest) = self.announced.split_once("http://").unwrap();
        format!("http://{}", rest.split(['/', '\n']).next().unwrap())
    }

    /// The token of the set-up link.
    fn setup_token(&self) -> &str {
        let (_, rest) = self.announced.split_once("/setup#").unwrap();
        rest.split_whitespace().next().unwrap()
    }

    /// Resident memory, bytes.
    fn memory_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
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
fn the_doctor_says_whether_media_finds_the_server_and_which_port_to_open() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(output(dir.path(), &["doctor", "voice"]).status.code(), Some(1), "no server to look at");
    let ask = |settings: &[&str]| {
        let server = Server::start_with(dir.path(), settings, Stdio::null());
        let port = server.origin().rsplit(':').next().unwrap().to_owned();
        let found = output(dir.path(), &["doctor", "voice"]);
        (found.status.code(), text(&found.stdout), port)
    };
    let (code, said, port) = ask(&[]);
    assert_eq!(code, Some(0), "{said}");
    for way in ["UDP", "TCP"] {
        assert!(said.contains(&format!("good   {way} 127.0.0.1:{port} answers.")), "{said}");
    }
    // Nobody listens at that address.
    let (code, said, port) = ask(&["voice.public_ip=127.0.0.9"]);
    assert_eq!(code, Some(1), "{said}");
    for way in ["UDP", "TCP"] {
        assert!(said.contains(&format!("FAULT  {way} 127.0.0.9:{port} does not answer")), "{said}");
        assert!(said.contains(&format!("Open {way} port {port}")), "{said}");
    }
    let (code, said, _) = ask(&["voice.udp=off"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("FAULT  UDP is off") && said.contains("good   TCP"), "{said}");
    let (code, said, _) = ask(&["voice.udp=off", "voice.tcp=off"]);
    assert!(code == Some(1) && said.contains("FAULT  Voice is off"), "{said}");
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

/// Somebody who asks the API of a process.
struct Caller {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Caller {
    /// The owner of the instance.
    async fn owner(server: &Server, password: &str) -> Self {
        let base = format!("{}/api/v10", server.origin());
        let mut owner = Self { http: reqwest::Client::new(), base, token: String::new() };
        let form = json!({ "username": "mira", "password": password, "setup_token": server.setup_token() });
        owner.token = text_of(&owner.post("/auth/register", &form).await["token"]);
        owner
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.base);
        let answer =
            self.http.post(&url).header("authorization", &self.token).json(body).send().await.unwrap();
        let (status, body) = (answer.status(), answer.bytes().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {}", text(&body));
        serde_json::from_slice(&body).unwrap_or_default()
    }

    /// A guild with a channel to talk in.
    async fn channel(&self) -> (String, String) {
        let guild = text_of(&self.post("/guilds", &json!({ "name": "Maple House" })).await["id"]);
        let channel = self.post(&format!("/guilds/{guild}/channels"), &json!({ "name": "talk" })).await;
        (guild, text_of(&channel["id"]))
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

const UNLIMITED: [&str; 4] = [
    "limits.routes=off",
    "limits.requests_per_address=0",
    "limits.auth_per_address=0",
    "limits.global_per_user=0",
];

#[tokio::test]
async fn no_secret_and_no_word_of_anybody_is_logged_however_much_is() {
    const PASSWORD: &str = "canary of the password";
    const WORDS: &str = "canary of a message";
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let settings = ["log.filter=trace", UNLIMITED[0], UNLIMITED[1], UNLIMITED[2], UNLIMITED[3]];
    let mut server = Server::start_with(dir.path(), &settings, std::fs::File::create(&log).unwrap().into());
    let setup_token = server.setup_token().to_owned();
    let mira = Caller::owner(&server, PASSWORD).await;
    let (guild, channel) = mira.channel().await;
    mira.post(&format!("/channels/{channel}/messages"), &json!({ "content": WORDS })).await;
    let invite = mira.post(&format!("/channels/{channel}/invites"), &json!({})).await;
    let accept = format!("/invites/{}", text_of(&invite["code"]));
    mira.post(&accept, &json!({})).await;
    let hook = mira.post(&format!("/channels/{channel}/webhooks"), &json!({ "name": "Oven" })).await;
    let execute = format!("/webhooks/{}/{}?wait=true", text_of(&hook["id"]), text_of(&hook["token"]));
    mira.post(&execute, &json!({ "content": WORDS })).await;
    let application = text_of(&mira.post("/applications", &json!({ "name": "Ladle" })).await["id"]);
    let bot =
        mira.post(&format!("/applications/{application}/bot/reset"), &json!({ "password": PASSWORD })).await;
    let secret =
        mira.post(&format!("/applications/{application}/reset"), &json!({ "password": PASSWORD })).await;
    let ticket = mira.post("/hearth/gateway-ticket", &json!({})).await;
    // Refusals and failures are told in logs too.
    let login = json!({ "login": "mira", "password": format!("{PASSWORD}, but wrong") });
    let wrong = mira.http.post(format!("{}/auth/login", mira.base)).json(&login).send().await.unwrap();
    assert_eq!(wrong.status().as_u16(), 400);
    let url = format!("{}/?v=10&encoding=json", server.origin().replace("http", "ws"));
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let identify = json!({ "op": 2, "d": { "token": bot["token"], "intents": 1, "properties": {} } });
    socket.send(Message::text(identify.to_string())).await.unwrap();
    mira.post(&format!("/guilds/{guild}/delete"), &json!({ "password": PASSWORD })).await;
    server.signal(Signal::TERM);
    assert_eq!(server.process.wait().unwrap().code(), Some(0));
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("TRACE") && logged.contains("hearth"), "{logged}");
    for (what, canary) in [
        ("the password", PASSWORD.to_owned()),
        ("a message", WORDS.to_owned()),
        ("the set-up token", setup_token),
        ("a session's token", mira.token.clone()),
        ("an invite's code", text_of(&invite["code"])),
        ("a webhook's token", text_of(&hook["token"])),
        ("a bot's token", text_of(&bot["token"])),
        ("an application's secret", text_of(&secret["secret"])),
        ("a gateway ticket", text_of(&ticket["ticket"])),
    ] {
        let line = logged.lines().find(|line| line.contains(&canary));
        assert!(line.is_none(), "{what} is logged: {}", line.unwrap_or_default());
    }
}

#[tokio::test]
async fn a_large_file_is_never_whole_in_memory_on_its_way_in_or_out() {
    const FILE_BYTES: u64 = 256 << 20;
    const GROWTH_BYTES: u64 = 16 << 20;
    let dir = tempfile::tempdir().unwrap();
    let settings = ["max_file_size=1GiB", UNLIMITED[0], UNLIMITED[1], UNLIMITED[2], UNLIMITED[3]];
    let server = Server::start_with(dir.path(), &settings, Stdio::null());
    let mira = Caller::owner(&server, "correct horse battery").await;
    let (_, channel) = mira.channel().await;
    let slots = json!({ "files": [{ "filename": "film.bin", "file_size": FILE_BYTES }] });
    let made = mira.post(&format!("/channels/{channel}/attachments"), &slots).await;
    let slot = &made["attachments"][0];
    // As it is once its code and caches are in memory.
    mira.post(&format!("/channels/{channel}/messages"), &json!({ "content": "a film comes" })).await;
    let before = server.memory_bytes();
    let mut most = before;
    let address = server.origin().replace("http://", "");
    let path = |url: &Value| text_of(url).split_once(&address).unwrap().1.to_owned();

    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    let target = path(&slot["upload_url"]);
    write!(stream, "PUT {target} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {FILE_BYTES}\r\n\r\n")
        .unwrap();
    let piece = vec![7; 1 << 20];
    for _ in 0..FILE_BYTES >> 20 {
        stream.write_all(&piece).unwrap();
        most = most.max(server.memory_bytes());
    }
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let named = json!({ "attachments": [{ "id": 0, "filename": "film.bin", "uploaded_filename": slot["upload_filename"] }] });
    let posted = mira.post(&format!("/channels/{channel}/messages"), &named).await;

    let target = path(&posted["attachments"][0]["url"]);
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let (mut read_bytes, mut buffer) = (0, vec![0; 1 << 20]);
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            count => read_bytes += count as u64,
        }
        most = most.max(server.memory_bytes());
    }
    assert!(read_bytes > FILE_BYTES, "the file and its head: {read_bytes}");
    assert!(most - before < GROWTH_BYTES, "from {before} to {most}");
}

#[tokio::test]
async fn i12_clients_that_never_read_cost_no_more_than_their_budget() {
    const BUDGET_BYTES: u64 = 4 << 20;
    /// As many as may identify in five seconds.
    const READERS: usize = 16;
    const POSTS: usize = 1_200;
    const AT_ONCE: usize = 16;
    let dir = tempfile::tempdir().unwrap();
    let budget =
        [format!("gateway.replay_bytes={BUDGET_BYTES}"), format!("store.cache_bytes={BUDGET_BYTES}")];
    let settings: Vec<&str> = budget.iter().map(String::as_str).chain(UNLIMITED).collect();
    let server = Server::start_with(dir.path(), &settings, Stdio::null());
    let mira = Caller::owner(&server, "correct horse battery").await;
    let (_, channel) = mira.channel().await;
    let url = format!("{}/?v=10&encoding=json", server.origin().replace("http", "ws"));
    let mut deaf = Vec::new();
    for _ in 0..READERS {
        let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
        let identify = json!({ "op": 2, "d": { "token": mira.token, "properties": {} } });
        socket.send(Message::text(identify.to_string())).await.unwrap();
        deaf.push(socket);
    }
    // Each post is 30 KB on the wire.
    let large = json!({ "content": "🔥".repeat(2_000), "embeds": [{ "description": "🔥".repeat(4_000) }] });
    let path = format!("/channels/{channel}/messages");
    mira.post(&path, &large).await;
    let before = server.memory_bytes();
    for _ in 0..POSTS / AT_ONCE {
        futures_util::future::join_all((0..AT_ONCE).map(|_| mira.post(&path, &large))).await;
    }
    let (grown, sent) = (server.memory_bytes().saturating_sub(before), POSTS as u64 * 24_000);
    assert!(sent > 6 * BUDGET_BYTES, "without bounds it would show");
    assert!(grown < 3 * BUDGET_BYTES, "{grown} bytes more after {sent} bytes of posts");
    drop(deaf);
}

#[test]
fn the_service_manager_may_hold_the_listener() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap();
    let dir = tempfile::tempdir().unwrap();
    // sd_listen_fds(3): the socket is file 3 of the process that is named
    let start = |held: Stdio| {
        let mut process = Command::new("sh")
            .args(["-c", "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" serve"])
            .arg(env!("CARGO_BIN_EXE_hearth"))
            .env("HEARTH_DATA", dir.path().join("data"))
            .env("HEARTH_PASSWORDS_MEMORY_KIB", "19456")
            .stdin(held)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let mut announced = String::new();
        while !announced.contains("http://") && out.read_line(&mut announced).unwrap() > 0 {}
        (process, announced)
    };
    let pid = |process: &Child| Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap();

    let (mut first, announced) = start(std::os::fd::OwnedFd::from(held.try_clone().unwrap()).into());
    assert!(announced.contains(&format!("http://{address}")), "{announced}");
    kill_process(pid(&first), Signal::TERM).unwrap();
    assert_eq!(first.wait().unwrap().code(), Some(0));
    // nobody serves, and yet who comes now is not refused, but answered by the next process
    let mut early = std::net::TcpStream::connect(address).unwrap();
    early.write_all(format!("GET /api/v10/gateway HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes()).unwrap();
    let (mut next, _) = start(std::os::fd::OwnedFd::from(held).into());
    let mut answer = [0; 15];
    early.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    kill_process(pid(&next), Signal::TERM).unwrap();
    assert_eq!(next.wait().unwrap().code(), Some(0));

    let file = std::fs::File::open("/dev/null").unwrap();
    let (mut wrong, announced) = start(std::os::fd::OwnedFd::from(file).into());
    let mut said = String::new();
    wrong.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((wrong.wait().unwrap().code(), announced.as_str()), (Some(74), ""));
    assert!(said.contains("given by the service manager"), "{said}");
}
