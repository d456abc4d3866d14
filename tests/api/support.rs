//! A real server on port 0 with a fresh directory, and people and bots who speak to it as clients do.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hearth::config::Config;
use hearth::serve::{Running, Start};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// How long an event is waited for before its absence is a failure.
const PATIENCE: Duration = Duration::from_secs(10);

/// The password of everybody in tests.
pub const PASSWORD: &str = "correct horse battery";

/// A running server; stops and is cleaned up when dropped or [`Server::stop`]ped.
pub struct Server {
    /// `http://127.0.0.1:PORT`.
    pub origin: String,
    setup_link: String,
    running: Option<Running>,
    directory: tempfile::TempDir,
    http: reqwest::Client,
}

impl Server {
    /// A server with open registration and no limits.
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// A server with settings changed by `set`.
    pub async fn start_with(set: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::start_in(directory, set).await
    }

    /// A server on a directory that may hold data already.
    pub async fn start_in(directory: tempfile::TempDir, set: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { data: directory.path().to_owned(), ..Config::default() };
        config.registration = hearth::config::Registration::Open;
        config.passwords.memory_kib = 19_456;
        // Every write of every test runs twice, and must not show it (SAFETY.md I-5).
        config.store.rehearse = true;
        config.limits.routes = false;
        config.limits.requests_per_address = hearth::config::Rate::NONE;
        config.limits.global_per_user = hearth::config::Rate::NONE;
        config.limits.global_per_bot = hearth::config::Rate::NONE;
        set(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        config.listen = address;
        let running = hearth::start::start(Start { config, listener, address }).await.unwrap();
        let setup_link = running.setup_link.clone().unwrap_or_default();
        let http = reqwest::Client::builder().pool_max_idle_per_host(8).build().unwrap();
        Self { origin: format!("http://{address}"), setup_link, running: Some(running), directory, http }
    }

    /// Stops in order and starts again on the same data.
    pub async fn restart(self) -> Self {
        self.restart_with(|_| ()).await
    }

    /// As [`Server::restart`], with settings changed by `set`.
    pub async fn restart_with(mut self, set: impl FnOnce(&mut Config)) -> Self {
        self.running.take().unwrap().stop.await.unwrap();
        // Connections that have not closed yet hold the store, which in a process of its own would have gone with it.
        let patience = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        while redb::Database::open(self.directory.path().join(hearth::store::FILE_NAME)).is_err() {
            assert!(tokio::time::Instant::now() < patience, "the store is still open");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Self::start_in(self.directory, set).await
    }

    /// Stops in order.
    pub async fn stop(mut self) {
        self.running.take().unwrap().stop.await.unwrap();
    }

    /// Where it listens, as `HOST:PORT`.
    pub fn address(&self) -> &str {
        self.origin.trim_start_matches("http://")
    }

    /// The one-time set-up token.
    pub fn setup_token(&self) -> &str {
        self.setup_link.split_once('#').map_or("", |(_, token)| token)
    }

    /// Carries out what the command line asks of a running server.
    pub async fn command(&self, command: hearth::control::Command) -> Result<Value, String> {
        (self.running.as_ref().expect("it runs").commands)(command).await
    }

    /// A call without credentials.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.call_with(method, path, body, &[]).await
    }

    /// A call with headers of its own.
    pub async fn call_with(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.http.request(method.clone(), format!("{}/api/v10{path}", self.origin));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap_or(Value::Null)
        };
        Answer { what: format!("{method} {path}"), status, headers, body }
    }

    /// The data directory.
    pub fn data(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Names of files that are on their way in.
    pub fn unfinished_files(&self) -> Vec<String> {
        let names =
            std::fs::read_dir(self.data().join("blobs")).unwrap().map(|entry| entry.unwrap().file_name());
        let names = names.map(|name| name.into_string().unwrap());
        names.filter(|name| name.starts_with("tmp-") || name.starts_with("part-")).collect()
    }

    /// Anything fetched from anywhere, as bytes.
    pub async fn fetch(&self, url: &str, headers: &[(&str, &str)]) -> Fetched {
        let mut request = self.http.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Fetched { status, headers, bytes: response.bytes().await.unwrap().to_vec() }
    }

    /// A call with a body of any type, and headers of its own.
    pub async fn send(&self, method: Method, url: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let mut request = self.http.request(method.clone(), url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null);
        Answer { what: format!("{method} {url}"), status, headers, body }
    }

    /// A call with a form in its body.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let pairs: Vec<String> =
            fields.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
        let url = format!("{}/api/v10{path}", self.origin);
        let form = [("content-type", "application/x-www-form-urlencoded")];
        self.send(Method::POST, &url, &form, pairs.join("&").into_bytes()).await
    }

    /// Registers a person.
    pub async fn person(&self, name: &str) -> Person<'_> {
        let body = json!({ "username": name, "password": PASSWORD });
        let answer = self.call(Method::POST, "/auth/register", Some(body)).await.ok();
        let authorization = answer["token"].as_str().unwrap().to_owned();
        Person { server: self, id: answer["user_id"].as_str().unwrap().to_owned(), authorization }
    }

    /// Somebody whose token is known, as from before a restart.
    pub fn known(&self, id: &str, authorization: &str) -> Person<'_> {
        Person { server: self, id: id.to_owned(), authorization: authorization.to_owned() }
    }

    /// Registers the owner of the instance by the set-up link.
    pub async fn owner(&self, name: &str) -> Person<'_> {
        let body = json!({ "username": name, "password": PASSWORD, "setup_token": self.setup_token() });
        let answer = self.call(Method::POST, "/auth/register", Some(body)).await.ok();
        let authorization = answer["token"].as_str().unwrap().to_owned();
        Person { server: self, id: answer["user_id"].as_str().unwrap().to_owned(), authorization }
    }
}

/// Something fetched.
pub struct Fetched {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Fetched {
    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What the server answered.
#[derive(Debug)]
pub struct Answer {
    what: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as JSON; null when empty.
    pub body: Value,
}

impl Answer {
    /// The body of a good answer.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{}: {} {}", self.what, self.status, self.body);
        self.body
    }

    /// Checks the status and JSON code of a refusal.
    #[track_caller]
    pub fn refused(self, status: u16, code: u64) -> Value {
        assert_eq!(
            (self.status.as_u16(), self.body["code"].as_u64()),
            (status, Some(code)),
            "{}: {}",
            self.what,
            self.body
        );
        self.body
    }
}

/// A person or bot with a token.
#[derive(Clone)]
pub struct Person<'s> {
    server: &'s Server,
    /// The account's id.
    pub id: String,
    /// The `Authorization` header.
    pub authorization: String,
}

impl Person<'_> {
    /// The server.
    pub fn server(&self) -> &Server {
        self.server
    }

    /// A call with this account's token.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.server.call_with(method, path, body, &[("authorization", &self.authorization)]).await
    }

    /// A call with files: `parts` are name, file name (empty for none) and bytes.
    pub async fn send_parts(&self, method: Method, path: &str, parts: &[(&str, &str, &[u8])]) -> Answer {
        let body = multipart(parts);
        let headers = [("authorization", self.authorization.as_str()), ("content-type", MULTIPART)];
        self.server.send(method, &format!("{}/api/v10{path}", self.server.origin), &headers, body).await
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    /// `POST`.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    /// `PUT`.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// `PATCH`.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// A guild of one's own: its id, and the id of its first text channel.
    pub async fn make_guild(&self, name: &str) -> (String, String) {
        let guild = self.post("/guilds", json!({ "name": name })).await.ok();
        let id = guild["id"].as_str().unwrap().to_owned();
        let channels = self.get(&format!("/guilds/{id}/channels")).await.ok();
        let text = channels.as_array().unwrap().iter().find(|channel| channel["type"] == 0).unwrap();
        let text = text["id"].as_str().unwrap().to_owned();
        (id, text)
    }

    /// Brings others into a guild by an invite to `channel`.
    pub async fn bring(&self, channel: &str, others: &[&Person<'_>]) {
        let invite = self.post(&format!("/channels/{channel}/invites"), json!({})).await.ok();
        for other in others {
            other.post(&format!("/invites/{}", invite["code"].as_str().unwrap()), json!({})).await.ok();
        }
    }

    /// Makes friends with somebody who may be known.
    pub async fn befriend(&self, other: &Person<'_>) {
        self.put(&format!("/users/@me/relationships/{}", other.id), json!({})).await.ok();
        other.put(&format!("/users/@me/relationships/{}", self.id), json!({})).await.ok();
    }

    /// Opens the conversation with somebody: its id.
    pub async fn open_dm(&self, other: &Person<'_>) -> String {
        let channel = self.post("/users/@me/channels", json!({ "recipient_id": other.id })).await.ok();
        channel["id"].as_str().unwrap().to_owned()
    }

    /// Posts a text; the message comes back.
    pub async fn say(&self, channel: &str, text: &str) -> Value {
        self.post(&format!("/channels/{channel}/messages"), json!({ "content": text })).await.ok()
    }

    /// Makes an application of one's own; the bot comes back, with its token.
    pub async fn make_bot(&self, name: &str) -> Person<'_> {
        let application = self.post("/applications", json!({ "name": name })).await.ok();
        let id = application["id"].as_str().unwrap().to_owned();
        let token = self.post(&format!("/applications/{id}/bot/reset"), json!({})).await.ok();
        Person { server: self.server, id, authorization: format!("Bot {}", token["token"].as_str().unwrap()) }
    }

    /// Connects to the gateway and identifies; READY is the first event.
    pub async fn connect(&self) -> Gateway {
        self.connect_with(json!({})).await
    }

    /// Connects with more fields in Identify, such as intents.
    pub async fn connect_with(&self, more: Value) -> Gateway {
        let mut gateway = Gateway::open(&self.server.origin, "?v=10&encoding=json").await;
        let mut identify = json!({ "token": self.authorization, "properties": { "os": "linux", "browser": "test", "device": "test" } });
        for (key, value) in more.as_object().unwrap() {
            identify[key] = value.clone();
        }
        gateway.send(2, identify).await;
        let ready = gateway.expect("READY").await;
        gateway.session_id = ready["session_id"].as_str().unwrap().to_owned();
        gateway.ready = ready;
        gateway
    }
}

/// The content type of [`multipart`].
pub const MULTIPART: &str = "multipart/form-data; boundary=hearth-of-stones";

/// A body of parts: name, file name (empty for none) and bytes.
pub fn multipart(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, filename, bytes) in parts {
        let filename = if filename.is_empty() { String::new() } else { format!("; filename=\"{filename}\"") };
        body.extend_from_slice(
            format!(
                "--hearth-of-stones\r\nContent-Disposition: form-data; name=\"{name}\"{filename}\r\n\r\n"
            )
            .as_bytes(),
        );
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--hearth-of-stones--\r\n");
    body
}

/// A connection to the gateway.
pub struct Gateway {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    waiting: VecDeque<(String, Value)>,
    /// The payload of READY.
    pub ready: Value,
    /// The session's id.
    pub session_id: String,
    /// The last sequence number.
    pub seq: u64,
}

impl Gateway {
    /// Opens a socket and takes HELLO.
    pub async fn open(origin: &str, query: &str) -> Self {
        let url = format!("{}/{query}", origin.replace("http://", "ws://"));
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut gateway =
            Self { socket, waiting: VecDeque::new(), ready: Value::Null, session_id: String::new(), seq: 0 };
        let hello = gateway.frame().await.unwrap();
        assert_eq!(hello["op"], 10);
        gateway
    }

    /// Sends a payload.
    pub async fn send(&mut self, op: u64, d: Value) {
        let text = json!({ "op": op, "d": d }).to_string();
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Sends raw bytes.
    pub async fn send_binary(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::binary(bytes)).await.unwrap();
    }

    /// Sends raw bytes to a server that may have closed.
    pub async fn try_send_binary(
        &mut self,
        bytes: Vec<u8>,
    ) -> Result<(), tokio_tungstenite::tungstenite::Error> {
        self.socket.send(Message::binary(bytes)).await
    }

    /// Sends raw text.
    pub async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next frame; a close frame's code is the error.
    pub async fn frame(&mut self) -> Result<Value, u16> {
        loop {
            let next =
                tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("the gateway stays silent");
            match next {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    async fn event(&mut self) -> (String, Value) {
        loop {
            let frame = self.frame().await.unwrap_or_else(|code| panic!("the gateway closed with {code}"));
            if frame["op"] == 0 {
                let seq = frame["s"].as_u64().unwrap();
                assert_eq!(seq, self.seq + 1, "a gap in the sequence");
                self.seq = seq;
                return (frame["t"].as_str().unwrap().to_owned(), frame["d"].clone());
            }
        }
    }

    /// The next event of this name; others before it wait for their own `expect`.
    pub async fn expect(&mut self, name: &str) -> Value {
        if let Some(at) = self.waiting.iter().position(|(waiting, _)| waiting == name) {
            return self.waiting.remove(at).unwrap().1;
        }
        loop {
            let (event, data) = self.event().await;
            if event == name {
                return data;
            }
            self.waiting.push_back((event, data));
        }
    }

    /// The next event, whichever it is: its name and payload.
    pub async fn next_event(&mut self) -> (String, Value) {
        match self.waiting.pop_front() {
            Some(waiting) => waiting,
            None => self.event().await,
        }
    }

    /// Takes all events up to and with one of this name; answers the names before it.
    pub async fn names_until(&mut self, name: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        loop {
            let (event, _) = match self.waiting.pop_front() {
                Some(waiting) => waiting,
                None => self.event().await,
            };
            if event == name {
                return names;
            }
            names.push(event);
        }
    }

    /// Drops the TCP connection without a close frame.
    pub fn cut(self) -> (String, u64) {
        (self.session_id, self.seq)
    }
}
