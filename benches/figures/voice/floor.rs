//! The floor of forwarding: a loop that opens a sealed packet and seals it for each receiver, over one UDP socket, and knows nothing of
//! rooms, slots or feedback. It runs as a process of its own, its receivers look for packets now and then as peers do, and one, the
//! ear, waits for each: what the machine itself makes packets wait shows there too.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::load::due_again;
use super::peer::{PICTURE_BYTES, PICTURE_EVERY, PICTURE_PACKETS, SOUND_BYTES, SOUND_EVERY};
use super::tally::Waits;
use crate::measure::{Process, micros_each};

/// Bytes of an RTP header without extensions.
const HEADER_BYTES: usize = 12;
/// Bytes of what seals a packet.
const TAG_BYTES: usize = 16;
/// Bytes of the longest packet.
const PACKET_BYTES: usize = 2_000;
/// Time between two looks of the receivers.
const LOOK: Duration = Duration::from_millis(2);
/// As the server's own.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

fn key(of: u8) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[of; 16]).expect("a key has 16 bytes"))
}

fn nonce(packet: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[..8].copy_from_slice(&packet.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// Where its packets go, under which key.
struct Receiver {
    at: SocketAddr,
    key: LessSafeKey,
    sent: u64,
}

/// Forwards: a datagram of one byte is a receiver's, any other one the sender's.
pub async fn serve() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let options = socket2::SockRef::from(&socket);
    // Systems that allow less give what they allow.
    let _ = options.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = options.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    println!("http://{}", socket.local_addr().expect("it is bound"));
    std::io::stdout().flush().expect("somebody listens");
    let (mut receivers, mut known) = (Vec::<Receiver>::new(), HashMap::<SocketAddr, usize>::new());
    let (opening, mut buffer) = (key(0), [0; PACKET_BYTES]);
    let mut out = Vec::with_capacity(PACKET_BYTES);
    loop {
        let (count, from) = socket.recv_from(&mut buffer).expect("a socket is read");
        if count == 1 {
            known.entry(from).or_insert_with(|| {
                receivers.push(Receiver { at: from, key: key(receivers.len() as u8), sent: 0 });
                receivers.len()
            });
            continue;
        }
        let (header, sealed) = buffer[..count].split_at_mut(HEADER_BYTES);
        let packet = u64::from_be_bytes(*header.first_chunk().expect("it is longer"));
        let opened = opening.open_in_place(nonce(packet), Aad::from(&header), sealed);
        let payload = opened.expect("the sender has the key");
        for receiver in &mut receivers {
            receiver.sent += 1;
            out.clear();
            out.extend_from_slice(header);
            out.extend_from_slice(payload);
            let (head, body) = out.split_at_mut(HEADER_BYTES);
            let tag = receiver.key.seal_in_place_separate_tag(nonce(receiver.sent), Aad::from(&head), body);
            out.extend_from_slice(tag.expect("it is short").as_ref());
            // What the system takes no more of is lost, as with any forwarder.
            let _ = socket.send_to(&out, receiver.at);
        }
    }
}

/// What is sent: how often, and packets of how many bytes.
pub struct Packets(Vec<(Duration, u16, usize)>);

impl Packets {
    /// Those of so many speakers.
    pub fn sounds(speakers: usize) -> Self {
        Self(vec![(SOUND_EVERY, 1, SOUND_BYTES); speakers])
    }

    /// Those of a screen too.
    pub fn and_screen(mut self) -> Self {
        self.0.push((PICTURE_EVERY, PICTURE_PACKETS, PICTURE_BYTES));
        self
    }
}

/// The loop, and its receivers.
pub struct Floor {
    server: Process,
    sockets: Vec<UdpSocket>,
}

impl Floor {
    /// A loop with so many receivers, the ear among them.
    pub async fn start(receivers: usize) -> Self {
        let server = Process::floor("floor-voice", &[]);
        let mut sockets = Vec::new();
        for _ in 0..receivers {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
            socket.set_nonblocking(true).expect("a socket takes its options");
            socket.send_to(&[0], server.address).expect("a datagram leaves");
            sockets.push(socket);
        }
        Self { server, sockets }
    }

    /// What its packets take over so long.
    pub async fn measure(self, packets: Packets, window: Duration) -> Forwarded {
        let Self { server, mut sockets } = self;
        let ear = sockets.pop().expect("somebody listens");
        let (came, is_over) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (count, over, to) = (came.clone(), is_over.clone(), server.address);
        let load = std::thread::spawn(move || send_and_look(&sockets, packets, to, &count, &over));
        let (count, over) = (came.clone(), is_over.clone());
        let ear = std::thread::spawn(move || listen(&ear, &count, &over));
        tokio::time::sleep(window / 5).await;
        let before = (server.cpu_of_threads(), came.load(Ordering::Relaxed));
        tokio::time::sleep(window).await;
        let after = (server.cpu_of_threads(), came.load(Ordering::Relaxed));
        is_over.store(true, Ordering::Relaxed);
        load.join().expect("the sender runs to its end");
        let waits = ear.join().expect("the ear listens to the end");
        let cpu_us = micros_each(after.0.saturating_sub(before.0), after.1 - before.1);
        Forwarded { cpu_us, waits }
    }
}

/// What the loop's packets took.
pub struct Forwarded {
    /// Microseconds of its CPU for each that arrived.
    pub cpu_us: f64,
    /// From before they were sealed to their arrival at the ear.
    pub waits: Waits,
}

/// Microseconds since the first call in this process, as they fit into a header.
fn now_us() -> u32 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed().as_micros() as u32
}

/// Waits for each packet, to the end.
fn listen(socket: &UdpSocket, came: &AtomicU64, is_over: &AtomicBool) -> Waits {
    socket.set_nonblocking(false).expect("a socket takes its options");
    socket.set_read_timeout(Some(LOOK)).expect("a socket takes its options");
    let (mut waits, mut buffer) = (Waits::default(), [0; PACKET_BYTES]);
    while !is_over.load(Ordering::Relaxed) {
        if let Ok((count, _)) = socket.recv_from(&mut buffer) {
            came.fetch_add(1, Ordering::Relaxed);
            let sent_us = u32::from_be_bytes(*buffer[8..].first_chunk().expect("a header is longer"));
            let wait = Duration::from_micros(now_us().wrapping_sub(sent_us).into());
            waits.take(count - HEADER_BYTES - TAG_BYTES, wait);
        }
    }
    waits
}

fn send_and_look(
    sockets: &[UdpSocket],
    packets: Packets,
    to: SocketAddr,
    came: &AtomicU64,
    is_over: &AtomicBool,
) {
    let sender = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let (sealing, mut sent, began) = (key(0), 0u64, Instant::now());
    let senders = packets.0.len() as u32;
    let first = |(n, (every, ..)): (u32, &(Duration, u16, usize))| began + *every * n / senders;
    let mut due: Vec<Instant> = (0..senders).zip(&packets.0).map(first).collect();
    let mut buffer = [0; PACKET_BYTES];
    while !is_over.load(Ordering::Relaxed) {
        let now = Instant::now();
        for (at, (every, count, bytes)) in due.iter_mut().zip(&packets.0).filter(|(at, _)| **at <= now) {
            *at = due_again(*at, *every, now);
            for _ in 0..*count {
                sent += 1;
                let mut packet = [&sent.to_be_bytes()[..], &now_us().to_be_bytes()].concat();
                packet.resize(HEADER_BYTES + bytes, 0x55);
                let (header, body) = packet.split_at_mut(HEADER_BYTES);
                let tag = sealing.seal_in_place_separate_tag(nonce(sent), Aad::from(&header), body);
                packet.extend_from_slice(tag.expect("it is short").as_ref());
                sender.send_to(&packet, to).expect("a datagram leaves");
            }
        }
        for socket in sockets {
            while socket.recv_from(&mut buffer).is_ok() {
                came.fetch_add(1, Ordering::Relaxed);
            }
        }
        std::thread::sleep(LOOK.saturating_sub(now.elapsed()));
    }
}
