//! The same room on a Mumble server, where one is installed: clients of its own protocol, control over TLS, sound
//! over UDP (its `docs/dev/network-protocol`), on the threads that drive our peers. As in our hall, one of them,
//! the ear, opens what it hears, and the others count it.

use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::call::Place;
use super::load::{Load, Loader, due_again, socket};
use super::ocb::{BLOCK_BYTES, Crypt};
use super::peer::{Content, SOUND_BYTES, SOUND_EVERY};
use super::tally::{Streams, Tally, Waits, since_stamp, stamped};
use super::{HALL, Hall, House, Measured, REST, WINDOW, compare, measure, spread};
use crate::measure::{Process, free_address};

/// What the server's program is called, in older packages and in newer ones.
const PROGRAMS: [&str; 2] = ["murmurd", "mumble-server"];
/// What is the same wherever it runs: room for all, sound of Opus as it comes, and nobody else told of it.
const SETTINGS: &str = "users=200\nbandwidth=1000000\nopusthreshold=0\nautobanAttempts=0\nlogdays=-1\n\
    bonjour=false\nice=\nlogfile=\npidfile=\nwelcometext=\n";
/// Types of messages on the control channel.
const VERSION: u16 = 0;
const AUTHENTICATE: u16 = 2;
const PING: u16 = 3;
const REJECT: u16 = 4;
const SERVER_SYNC: u16 = 5;
const CRYPT_SETUP: u16 = 15;
/// Bytes before each of them: its type and its length.
const FRAME_BYTES: usize = 6;
/// A silent client is dropped after 30 s.
const PING_EVERY: Duration = Duration::from_secs(10);
/// Time between two datagrams that tell the server where a client is, until it answers.
const KNOCK_EVERY: Duration = Duration::from_millis(200);
/// First bytes of datagrams: Opus for everybody in the channel, and a ping.
const OPUS: u8 = 4 << 5;
const UDP_PING: u8 = 1 << 5;
/// Bytes of a sound's number, and of its length: one, as it is below 128.
const NUMBER_BYTES: usize = 3;
/// Numbers from here on take that many, whoever writes them.
const FIRST_NUMBER: u32 = 1 << 14;
const LENGTH_BYTES: usize = 1;

/// Prints the CPU of both for a forwarded packet, and their waits.
pub async fn run() {
    let is_there = |name: &&&str| Command::new(name).arg("-version").output().is_ok();
    let Some(program) = PROGRAMS.iter().find(is_there) else {
        eprintln!("mumble: skipped, as neither {} nor {} is on the path", PROGRAMS[0], PROGRAMS[1]);
        return;
    };
    let (people, speakers) = HALL;
    let (ours, theirs) = (in_hearth().await, in_mumble(program).await);
    let expected = Content::Voice.packets_within(WINDOW) * (speakers * (people - 1)) as u64;
    let what = format!("room of {people}, {speakers} speak (beside Mumble)");
    compare(&what, ours, theirs, expected, ["≤ 1.5", "≤ Mumble's"]);
}

async fn in_hearth() -> Measured {
    let house = House::open(HALL.0).await;
    let place = Place::make(&house.server, &house.seeded, "hall").await;
    let hall = Hall::fill(&house, &place).await;
    measure(&house.server, &hall.crowd, &hall.ear, REST).await
}

async fn in_mumble(program: &str) -> Measured {
    let mumble = Mumble::start(program);
    let (people, speakers) = HALL;
    let (mut kept, mut crowd, mut ear) = (JoinSet::new(), Load::sweep(), None);
    let began = Instant::now();
    for person in 0..people {
        let is_ear = person + 1 == people;
        let mut client = mumble.join(&format!("person{person}"), &mut kept).await;
        client.speaks = person < speakers;
        client.opens = is_ear.then_some(speakers);
        spread(&mut client, began, person, speakers);
        if is_ear {
            ear = Some(Load::ear(client));
        } else {
            crowd.take(client);
        }
    }
    let measured = measure(&mumble.server, &crowd, &ear.expect("the last one is an ear"), REST).await;
    assert!(kept.try_join_next().is_none(), "the server ended a connection");
    measured
}

/// The server, what trusts its certificate, and its files.
struct Mumble {
    server: Process,
    tls: TlsConnector,
    _files: TempDir,
}

impl Mumble {
    fn start(program: &str) -> Self {
        let files = tempfile::tempdir().expect("a directory can be made");
        let address = free_address();
        let made = rcgen::generate_simple_self_signed([address.ip().to_string()]).expect("a name is one");
        let write = |name: &str, text: &str| {
            let file = files.path().join(name);
            std::fs::write(&file, text).expect("the directory can be written to");
            file
        };
        let (certificate, key) =
            (write("cert.pem", &made.cert.pem()), write("key.pem", &made.signing_key.serialize_pem()));
        // Started by root it would become a user who has no rights here, and it bans who connects often.
        let settings = format!(
            "uname=root\nhost={}\nport={}\ndatabase={}\nsslCert={}\nsslKey={}\n{SETTINGS}",
            address.ip(),
            address.port(),
            files.path().join("server.sqlite").display(),
            certificate.display(),
            key.display(),
        );
        let mut command = Command::new(program);
        command.arg("-fg").arg("-ini").arg(write("server.ini", &settings)).stderr(Stdio::null());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).expect("it is a certificate");
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let config = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            server: Process::at(command, address),
            tls: TlsConnector::from(Arc::new(config)),
            _files: files,
        }
    }

    /// Somebody comes into the first channel; their control channel is kept.
    async fn join(&self, name: &str, kept: &mut JoinSet<()>) -> Client {
        let server = self.server.address;
        let stream = TcpStream::connect(server).await.expect("the server listens");
        let stream = self.tls.connect(ServerName::from(server.ip()), stream).await;
        let mut control = Control { stream: stream.expect("its certificate is known"), came: Vec::new() };
        // Field 1 is 1.3.4, as a varint: later servers speak to such clients in the same form of packets.
        control.send(VERSION, &[0x08, 0x84, 0x86, 0x04]).await;
        // Field 1 is the name, field 5 says that it knows Opus.
        let length = u8::try_from(name.len()).expect("names are short");
        control.send(AUTHENTICATE, &[&[0x0a, length], name.as_bytes(), &[0x28, 1]].concat()).await;
        let mut crypt = None;
        loop {
            match control.next().await.expect("the server stays") {
                (SERVER_SYNC, _) => break,
                (CRYPT_SETUP, body) => crypt = Some(Crypt::of(parts(&body))),
                (REJECT, body) => panic!("Mumble refuses: {}", String::from_utf8_lossy(&body)),
                _ => {}
            }
        }
        kept.spawn(control.keep());
        Client {
            socket: socket(server.ip()),
            server,
            crypt: crypt.expect("keys come first"),
            speaks: false,
            opens: None,
            is_known: false,
            knock: Instant::now(),
            due: Instant::now(),
            sent: FIRST_NUMBER,
            streams: Streams::default(),
            waits: Waits::default(),
        }
    }
}

/// A control channel.
struct Control {
    stream: TlsStream<TcpStream>,
    came: Vec<u8>,
}

impl Control {
    async fn send(&mut self, kind: u16, body: &[u8]) {
        let length = u32::try_from(body.len()).expect("messages are short");
        let frame = [&kind.to_be_bytes()[..], &length.to_be_bytes(), body].concat();
        self.stream.write_all(&frame).await.expect("the server takes messages");
        self.stream.flush().await.expect("the server takes messages");
    }

    /// Type and body of the next message, or nothing at the end. No byte is lost where the wait is given up.
    async fn next(&mut self) -> Option<(u16, Vec<u8>)> {
        loop {
            if let Some([k0, k1, length @ ..]) = self.came.first_chunk::<FRAME_BYTES>() {
                let (kind, end) =
                    (u16::from_be_bytes([*k0, *k1]), FRAME_BYTES + u32::from_be_bytes(*length) as usize);
                if self.came.len() >= end {
                    let body = self.came.drain(..end).skip(FRAME_BYTES).collect();
                    return Some((kind, body));
                }
            }
            if self.stream.read_buf(&mut self.came).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// Pings until the server ends it.
    async fn keep(mut self) {
        let mut clock = tokio::time::interval(PING_EVERY);
        loop {
            tokio::select! {
                message = self.next() => if message.is_none() { return },
                _ = clock.tick() => self.send(PING, &[]).await,
            }
        }
    }
}

/// Somebody in the channel.
struct Client {
    socket: UdpSocket,
    server: SocketAddr,
    crypt: Crypt,
    speaks: bool,
    /// It opens what it hears, from so many.
    opens: Option<usize>,
    /// The server knows where it is, as it has answered there.
    is_known: bool,
    knock: Instant,
    due: Instant,
    sent: u32,
    /// By who speaks where it opens packets; else one of all that the server seals for it, by the nonce.
    streams: Streams,
    waits: Waits,
}

impl Client {
    fn send(&mut self, plain: &[u8]) {
        // What the system takes no more of is lost, and counted by the others.
        let _ = self.socket.send_to(&self.crypt.seal(plain), self.server);
    }
}

impl Loader for Client {
    fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    fn send_from(&mut self, at: Instant) {
        self.due = at;
    }

    fn is_due(&self, now: Instant) -> bool {
        self.speaks && self.is_known && self.due <= now
    }

    fn take(&mut self, _from: SocketAddr, bytes: &[u8]) {
        self.is_known = true;
        let nonce = self.crypt.heard(bytes[0]);
        if bytes.len() <= SOUND_BYTES {
            return;
        }
        if self.opens.is_none() {
            self.streams.count(0, nonce as u16);
            return;
        }
        // Its type, who speaks, the number, the length, and the sound.
        let plain = self.crypt.open(nonce, bytes);
        let (head, sound) = plain.split_at(plain.len() - SOUND_BYTES);
        let head = &head[1..head.len() - LENGTH_BYTES];
        let (session, number) = head.split_at(head.len() - NUMBER_BYTES);
        let session = session.iter().fold(0, |session, byte| session << 8 | u32::from(*byte));
        self.streams.count(session, u16::from_be_bytes([number[1], number[2]]));
        self.waits.take(sound.len(), since_stamp(sound).expect("a sound is longer"));
    }

    fn tend(&mut self, now: Instant) {
        if !self.is_known && self.knock <= now {
            self.knock = now + KNOCK_EVERY;
            self.send(&[UDP_PING, 0]);
        }
        if self.is_due(now) {
            self.due = due_again(self.due, SOUND_EVERY, now);
            self.sent += 1;
            // Numbers of 21 bits: two bits say that two bytes follow.
            let [_, high, middle, low] = self.sent.to_be_bytes();
            let head = [OPUS, 0xc0 | high, middle, low, SOUND_BYTES as u8];
            self.send(&[&head[..], &stamped(vec![0xfc; SOUND_BYTES])].concat());
        }
    }

    fn is_settled(&self) -> bool {
        self.streams.heard() >= self.opens.unwrap_or(1)
    }

    fn begin(&mut self) {
        self.waits = Waits::default();
        self.streams.begin();
    }

    fn tally(&mut self) -> Tally {
        self.streams.tally(std::mem::take(&mut self.waits))
    }
}

/// What a crypt setup says: the key, the client's nonce and the server's, each after two bytes of protobuf.
fn parts(setup: &[u8]) -> [[u8; BLOCK_BYTES]; 3] {
    let mut parts = setup.chunks_exact(2 + BLOCK_BYTES);
    [(); 3].map(|()| {
        let part = parts.next().and_then(<[u8]>::last_chunk);
        *part.expect("there are three")
    })
}
