//! TLS on the listener itself: calls and the gateway over it, and what comes to the same port without it.

use std::path::Path;
use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;

use crate::support::Server;

/// Writes a certificate for 127.0.0.1 and its key; what trusts it comes back.
pub fn certify(directory: &Path) -> TlsConnector {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(directory.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    trusting(made.cert.der().clone())
}

fn trusting(root: CertificateDer<'static>) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let mut config = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// A server that speaks TLS, and what trusts it.
pub async fn server() -> (Server, TlsConnector, tempfile::TempDir) {
    let files = tempfile::tempdir().unwrap();
    let trust = certify(files.path());
    let (cert, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
    let server = Server::start_with(|config| {
        (config.tls.cert, config.tls.key) = (Some(cert), Some(key));
    })
    .await;
    (server, trust, files)
}

/// A TLS connection to it.
pub async fn connect(server: &Server, trust: &TlsConnector) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(server.address()).await.unwrap();
    trust.connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await.unwrap()
}

async fn ask(server: &Server, trust: &TlsConnector, request: &str) -> String {
    let mut stream = connect(server, trust).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // The server may end the connection without TLS's own goodbye, once the answer is whole.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

#[tokio::test]
async fn calls_the_gateway_and_voice_are_answered_over_tls() {
    let (server, trust, _files) = server().await;
    let address = server.address();
    let request = format!("GET /api/v10/gateway HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    let answer = ask(&server, &trust, &request).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with(&format!(r#"{{"url":"wss://{address}"}}"#)), "{answer}");

    let stream = connect(&server, &trust).await;
    let url = format!("wss://{address}/?v=10&encoding=json");
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    let hello = socket.next().await.unwrap().unwrap().into_text().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&hello).unwrap()["op"], 10);
    for _ in 0..3 {
        socket.send(Message::text(json!({ "op": 1, "d": null }).to_string())).await.unwrap();
        let ack = socket.next().await.unwrap().unwrap().into_text().unwrap();
        assert_eq!(serde_json::from_str::<Value>(&ack).unwrap()["op"], 11);
    }

    // Voice has the same port: its version tells them apart (API.md §1.1, and trap 54 of §7).
    let stream = connect(&server, &trust).await;
    let (mut socket, _) =
        tokio_tungstenite::client_async(format!("wss://{address}/?v=8"), stream).await.unwrap();
    let hello = socket.next().await.unwrap().unwrap().into_text().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&hello).unwrap()["op"], 8);
}

#[tokio::test]
async fn what_comes_without_tls_is_sent_there_and_what_is_neither_is_closed() {
    let (server, trust, _files) = server().await;
    let address = server.address();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /guilds?x=1 HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 308"), "{answer}");
    assert!(answer.contains(&format!("location: https://{address}/guilds?x=1\r\n")), "{answer}");

    let mut broken = TcpStream::connect(address).await.unwrap();
    broken.write_all(&[0x16, 0x03, 0x01, 0x00, 0x02, 0xff, 0xff]).await.unwrap();
    let mut rest = Vec::new();
    // An alert may come before the end.
    let _ = broken.read_to_end(&mut rest).await;
    assert!(!rest.starts_with(b"HTTP"));
    let answer = ask(&server, &trust, &request).await;
    assert!(answer.starts_with("HTTP/1.1"), "others are served: {answer}");
}

#[tokio::test]
async fn a_listener_without_a_certificate_closes_on_a_handshake() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
    let mut rest = Vec::new();
    // Bytes left unread make the end a reset on some systems.
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "{rest:?}");
}
