//! The one client for addresses that strangers name (SAFETY.md §4). It resolves names itself, refuses if any answer is not public,
//! connects to the address it checked and to no other, vets every redirect anew, sends neither cookies nor where it comes from, and
//! bounds time, bytes and how much goes on at once.

use std::collections::HashMap;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderValue, LOCATION, USER_AGENT,
};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::logic::address::is_public;

/// Most bytes of a page, decompressed (SAFETY.md §6).
pub const MAX_PAGE_BYTES: usize = 512 << 10;
/// Most bytes of a picture.
pub const MAX_PICTURE_BYTES: usize = 8 << 20;
/// How long a connection may take to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// How long all of it may take, redirects included.
const WHOLE_WITHIN: Duration = Duration::from_secs(10);
/// Most redirects that are followed.
const MAX_REDIRECTS: usize = 4;
/// Ports that are gone to.
const PORTS: [u16; 4] = [80, 443, 8080, 8443];
/// Fetches at once; and to one host.
const AT_ONCE: usize = 16;
const AT_ONCE_PER_HOST: usize = 2;
/// How Hearth calls itself, so that site owners know whom to write to.
const AGENT: &str = concat!("Hearth/", env!("CARGO_PKG_VERSION"), " (link previews)");

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address is none that is gone to.
    #[error("this address is not fetched: {0}")]
    Refused(&'static str),
    /// The other side, or the way to it, failed.
    #[error("the fetch failed: {0}")]
    Failed(Box<dyn std::error::Error + Send + Sync>),
    /// It took too long, or too much goes on.
    #[error("the fetch took too long")]
    TimedOut,
    /// It answered with something else than 200.
    #[error("the answer was {0}")]
    Status(u16),
    /// It is larger than was asked for.
    #[error("the answer is too large")]
    TooLarge,
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> FetchError {
    FetchError::Failed(error.into())
}

/// What was fetched.
#[derive(Debug)]
pub struct Fetched {
    /// Where it was in the end.
    pub url: Url,
    /// What it was said to be.
    pub content_type: String,
    /// The bytes, as many as were asked for at most.
    pub bytes: Bytes,
    /// Whether there was more.
    pub is_cut: bool,
}

/// Addresses of a name, found anew for every fetch.
pub type Resolve = Box<
    dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, FetchError>> + Send>> + Send + Sync,
>;
/// Whether an address is one that the admin named, and so is gone to though it is not public.
pub type Exempt = Box<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// The client; clones are cheap.
#[derive(Clone)]
pub struct Client(Arc<Parts>);

struct Parts {
    resolve: Resolve,
    exempt: Exempt,
    /// Host and port of the instance itself, which is never asked: a link to it could change something.
    own: Vec<String>,
    tls: TlsConnector,
    turns: Arc<Semaphore>,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// Resolves with the system's name servers.
///
/// # Errors
/// When the system names none that can be read.
pub fn system_resolver() -> Result<Resolve, FetchError> {
    let resolver =
        hickory_resolver::TokioResolver::builder_tokio().map_err(failed)?.build().map_err(failed)?;
    let resolver = Arc::new(resolver);
    Ok(Box::new(move |name| {
        let resolver = resolver.clone();
        Box::pin(async move {
            let found = resolver.lookup_ip(format!("{name}.")).await.map_err(failed)?;
            Ok(found.iter().collect())
        })
    }))
}

/// Knows no name: what a system without name servers has.
pub fn no_resolver() -> Resolve {
    Box::new(|_| Box::pin(async { Err(FetchError::Refused("no name server is known")) }))
}

impl Client {
    /// A client that goes to public addresses, and to those that are exempt; never to `own` (each `host` or `host:port`).
    pub fn new(resolve: Resolve, exempt: Exempt, own: Vec<String>) -> Self {
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self(Arc::new(Parts {
            resolve,
            exempt,
            own,
            tls: TlsConnector::from(Arc::new(config)),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            hosts: Mutex::default(),
        }))
    }

    /// Fetches an address, at most `most_bytes` of it.
    ///
    /// # Errors
    /// [`FetchError`]; which of them is nobody's business but the log's.
    pub async fn get(&self, url: &str, most_bytes: usize) -> Result<Fetched, FetchError> {
        let url = Url::parse(url).map_err(|_| FetchError::Refused("it can't be read"))?;
        let fetch = async {
            let _turn = self.0.turns.acquire().await.map_err(failed)?;
            self.follow(url, most_bytes).await
        };
        tokio::time::timeout(WHOLE_WITHIN, fetch).await.map_err(|_| FetchError::TimedOut)?
    }

    async fn follow(&self, mut url: Url, most_bytes: usize) -> Result<Fetched, FetchError> {
        for _ in 0..=MAX_REDIRECTS {
            let response = self.ask(&url).await?;
            let status = response.status().as_u16();
            let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            match (status, target) {
                (301 | 302 | 303 | 307 | 308, Some(target)) => {
                    url = url.join(target).map_err(|_| FetchError::Refused("it leads nowhere"))?;
                }
                (200, _) => return read(url, response, most_bytes).await,
                _ => return Err(FetchError::Status(status)),
            }
        }
        Err(FetchError::Refused("it leads from place to place"))
    }

    async fn ask(&self, url: &Url) -> Result<Response<Incoming>, FetchError> {
        let (name, address, is_https) = self.vet(url).await?;
        let turn = self.turn(&name);
        let _turn = turn.acquire().await.map_err(failed)?;
        let connect = async {
            let stream = TcpStream::connect(address).await.map_err(failed)?;
            if !is_https {
                return Ok::<Pin<Box<dyn Stream>>, FetchError>(Box::pin(stream));
            }
            let server = ServerName::try_from(name.trim_matches(['[', ']']).to_owned()).map_err(failed)?;
            Ok(Box::pin(self.0.tls.connect(server, stream).await.map_err(failed)?))
        };
        let stream =
            tokio::time::timeout(CONNECT_WITHIN, connect).await.map_err(|_| FetchError::TimedOut)??;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        // It ends with its connection, which ends with the answer being read or dropped.
        tokio::spawn(async move { drop(connection.await) });
        sender.send_request(request(url)?).await.map_err(failed)
    }

    /// Checks an address before anything is sent to it: name, socket address, and whether it is over TLS.
    async fn vet(&self, url: &Url) -> Result<(String, SocketAddr, bool), FetchError> {
        let is_https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(FetchError::Refused("its scheme is not http or https")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Refused("it names a user"));
        }
        let host = url.host().ok_or(FetchError::Refused("it has no host"))?;
        let port = url.port_or_known_default().unwrap_or(80);
        let name = host.to_string();
        if self.0.own.iter().any(|own| *own == name || *own == format!("{name}:{port}")) {
            return Err(FetchError::Refused("it is this server"));
        }
        let addresses = match host {
            Host::Ipv4(v4) => vec![IpAddr::V4(v4)],
            Host::Ipv6(v6) => vec![IpAddr::V6(v6)],
            Host::Domain(domain) => (self.0.resolve)(domain.to_owned()).await?,
        };
        let is_exempt = !addresses.is_empty() && addresses.iter().all(|address| (self.0.exempt)(*address));
        if !is_exempt && !addresses.iter().all(|address| is_public(*address)) {
            return Err(FetchError::Refused("it is not public"));
        }
        if !is_exempt && !PORTS.contains(&port) {
            return Err(FetchError::Refused("its port is no web server's"));
        }
        let address = addresses.first().ok_or(FetchError::Refused("its name has no address"))?;
        Ok((name, SocketAddr::new(*address, port), is_https))
    }

    fn turn(&self, host: &str) -> Arc<Semaphore> {
        let mut hosts = self.0.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.retain(|_, turns| Arc::strong_count(turns) > 1);
        hosts.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE_PER_HOST))).clone()
    }
}

trait Stream: AsyncRead + AsyncWrite + Send {}
impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

fn request(url: &Url) -> Result<Request<Empty<Bytes>>, FetchError> {
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => return Err(FetchError::Refused("it has no host")),
    };
    Request::get(path)
        .header(HOST, host)
        .header(USER_AGENT, AGENT)
        .header(ACCEPT, "text/html,application/xhtml+xml,image/*,video/*,audio/*;q=0.9,*/*;q=0.5")
        .header(ACCEPT_ENCODING, "gzip")
        .body(Empty::new())
        .map_err(failed)
}

async fn read(url: Url, response: Response<Incoming>, most_bytes: usize) -> Result<Fetched, FetchError> {
    let header = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let content_type = header(CONTENT_TYPE).unwrap_or_default().to_owned();
    let is_gzip = match header(CONTENT_ENCODING) {
        None | Some("identity") => false,
        Some("gzip") => true,
        Some(_) => return Err(FetchError::Refused("its encoding is unknown")),
    };
    let mut body = response.into_body();
    let (mut bytes, mut is_cut) = (BytesMut::new(), false);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(failed)?.into_data() else { continue };
        let room = most_bytes - bytes.len();
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            is_cut = true;
            break;
        }
    }
    let mut bytes = bytes.freeze();
    if is_gzip {
        let mut plain = Vec::new();
        let mut reader = flate2::read::MultiGzDecoder::new(&bytes[..]).take(most_bytes as u64 + 1);
        // A stream cut at the limit reads up to there.
        let read = reader.read_to_end(&mut plain);
        if read.is_err() && !is_cut {
            return Err(FetchError::Refused("its encoding is broken"));
        }
        is_cut |= plain.len() > most_bytes;
        plain.truncate(most_bytes);
        bytes = plain.into();
    }
    Ok(Fetched { url, content_type, bytes, is_cut })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Names and what they resolve to, one answer after the other.
    fn resolver(answers: Vec<(&'static str, Vec<&'static str>)>) -> Resolve {
        let asked = Arc::new(AtomicUsize::new(0));
        Box::new(move |name| {
            let turn = asked.fetch_add(1, Ordering::SeqCst);
            let of_name: Vec<_> = answers.iter().filter(|(own, _)| *own == name).collect();
            let found = of_name.get(turn.min(of_name.len().saturating_sub(1)));
            let found = found.map(|(_, found)| found.iter().map(|ip| ip.parse().unwrap()).collect());
            Box::pin(async move { found.ok_or(FetchError::Refused("no such name")) })
        })
    }

    fn strict(answers: Vec<(&'static str, Vec<&'static str>)>) -> Client {
        Client::new(resolver(answers), Box::new(|_| false), vec!["chat.example.org".into()])
    }

    async fn is_refused(client: &Client, url: &str) -> bool {
        matches!(client.get(url, 1_000).await, Err(FetchError::Refused(_)))
    }

    #[tokio::test]
    async fn sixty_ways_to_name_a_private_place_all_fail() {
        let client = strict(vec![
            ("localhost", vec!["127.0.0.1"]),
            ("private.example", vec!["10.0.0.7"]),
            ("half.example", vec!["93.184.216.34", "192.168.1.1"]),
            ("six.example", vec!["::ffff:127.0.0.1"]),
            ("metadata.example", vec!["169.254.169.254"]),
            ("empty.example", vec![]),
            ("public.example", vec!["93.184.216.34"]),
            ("chat.example.org", vec!["93.184.216.34"]),
        ]);
        let bad = [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://127.0.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.0.0.1/",
            "http://0177.0.0.1/",
            "http://017700000001/",
            "http://127.0.0.1./",
            "http://0/",
            "http://0.0.0.0/",
            "http://10.0.0.1/",
            "http://10.1/",
            "http://0xa000001/",
            "http://172.16.0.1/",
            "http://192.168.0.1/",
            "http://192.168.1/",
            "http://169.254.169.254/latest/meta-data/",
            "http://2852039166/",
            "http://0xA9FEA9FE/",
            "http://[::1]/",
            "http://[::]/",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://[fe80::1]/",
            "http://[fc00::1]/",
            "http://[fd00:ec2::254]/",
            "http://[ff02::1]/",
            "http://[2001:db8::1]/",
            "http://[fec0::1]/",
            "http://100.64.0.1/",
            "http://198.18.0.1/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://①②⑦.⓪.⓪.①/",
            "http://１２７.0.0.1/",
            "http://127。0。0。1/",
            "http://localhost/",
            "http://LOCALHOST/",
            "http://localhost./",
            "http://private.example/",
            "http://half.example/",
            "http://six.example/",
            "http://metadata.example/",
            "http://empty.example/",
            "http://unknown.example/",
            "http://user@public.example/",
            "http://user:pass@public.example/",
            "http://127.0.0.1@public.example/",
            "http://public.example:22/",
            "http://public.example:6379/",
            "http://public.example:25/",
            "https://public.example:80800/",
            "ftp://public.example/",
            "file:///etc/passwd",
            "gopher://public.example/",
            "data:text/html,x",
            "javascript:alert(1)",
            "//public.example/",
            "http://",
            "http:///etc/passwd",
            "http://chat.example.org/",
            "https://chat.example.org/api",
        ];
        for url in bad {
            assert!(is_refused(&client, url).await, "{url}");
        }
    }

    /// A web server on loopback that answers every request with these bytes; how often it was asked is counted.
    async fn origin(answer: String) -> (u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let answer = answer.replace("PORT", &port.to_string());
                tokio::spawn(async move {
                    let mut head = vec![0; 4_096];
                    let read = stream.read(&mut head).await.unwrap_or(0);
                    let head = String::from_utf8_lossy(&head[..read]).to_lowercase();
                    assert!(
                        !head.contains("cookie") && !head.contains("referer") && head.contains("hearth/")
                    );
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        (port, asked)
    }

    fn lenient(answers: Vec<(&'static str, Vec<&'static str>)>) -> Client {
        Client::new(resolver(answers), Box::new(|ip| ip == IpAddr::from([127, 0, 0, 1])), Vec::new())
    }

    #[tokio::test]
    async fn an_exception_is_gone_to_and_a_redirect_out_of_it_is_vetted_anew() {
        let (port, _) =
            origin("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\nhello".into())
                .await;
        let client = lenient(vec![("test.example", vec!["127.0.0.1"])]);
        let fetched = client.get(&format!("http://test.example:{port}/x?y#z"), 100).await.unwrap();
        assert_eq!(
            (&fetched.bytes[..], fetched.content_type.as_str(), fetched.is_cut),
            (&b"hello"[..], "text/html", false)
        );
        let cut = client.get(&format!("http://127.0.0.1:{port}/"), 3).await.unwrap();
        assert_eq!((&cut.bytes[..], cut.is_cut), (&b"hel"[..], true));
        for target in [
            "http://127.0.0.2:PORT/",
            "http://10.0.0.1/",
            "http://[::1]:PORT/",
            "file:///etc/passwd",
            "http://u@127.0.0.1:PORT/",
        ] {
            let (port, _) =
                origin(format!("HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n"))
                    .await;
            assert!(is_refused(&client, &format!("http://127.0.0.1:{port}/")).await, "{target}");
        }
        let (port, asked) =
            origin("HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n".into()).await;
        assert!(is_refused(&client, &format!("http://127.0.0.1:{port}/")).await);
        assert_eq!(asked.load(Ordering::SeqCst), MAX_REDIRECTS + 1);
    }

    #[tokio::test]
    async fn a_name_that_changes_its_mind_is_connected_to_where_it_was_checked() {
        let (port, asked) = origin(
            "HTTP/1.1 302 Found\r\nlocation: http://turn.example:PORT/2\r\ncontent-length: 0\r\n\r\n".into(),
        )
        .await;
        let client = lenient(vec![("turn.example", vec!["127.0.0.1"]), ("turn.example", vec!["127.0.0.9"])]);
        assert!(is_refused(&client, &format!("http://turn.example:{port}/")).await);
        assert_eq!(asked.load(Ordering::SeqCst), 1, "the second answer was refused before a connection");
    }

    #[tokio::test]
    async fn what_is_compressed_counts_by_what_it_becomes() {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&vec![b'a'; 5_000_000]).unwrap();
        let body = gzip.finish().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4_096];
            let _ = stream.read(&mut head).await;
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
        });
        let fetched = lenient(vec![]).get(&format!("http://127.0.0.1:{port}/"), 10_000).await.unwrap();
        assert_eq!((fetched.bytes.len(), fetched.is_cut), (10_000, true));
    }
}
