//! The edge over a real socket on port 0, spoken to in raw HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::header::{HeaderValue, UPGRADE};
use hyper::{Response, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;
use crate::actions::{ActionError, Actor, ActorKind, Credential, Fault};
use crate::app::App;
use crate::config::{Given, Loaded, Source};
use crate::logic::form::{Fields, Form, kinds::*};
use crate::model::{Id, kind};

/// A server with the routes of this file, and what stops it.
struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
    _directory: tempfile::TempDir,
}

impl Server {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let given: Vec<Given> = settings
            .iter()
            .map(|(path, text)| Given { path: (*path).into(), text: (*text).into(), source: Source::Default })
            .collect();
        let (app, directory) = App::for_test(Loaded::from_given(&given).unwrap().config);
        let edge = Edge::with_routes(app, hooks(), address, test_routes());
        let (stop, stopped) = watch::channel(false);
        let served = tokio::spawn(serve(listener, edge, stopped));
        Self { address, stop, served, _directory: directory }
    }

    /// Sends bytes, reads all that comes back until the server closes.
    async fn raw(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // A server that has refused already may have closed, so a failed write is no failure of the test.
        let _ = stream.write_all(request).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    }

    /// One request with `lines` as further headers.
    async fn ask(&self, line: &str, lines: &[&str], body: &[u8]) -> Answered {
        let mut request = format!("{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        if !body.is_empty() {
            request += &format!("Content-Length: {}\r\n", body.len());
        }
        for line in lines {
            request += &format!("{line}\r\n");
        }
        let mut bytes = (request + "\r\n").into_bytes();
        bytes.extend_from_slice(body);
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let _ = stream.write_all(&bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        Answered::of(&answer)
    }

    async fn post(&self, path: &str, body: &str) -> Answered {
        self.ask(
            &format!("POST {path}"),
            &["Content-Type: application/json", "Authorization: human-1"],
            body.as_bytes(),
        )
        .await
    }
}

#[derive(Debug)]
struct Answered {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answered {
    fn of(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (own, value) = line.split_once(": ")?;
            own.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Status and JSON code of an error.
    fn error(&self) -> (u16, u64) {
        (self.status, self.json()["code"].as_u64().unwrap())
    }
}

fn hooks() -> Hooks {
    Hooks {
        authenticate: |_, credential| {
            let known = |text: String, prefix: &str| -> Result<u64, ActionError> {
                Ok(text.strip_prefix(prefix).and_then(|id| id.parse().ok()).ok_or(Fault::Unauthorized)?)
            };
            let (id, is_bot) = match credential {
                Credential::Bot(token) => (known(token, "bot-")?, true),
                Credential::Human(token) | Credential::Cookie(token) | Credential::Bearer(token) => {
                    (known(token, "human-")?, false)
                }
            };
            let kind = if is_bot {
                ActorKind::Bot { application: Id::new(id) }
            } else {
                ActorKind::Human { session: Id::new(id) }
            };
            Ok(Actor { user: Id::new(id), kind })
        },
        gateway: Box::new(|_, _| {
            let mut response = Response::new(Body::default());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
            response
        }),
        voice: None,
        media: None,
        tls: None,
        cdn: Box::new(|request, _| {
            let path = request.uri().path().to_owned();
            Box::pin(async move { Response::new(Body::new(path)) })
        }),
    }
}

struct Post {
    content: String,
    flags: u8,
}

impl Form for Post {
    fn read(f: &mut Fields) -> Self {
        Self { content: f.need("content", text(1..=5)), flags: f.or("flags", integer(0..=3), 0) }
    }
}

/// Channel 1 is open, channel 2 hidden.
async fn create(call: Call) -> Answer {
    let actor = call.actor()?;
    let channel = call.id::<kind::Channel>("channel_id")?;
    let (form, reason) = (call.form::<Post>(), call.reason()?);
    if channel.get() == 2 {
        return Err(Fault::MissingAccess.into());
    }
    let form = form.take()?;
    let reason = reason.map(|reason| reason.into_string());
    Reply::json(&serde_json::json!({
        "by": actor.user, "in": channel, "content": form.content, "flags": form.flags, "reason": reason,
    }))
}

async fn panics(_: Call) -> Answer {
    panic!("a secret of the server")
}

async fn whoami(call: Call) -> Answer {
    let local = call.is_local();
    let bot = call.perhaps_actor().map(|actor| actor.is_bot());
    Reply::json(&serde_json::json!({ "address": call.address(), "local": local, "bot": bot }))
}

async fn sized(call: Call) -> Answer {
    Reply::json(&call.body().len())
}

async fn nothing(_: Call) -> Answer {
    Ok(Reply::nothing())
}

fn test_routes() -> Vec<Route> {
    vec![
        post("/channels/{channel_id}/messages", create)
            .limit(Bucket::MessageCreate)
            .takes::<Post>()
            .gives::<Value>(201)
            .audited()
            .summary("Post"),
        get("/panic", panics).who(Who::Nobody).summary("Panic"),
        get("/whoami", whoami).who(Who::Perhaps).gives::<Value>(200).summary("Tell who calls"),
        post("/sized", sized)
            .who(Who::Nobody)
            .with_pictures()
            .limit(Bucket::Unlimited)
            .gives::<u64>(200)
            .summary("Size"),
        get("/unnamed", |_| async { Ok(Reply::json(&1)?.status(202)) }).who(Who::Nobody).summary("Lie"),
        get("/human", nothing).who(Who::Human).summary("People"),
        get("/bot", nothing).who(Who::Bot).summary("Bots"),
        put("/nobody", nothing).who(Who::Nobody).limit(Bucket::Unlimited).summary("Anybody"),
        get("/hearth/openapi.json", |call: Call| async move { Ok(Reply::json_bytes(call.openapi()?)) })
            .who(Who::Nobody)
            .gives::<Value>(200)
            .summary("Document"),
    ]
}

const LIFTED: [(&str, &str); 2] = [("limits.requests_per_address", "0"), ("limits.routes", "off")];

#[tokio::test]
async fn a_good_call_answers_with_every_header() {
    let server = Server::start(&[]).await;
    let answer = server
        .ask(
            "POST /api/v10/channels/1/messages",
            &["Content-Type: application/json", "Authorization: Bot bot-7", "X-Audit-Log-Reason: sp%C3%A4m"],
            br#"{"content":" hi "}"#,
        )
        .await;
    assert_eq!(answer.status, 201);
    assert_eq!(
        answer.json(),
        serde_json::json!({ "by": "7", "in": "1", "content": "hi", "flags": 0, "reason": "späm" })
    );
    for (name, value) in [
        ("content-type", "application/json"),
        ("via", "1.1 hearth"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("access-control-allow-origin", "*"),
        ("x-ratelimit-limit", "5"),
        ("x-ratelimit-remaining", "4"),
        ("x-ratelimit-reset-after", "1.000"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert!(answer.header("date").is_some() && answer.header("x-ratelimit-reset").is_some());
    assert!(answer.header("access-control-allow-credentials").is_none());
    let bucket = answer.header("x-ratelimit-bucket").unwrap().to_owned();
    let other = server.post("/api/channels/2/messages", "{}").await;
    assert_eq!(other.header("x-ratelimit-bucket"), Some(bucket.as_str()));
}

#[tokio::test]
async fn faults_of_the_body_come_after_the_right_to_act() {
    let server = Server::start(&[]).await;
    assert_eq!(server.post("/api/v10/channels/2/messages", "{nonsense").await.error(), (403, 50001));
    assert_eq!(server.post("/api/v10/channels/1/messages", "{nonsense").await.error(), (400, 50109));
    let faulty = server.post("/api/v9/channels/1/messages", r#"{"content":"too long","flags":9}"#).await;
    assert_eq!(faulty.error(), (400, 50035));
    assert_eq!(faulty.json()["errors"]["content"]["_errors"][0]["code"], "BASE_TYPE_BAD_LENGTH");
    assert_eq!(faulty.json()["errors"]["flags"]["_errors"][0]["code"], "NUMBER_TYPE_MAX");
    let bad_id = server.post("/api/v9/channels/x/messages", "{}").await;
    assert_eq!(bad_id.json()["errors"]["channel_id"]["_errors"][0]["code"], "NUMBER_TYPE_COERCE");
}

#[tokio::test]
async fn bad_input_is_refused_and_the_server_stays() {
    let server = Server::start(&LIFTED).await;
    let messages = "POST /api/v10/channels/1/messages";
    let human = "Authorization: human-1";
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(server.post("/api/v10/channels/1/messages", &deep).await.error(), (400, 50109));
    let text = server.ask(messages, &[human, "Content-Type: text/plain"], b"{}").await;
    assert_eq!(text.error(), (400, 50035));
    assert_eq!(server.ask(messages, &[human], b"{}").await.error(), (400, 50035));
    let empty = server.ask(messages, &[human], b"").await;
    assert_eq!(empty.json()["errors"]["content"]["_errors"][0]["code"], "BASE_TYPE_REQUIRED");
    let packed = server.ask(messages, &[human, "Content-Encoding: gzip"], b"x").await;
    assert_eq!(packed.error(), (415, 0));
    let declared = server.ask(messages, &[human, "Content-Length: 1048577"], b"").await;
    assert_eq!(declared.error(), (413, 40005));
    assert_eq!(declared.header("connection"), Some("close"));
    let reason = format!("X-Audit-Log-Reason: {}", "x".repeat(513));
    let reasoned = server.ask(messages, &[human, &reason, "Content-Type: application/json"], b"{}").await;
    assert_eq!(reasoned.error(), (400, 50035));
    assert_eq!(server.ask("BREW /api/v10/whoami", &[], b"").await.error(), (405, 0));
    assert_eq!(server.ask("GET /api/v10/nowhere", &[], b"").await.error(), (404, 0));
    assert_eq!(server.ask("GET /api/v8/whoami", &[], b"").await.error(), (400, 50041));
    let other_method = server.ask("DELETE /api/v10/whoami", &[], b"").await;
    assert_eq!((other_method.status, other_method.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    for (request, status) in [
        ("nonsense\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(17 << 10)), "431"),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(101)), "431"),
    ] {
        let answer = String::from_utf8_lossy(&server.raw(request.as_bytes()).await).into_owned();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
    }
    // A body that is cut off, and a chunked one that never says how long it is.
    let cut =
        format!("{messages} HTTP/1.1\r\nHost: {}\r\n{human}\r\nContent-Length: 50\r\n\r\n{{", server.address);
    server.raw(cut.as_bytes()).await;
    let mut chunked = format!(
        "{messages} HTTP/1.1\r\nHost: {}\r\n{human}\r\nTransfer-Encoding: chunked\r\n\r\n",
        server.address
    )
    .into_bytes();
    for _ in 0..20 {
        chunked.extend_from_slice(format!("{:x}\r\n{}\r\n", 1 << 16, "x".repeat(1 << 16)).as_bytes());
    }
    let refused = server.raw(&chunked).await;
    assert!(refused.is_empty() || Answered::of(&refused).error() == (413, 40005));
    let large = vec![b'x'; 2 << 20];
    let taken = server.ask("POST /api/v10/sized", &[], &large).await;
    assert_eq!((taken.status, taken.json()), (200, Value::from(2 << 20)));
}

#[tokio::test]
async fn a_panic_fails_its_request_alone() {
    let server = Server::start(&[]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for (path, status) in [("panic", "500"), ("whoami", "200")] {
        let request = format!("GET /api/v10/{path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let read = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
        assert!(!answer.contains("secret"));
    }
}

#[tokio::test]
async fn callers_are_told_apart_and_refused_in_their_own_words() {
    let server = Server::start(&LIFTED).await;
    let ask = async |path: &str, header: &str| {
        let headers: &[&str] = if header.is_empty() { &[] } else { &[header] };
        server.ask(&format!("GET /api/v10{path}"), headers, b"").await
    };
    let unknown = ask("/human", "").await;
    assert_eq!(unknown.json(), serde_json::json!({ "message": "401: Unauthorized", "code": 0 }));
    assert_eq!(unknown.status, 401);
    for (path, header, expected) in [
        ("/human", "Authorization: Bot bot-1", (403, 20001)),
        ("/bot", "Authorization: human-1", (403, 20002)),
        ("/bot", "Authorization: bot-1", (401, 0)),
        ("/bot", "Authorization: Bot nonsense", (401, 0)),
        ("/human", "Authorization: Bearer human-1", (400, 50026)),
        ("/human", "Cookie: hearth_session=human-1", (403, 0)),
    ] {
        assert_eq!(ask(path, header).await.error(), expected, "{path} {header}");
    }
    assert_eq!(ask("/human", "Authorization: human-1").await.status, 204);
    assert_eq!(ask("/whoami", "Authorization: nonsense").await.json()["bot"], Value::Null);
    assert_eq!(ask("/whoami", "Authorization: Bot bot-3").await.json()["bot"], true);
    let own = format!("Origin: http://{}", server.address);
    let cookie = ["Cookie: hearth_session=human-1", "X-Hearth-Client: web"];
    assert_eq!(server.ask("GET /api/v10/human", &cookie, b"").await.status, 204);
    // Whoever sends the client's header is held to its rules even where no account is asked for: the answer may set the cookie.
    for (origin, status) in [(own.as_str(), 204), ("Origin: http://evil.example", 403), ("Accept: */*", 403)]
    {
        assert_eq!(
            server.ask("PUT /api/v10/nobody", &[cookie[1], origin], b"").await.status,
            status,
            "{origin}"
        );
    }
}

#[tokio::test]
async fn a_limit_answers_429_with_all_that_libraries_read() {
    let server = Server::start(&[]).await;
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(server.post("/api/v10/channels/1/messages", r#"{"content":"hi"}"#).await);
    }
    let refused = answers.pop().unwrap();
    assert!(answers.iter().all(|answer| answer.status == 201));
    assert_eq!((refused.status, refused.json()["global"].clone()), (429, Value::Bool(false)));
    assert_eq!(refused.json()["message"], "You are being rate limited.");
    let wait = refused.json()["retry_after"].as_f64().unwrap();
    assert!(wait > 0.0 && wait <= 1.0);
    for (name, value) in [
        ("retry-after", "1"),
        ("x-ratelimit-scope", "user"),
        ("x-ratelimit-remaining", "0"),
        ("via", "1.1 hearth"),
    ] {
        assert_eq!(refused.header(name), Some(value), "{name}");
    }
    assert!(refused.header("x-ratelimit-global").is_none());
    let mut last = server.ask("GET /api/v10/whoami", &[], b"").await;
    for _ in 0..20 {
        last = server.ask("GET /api/v10/whoami", &[], b"").await;
        if last.status == 429 {
            break;
        }
    }
    assert_eq!(
        (last.header("x-ratelimit-global"), last.header("x-ratelimit-scope")),
        (Some("true"), Some("global"))
    );
}

#[tokio::test]
async fn areas_go_where_they_belong() {
    let server = Server::start(&LIFTED).await;
    let preflight = server.ask("OPTIONS /api/v10/anything", &["Origin: https://x.example"], b"").await;
    assert_eq!((preflight.status, preflight.header("access-control-max-age")), (204, Some("86400")));
    assert!(!preflight.header("access-control-allow-headers").unwrap().to_lowercase().contains("hearth"));
    let file = server.ask("GET /cdn/icons/1/a.png", &[], b"").await;
    assert_eq!((file.status, file.body.as_slice()), (200, &b"/cdn/icons/1/a.png"[..]));
    assert_eq!(server.ask("GET /cdn/x.js", &["Service-Worker: script"], b"").await.error(), (403, 0));
    let upgrade = ["Upgrade: websocket", "Sec-WebSocket-Version: 13"];
    for path in ["/", "/?v=10&encoding=json", "/gateway", "/gateway/"] {
        let answer = server.ask(&format!("GET {path}"), &upgrade, b"").await;
        assert_eq!((answer.status, answer.header("via")), (101, Some("1.1 hearth")), "{path}");
    }
    let posted = server.ask("POST /login", &[], b"").await;
    assert_eq!((posted.error(), posted.header("allow")), ((405, 0), Some("GET, HEAD")));
    assert_eq!(
        server.ask("GET /api/unnamed", &[], b"").await.status,
        500,
        "a row names what its handler answers"
    );
    assert_eq!(server.ask("GET /nowhere", &upgrade, b"").await.error(), (404, 0));
    let page = server.ask("GET /channels/@me", &[], b"").await;
    assert!(
        page.header("content-security-policy").is_some()
            && page.header("access-control-allow-origin").is_none()
    );
    let head = server.ask("HEAD /api/v10/whoami", &[], b"").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    let document = server.ask("GET /api/v10/hearth/openapi.json", &[], b"").await.json();
    assert!(document["paths"]["/channels/{channel_id}/messages"]["post"]["requestBody"].is_object());
}

#[tokio::test]
async fn foreign_hosts_are_turned_away_and_loopback_names_sent_home() {
    let server = Server::start(&LIFTED).await;
    let port = server.address.port();
    let ask = async |host: &str, path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        Answered::of(&server.raw(request.as_bytes()).await)
    };
    assert_eq!(ask("evil.example", "/api/v10/whoami").await.error(), (421, 0));
    assert_eq!(ask("evil.example", "/").await.error(), (421, 0));
    let sent_home = ask(&format!("localhost:{port}"), "/login?x=1").await;
    assert_eq!(sent_home.status, 307);
    assert_eq!(sent_home.header("location"), Some(format!("http://127.0.0.1:{port}/login?x=1").as_str()));
    assert_eq!(ask(&format!("localhost:{port}"), "/api/v10/whoami").await.json()["local"], true);
    let forwarded = server.ask("GET /api/v10/whoami", &["X-Forwarded-For: 203.0.113.5"], b"").await.json();
    assert_eq!(
        (&forwarded["local"], &forwarded["address"]),
        (&Value::Bool(false), &Value::from("127.0.0.1"))
    );
    let proxied = Server::start(&[("trusted_proxies", "127.0.0.1"), LIFTED[0], LIFTED[1]]).await;
    let seen = proxied.ask("GET /api/v10/whoami", &["X-Forwarded-For: 203.0.113.5"], b"").await.json();
    assert_eq!(seen["address"], "203.0.113.5");
}

#[tokio::test]
async fn two_clients_behind_a_proxy_have_two_buckets() {
    let server = Server::start(&[("trusted_proxies", "127.0.0.1")]).await;
    let ask = async |address: &str| {
        server.ask("GET /api/v10/whoami", &[&format!("X-Forwarded-For: {address}")], b"").await
    };
    let mut last = 200;
    for _ in 0..40 {
        last = ask("203.0.113.5").await.status;
        if last == 429 {
            break;
        }
    }
    assert_eq!((last, ask("203.0.113.6").await.status), (429, 200));
}

#[tokio::test]
async fn a_stop_ends_idle_connections_and_returns() {
    let server = Server::start(&[]).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET /api/v10/whoami HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    idle.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 64];
    assert!(idle.read(&mut first).await.unwrap() > 0);
    server.stop.send(true).unwrap();
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    server.served.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_no_more() {
    let server = Arc::new(Server::start(&[("limits.connections_per_address", "2")]).await);
    let request = format!("GET /api/v10/whoami HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        assert!(stream.read(&mut [0; 64]).await.unwrap() > 0);
        kept.push(stream);
    }
    let mut third = TcpStream::connect(server.address).await.unwrap();
    let _ = third.write_all(request.as_bytes()).await;
    assert!(third.read(&mut [0; 64]).await.unwrap_or(0) == 0);
}
