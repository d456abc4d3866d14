//! A socket to the gateway in all the ways libraries read one.

use std::time::Duration;

use flate2::{Decompress, FlushDecompress};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::support::Server;

/// How long a payload is waited for before its absence is a failure.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A socket, and how what it carries is read.
pub struct Socket {
    pub stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    encoding: Encoding,
}

enum Encoding {
    Text,
    Zlib(Box<Decompress>),
    /// All that came, and how much of its text was read.
    Zstd(Vec<u8>, usize),
}

impl Socket {
    pub async fn open(server: &Server, query: &str) -> Self {
        let url = format!("{}{query}", server.origin.replace("http://", "ws://"));
        let (stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let encoding = if query.contains("zlib-stream") {
            Encoding::Zlib(Box::new(Decompress::new(true)))
        } else if query.contains("zstd-stream") {
            Encoding::Zstd(Vec::new(), 0)
        } else {
            Encoding::Text
        };
        Self { stream, encoding }
    }

    /// A socket that has taken its hello.
    pub async fn greeted(server: &Server) -> Self {
        let mut socket = Self::open(server, "/?v=10&encoding=json").await;
        assert_eq!(socket.next().await.unwrap()["op"], 10);
        socket
    }

    pub async fn say(&mut self, op: u64, d: Value) {
        self.stream.send(Message::text(json!({ "op": op, "d": d }).to_string())).await.unwrap();
    }

    pub async fn identify(&mut self, authorization: &str, more: Value) {
        let mut identify = json!({ "token": authorization, "properties": { "os": "linux", "browser": "test", "device": "test" } });
        identify.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.say(2, identify).await;
    }

    /// The next payload, or the code the server closed with (1006: without one).
    pub async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("silence");
            let text = match (message, &mut self.encoding) {
                (Some(Ok(Message::Text(text))), Encoding::Text) => text.as_bytes().to_vec(),
                (Some(Ok(Message::Binary(bytes))), Encoding::Zlib(inflate)) => {
                    assert!(bytes.ends_with(&[0, 0, 0xff, 0xff]), "libraries wait for a sync flush");
                    let mut text = Vec::with_capacity(1 << 20);
                    inflate.decompress_vec(&bytes, &mut text, FlushDecompress::Sync).unwrap();
                    text
                }
                (Some(Ok(Message::Binary(bytes))), Encoding::Zstd(all, read)) => {
                    all.extend_from_slice(&bytes);
                    let mut text = Vec::with_capacity(1 << 20);
                    let ended = [&all[..], &[1, 0, 0]].concat();
                    ruzstd::decoding::FrameDecoder::new().decode_all_to_vec(&ended, &mut text).unwrap();
                    let fresh = text.split_off(*read);
                    *read += fresh.len();
                    fresh
                }
                (Some(Ok(Message::Close(frame))), _) => {
                    return Err(frame.map_or(1005, |frame| frame.code.into()));
                }
                (Some(Ok(Message::Pong(_) | Message::Ping(_))), _) => continue,
                (Some(Ok(other)), _) => panic!("not what was asked for: {other:?}"),
                (Some(Err(_)) | None, _) => return Err(1006),
            };
            let frame: Value = serde_json::from_slice(&text).unwrap();
            let keys: Vec<_> = frame.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["d", "op", "s", "t"], "always all four keys");
            return Ok(frame);
        }
    }

    pub async fn event(&mut self, name: &str) -> Value {
        loop {
            let frame = self.next().await.unwrap_or_else(|code| panic!("closed with {code} before {name}"));
            if frame["t"] == name {
                return frame;
            }
        }
    }

    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }
}
