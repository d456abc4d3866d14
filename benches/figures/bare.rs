//! The floors: redb committing one bare row a message in groups, an empty handler and a file server on hyper, a loop that writes a
//! frame to every socket. Those that serve run as a process of their own.

use std::convert::Infallible;
use std::io::{BufRead as _, IoSlice, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hearth::logic::inline::Inline;
use hearth::model::Decimal;
use http_body_util::{BodyExt as _, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use redb::{Database, TableDefinition};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("bare");
/// Bytes of the bare row (STACK.md §4).
const ROW_BYTES: usize = 400;
/// Bytes of a piece of a file.
const PIECE_BYTES: usize = 64 << 10;
/// As the store's own writer.
const QUEUE: usize = 4_096;
/// As the store's own writer.
const GROUP: usize = 512;

/// A writer that commits one row a message, gathering while the last commit runs.
#[derive(Clone)]
pub struct Rows {
    queue: mpsc::Sender<(u64, oneshot::Sender<()>)>,
    commits: Arc<AtomicU64>,
}

impl Rows {
    /// Opens a file in this directory, with the store's settings.
    pub fn open(directory: &Path, is_quick_repair: bool) -> Self {
        let db = Database::builder()
            .set_cache_size(hearth::store::Options::default().cache_bytes)
            .create(directory.join("bare.redb"))
            .expect("a new file opens");
        let (queue, mut jobs) = mpsc::channel::<(u64, oneshot::Sender<()>)>(QUEUE);
        let commits = Arc::new(AtomicU64::new(0));
        let count = commits.clone();
        std::thread::spawn(move || {
            let mut message = 0u64;
            while let Some(first) = jobs.blocking_recv() {
                let mut group = vec![first];
                while group.len() < GROUP
                    && let Ok(next) = jobs.try_recv()
                {
                    group.push(next);
                }
                let mut txn = db.begin_write().expect("a write begins");
                txn.set_quick_repair(is_quick_repair);
                {
                    let mut table = txn.open_table(ROWS).expect("the table opens");
                    for (channel, _) in &group {
                        message += 1;
                        let key = [channel.to_be_bytes(), message.to_be_bytes()].concat();
                        table.insert(key.as_slice(), [b'x'; ROW_BYTES].as_slice()).expect("a row is written");
                    }
                }
                txn.commit().expect("the disk works");
                count.fetch_add(1, Ordering::Relaxed);
                for (_, reply) in group {
                    let _ = reply.send(());
                }
            }
        });
        Self { queue, commits }
    }

    /// Writes one row and waits until it is on disk.
    pub async fn write(&self, channel: u64) {
        let (reply, done) = oneshot::channel();
        self.queue.send((channel, reply)).await.expect("the writer runs");
        done.await.expect("the writer runs");
    }

    /// Commits so far.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

fn announce(listener: &TcpListener) {
    println!("http://{}", listener.local_addr().expect("it is bound"));
    std::io::stdout().flush().expect("somebody listens");
}

/// Answers every request with a body of so many bytes, after one bare row where a directory is named.
pub async fn serve_http(arguments: &[String]) {
    let body = Bytes::from(vec![b'x'; arguments[0].parse().expect("a number of bytes")]);
    let rows = arguments.get(1).map(|directory| Rows::open(Path::new(directory), true));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    announce(&listener);
    loop {
        let (stream, from) = listener.accept().await.expect("a client comes");
        let _ = stream.set_nodelay(true);
        let (body, rows) = (body.clone(), rows.clone());
        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
            let (body, rows) = (body.clone(), rows.clone());
            async move {
                let _ = request.into_body().collect().await;
                if let Some(rows) = rows {
                    rows.write(u64::from(from.port()) % 50).await;
                }
                let mut response = Response::new(Full::new(body));
                let json = hyper::header::HeaderValue::from_static("application/json");
                response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
                Ok::<_, Infallible>(response)
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// A file server: a `PUT` is hashed, written and synced, a `GET` answered with the same file, piece by piece.
pub async fn serve_files(arguments: &[String]) {
    let file = Path::new(&arguments[0]).join("bare.bin");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    announce(&listener);
    loop {
        let (stream, _) = listener.accept().await.expect("a client comes");
        let _ = stream.set_nodelay(true);
        let file = file.clone();
        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
            let file = file.clone();
            async move {
                let body = if request.method() == hyper::Method::PUT {
                    keep(&file, request.into_body()).await;
                    Full::new(Bytes::new()).boxed()
                } else {
                    pieces(&file)
                };
                Ok::<_, Infallible>(Response::new(body))
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn keep(path: &Path, mut body: hyper::body::Incoming) {
    let mut file = std::fs::File::create(path).expect("a file can be made");
    let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame.expect("the client sends all").into_data() else { continue };
        tokio::task::block_in_place(|| {
            digest.update(&bytes);
            file.write_all(&bytes).expect("the disk takes it");
        });
    }
    tokio::task::block_in_place(|| file.sync_all().expect("the disk works"));
    std::hint::black_box(digest.finish());
}

fn pieces(path: &Path) -> http_body_util::combinators::BoxBody<Bytes, Infallible> {
    let file = std::fs::File::open(path).expect("it was put there");
    let bytes = file.metadata().expect("it is there").len();
    Whole { file, left: bytes }.boxed()
}

/// A file as a body of known length.
struct Whole {
    file: std::fs::File,
    left: u64,
}

impl hyper::body::Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return std::task::Poll::Ready(None);
        }
        let mut piece = vec![0; PIECE_BYTES.min(self.left as usize)];
        tokio::task::block_in_place(|| self.file.read_exact(&mut piece).expect("it is whole"));
        self.left -= piece.len() as u64;
        std::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(piece.into()))))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.left)
    }
}

/// Takes so many WebSockets, each with a task that reads it as every server must, then for each line `BYTES` on standard input
/// writes one event of that size to every one of them: no more than a broadcast of numbered events has to do. Each socket has a
/// counter; its frame is a header and `{"op":0,"s":7,` made on the stack, then a body that all share, in one vectored write. There
/// is no queue, no replay, no lock and no right to check.
pub async fn serve_broadcast(arguments: &[String]) {
    let sockets: usize = arguments[0].parse().expect("a number of sockets");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    announce(&listener);
    let mut streams: Vec<(Arc<TcpStream>, u64)> = Vec::new();
    for _ in 0..sockets {
        let (mut stream, _) = listener.accept().await.expect("a client comes");
        let _ = stream.set_nodelay(true);
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut request).await.expect("a request comes");
        }
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").await.expect("the client reads");
        let stream = Arc::new(stream);
        tokio::spawn(read_all(stream.clone()));
        streams.push((stream, 0));
    }
    let (sender, mut lines) = mpsc::channel::<usize>(64);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            sender.blocking_send(line.parse().expect("a number of bytes")).expect("the loop runs");
        }
    });
    while let Some(bytes) = lines.recv().await {
        let body = vec![b'x'; bytes];
        for (stream, sent) in &mut streams {
            *sent += 1;
            broadcast(stream, *sent, &body).await;
        }
    }
}

/// Reads until the client is gone.
async fn read_all(stream: Arc<TcpStream>) {
    let mut bytes = [0; 512];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut bytes) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// One frame to one socket.
async fn broadcast(stream: &TcpStream, number: u64, body: &[u8]) {
    let mut opening = Inline::<33>::new();
    opening.extend(br#"{"op":0,"s":"#);
    opening.extend(Decimal::new(number).as_bytes());
    opening.push(b',');
    let mut head = Inline::<43>::new();
    head.extend(&hearth::logic::frame::text_header(opening.len() + body.len()));
    head.extend(&opening);
    let mut left = [IoSlice::new(&head), IoSlice::new(body)];
    let mut left = left.as_mut_slice();
    while !left.is_empty() {
        match stream.try_write_vectored(left) {
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(_) => stream.writable().await.expect("the client reads"),
        }
    }
}
