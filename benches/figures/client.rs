//! Clients that cost little beside what they measure: HTTP/1.1 and WebSockets over a plain socket, answers taken as they come.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection kept alive between requests.
pub struct Http {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Http {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket takes its options");
        Self { stream, buffer: Vec::with_capacity(64 << 10) }
    }

    /// Asks, and gives back status and body.
    pub async fn request(&mut self, method: &str, path: &str, token: &str, body: &str) -> (u16, Vec<u8>) {
        let extra = format!("authorization: {token}\r\ncontent-type: application/json\r\n");
        self.begin(method, path, &extra, body.len()).await;
        self.send(body.as_bytes()).await;
        self.answer().await
    }

    /// Sends the head of a request with a body of so many bytes; `extra` are more of its lines.
    pub async fn begin(&mut self, method: &str, path: &str, extra: &str, length: usize) {
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n{extra}content-length: {length}\r\n\r\n");
        self.send(head.as_bytes()).await;
    }

    /// Sends bytes of a body.
    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the server takes requests");
    }

    /// The status and the body of the answer.
    pub async fn answer(&mut self) -> (u16, Vec<u8>) {
        let (status, head, length) = self.head().await;
        while self.buffer.len() < head + length {
            self.read_more().await;
        }
        (status, self.buffer[head..].to_vec())
    }

    /// The status and the bytes of the answer's body, which are not kept.
    pub async fn skimmed(&mut self) -> (u16, usize) {
        let (status, head, length) = self.head().await;
        let mut seen = self.buffer.len() - head;
        while seen < length {
            self.buffer.clear();
            self.read_more().await;
            seen += self.buffer.len();
        }
        (status, length)
    }

    /// Reads a head: its status, its bytes, and those of the body that it announces.
    async fn head(&mut self) -> (u16, usize, usize) {
        self.buffer.clear();
        let head = loop {
            self.read_more().await;
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
        let status: u16 = text.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        (status, head, length.map_or(0, |length| length.parse().expect("a number")))
    }

    /// As [`Http::request`], and fails unless the answer is a good one.
    pub async fn ok(&mut self, method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
        let (status, answer) = self.request(method, path, token, body).await;
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {}",
            String::from_utf8_lossy(&answer)
        );
        answer
    }

    async fn read_more(&mut self) {
        let read = self.stream.read_buf(&mut self.buffer).await.expect("the server answers");
        assert_ne!(read, 0, "the server closed the connection");
    }
}

/// A WebSocket of a client.
pub struct Socket {
    stream: TcpStream,
    buffer: Vec<u8>,
    taken: usize,
}

impl Socket {
    /// Connects to the gateway with this query.
    pub async fn open(address: SocketAddr, query: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket takes its options");
        let request = format!(
            "GET /{query} HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("the server takes requests");
        let mut socket = Self { stream, buffer: Vec::with_capacity(4 << 10), taken: 0 };
        let head = loop {
            socket.read_more().await;
            if let Some(at) = socket.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
        };
        assert!(socket.buffer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&socket.buffer));
        socket.taken = head;
        socket
    }

    /// Sends a text message, masked with zeros.
    pub async fn send(&mut self, text: &str) {
        self.stream.write_all(&text_frame(text)).await.expect("the server takes frames");
    }

    /// The connection, and what was read of it and not taken.
    pub fn into_parts(mut self) -> (TcpStream, Vec<u8>) {
        self.buffer.drain(..self.taken);
        (self.stream, self.buffer)
    }

    /// Identifies as the holder of this token, unseen.
    pub async fn identify(&mut self, token: &str) {
        self.send(&format!(
            r#"{{"op":2,"d":{{"token":"{token}","properties":{{"os":"linux","browser":"b","device":"b"}},"presence":{{"status":"invisible","activities":[],"since":null,"afk":false}}}}}}"#
        ))
        .await;
    }

    /// The next frame's payload.
    pub async fn next(&mut self) -> &[u8] {
        self.next_if_any().await.expect("the server keeps the socket open")
    }

    /// The next frame's payload; none once the server is gone.
    pub async fn next_if_any(&mut self) -> Option<&[u8]> {
        loop {
            if let Some((from, to)) = frame_at(&self.buffer[self.taken..]) {
                let start = self.taken;
                self.taken += to;
                return Some(&self.buffer[start + from..start + to]);
            }
            self.buffer.drain(..self.taken);
            self.taken = 0;
            if self.stream.read_buf(&mut self.buffer).await.ok()? == 0 {
                return None;
            }
        }
    }

    async fn read_more(&mut self) {
        let read = self.stream.read_buf(&mut self.buffer).await.expect("the server sends");
        assert_ne!(read, 0, "the server closed the socket");
    }
}

/// A text message as a client sends it, masked with zeros.
pub fn text_frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match text.len() {
        len @ 0..126 => frame.push(0x80 | len as u8),
        len => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

/// Where the payload of the first whole frame begins and ends (RFC 6455 §5.2; servers don't mask).
pub fn frame_at(bytes: &[u8]) -> Option<(usize, usize)> {
    let (from, len) = match *bytes.get(1)? {
        126 => (4, u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        len => (2, u64::from(len)),
    };
    let to = from + len as usize;
    (bytes.len() >= to).then_some((from, to))
}
