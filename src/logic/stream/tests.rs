//! Streams as clients read them: several sessions share packets, say different things before them and join at different times;
//! independent decoders must find every message whole on its arrival.

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress};
use proptest::prelude::*;

use super::{Compression, Delivery, MAX_HEAD_BYTES, Outbound, zlib, zstd};
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::logic::session::{HELLO, Meter, Packet, Piece, Place, Splicer};

/// What a client holds of a connection, and a decoder that knows nothing of how it was made.
struct Client {
    out: Outbound,
    decoder: Decoder,
    expected: Vec<u8>,
    joined: usize,
    seq: u64,
}

enum Decoder {
    None,
    Zlib(Box<Decompress>),
    /// All that came: a frame's decoder hands out what is older than the window only, unless the frame has ended.
    Zstd(Vec<u8>),
}

impl Client {
    fn new(compression: Compression, joined: usize) -> Self {
        let decoder = match compression {
            Compression::None => Decoder::None,
            Compression::Zlib => Decoder::Zlib(Box::new(Decompress::new(true))),
            Compression::Zstd => Decoder::Zstd(Vec::new()),
        };
        Self {
            out: Outbound::new(compression),
            decoder,
            expected: Vec::new(),
            joined,
            seq: joined as u64 * 1_000_003,
        }
    }

    fn hears_own(&mut self, message: &[u8]) {
        let delivery = self.out.own(message);
        self.receives(delivery, message);
    }

    fn hears(&mut self, packet: &Packet) {
        self.seq += 1;
        let delivery = self.out.dispatch(self.seq, packet);
        let message = [format!("{{\"op\":0,\"s\":{},", self.seq).as_bytes(), packet.text()].concat();
        self.receives(delivery, &message);
    }

    fn receives(&mut self, delivery: Delivery, message: &[u8]) {
        let wire = [&delivery.head, &delivery.body[..]].concat();
        let (opcode, payload) = unframe(&wire);
        assert_eq!(opcode, if matches!(self.decoder, Decoder::None) { 1 } else { 2 });
        match &mut self.decoder {
            Decoder::None => assert_eq!(payload, message),
            Decoder::Zlib(inflate) => {
                assert!(payload.ends_with(&[0, 0, 0xff, 0xff]), "clients wait for a sync flush");
                let mut text = Vec::with_capacity(message.len() + 1);
                inflate.decompress_vec(payload, &mut text, FlushDecompress::Sync).unwrap();
                assert_eq!(text, message);
            }
            Decoder::Zstd(stream) => {
                self.expected.extend_from_slice(message);
                stream.extend_from_slice(payload);
                let mut text = Vec::with_capacity(self.expected.len() + 1);
                let ended = [&stream[..], &[1, 0, 0]].concat();
                ruzstd::decoding::FrameDecoder::new().decode_all_to_vec(&ended, &mut text).unwrap();
                assert_eq!(text, self.expected);
            }
        }
    }
}

/// Reads a server's frame (RFC 6455 §5.2): its opcode and its payload, which must be all that is there.
fn unframe(wire: &[u8]) -> (u8, &[u8]) {
    assert_eq!(wire[0] & 0xf0, 0x80);
    let (header, len) = match wire[1] {
        126 => (4, u64::from(u16::from_be_bytes(wire[2..4].try_into().unwrap()))),
        127 => (10, u64::from_be_bytes(wire[2..10].try_into().unwrap())),
        len => (2, u64::from(len)),
    };
    assert_eq!(wire.len() as u64, header as u64 + len);
    (wire[0] & 0x0f, &wire[header..])
}

/// Text that repeats itself as events do, of any length, in ASCII or not, or no text at all.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let json = (1usize..400, any::<u64>()).prop_map(|(members, salt)| {
        let one = |n: usize| {
            let id = salt.wrapping_mul(n as u64 + 1);
            format!(
                r#"{{"id":"{id}","nick":null,"roles":["{}"],"joined_at":"2026-03-0{}"}},"#,
                id >> 9,
                n % 9
            )
        };
        (0..members).map(one).collect::<String>().into_bytes()
    });
    let words = ["tide", "hearth ", "что ", "🔥", "\\n", "ember", "  ", "x", "炉火"];
    prop_oneof![
        json,
        prop::collection::vec(prop::sample::select(words.to_vec()), 0..400)
            .prop_map(|all| all.concat().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..3_000),
        (any::<u8>(), 1usize..5_000).prop_map(|(byte, len)| vec![byte; len]),
        (1u8..4, prop::collection::vec(0u8..4, 0..5_000))
            .prop_map(|(step, few)| few.iter().map(|n| 90 + n * step).collect()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn sessions_that_share_bytes_each_read_one_whole_stream(
        payloads in prop::collection::vec(payload(), 1..12),
        joins in prop::collection::vec((0usize..12, 0usize..3), 1..6),
        hello_every in 2usize..6,
    ) {
        let packets: Vec<Packet> = payloads.into_iter().map(|tail| Packet::new("TEST", tail.into())).collect();
        let compressions = [Compression::None, Compression::Zlib, Compression::Zstd];
        let mut clients: Vec<Client> = joins.iter().map(|(at, kind)| Client::new(compressions[*kind], *at)).collect();
        for (turn, packet) in packets.iter().enumerate() {
            for (number, client) in clients.iter_mut().enumerate().filter(|(_, client)| client.joined <= turn) {
                if (turn + number) % hello_every == 0 {
                    client.hears_own(HELLO.as_bytes());
                }
                client.hears(packet);
            }
        }
    }
}

/// A payload with parts that others hold too, between what is its own.
#[derive(Serialize)]
struct Holding<'a> {
    first: &'a str,
    parts: Vec<(&'a str, Arc<RawValue>)>,
    last: &'a str,
}

fn holding(own: &str, pieces: &[Piece]) -> Packet {
    let parts = pieces.iter().map(|piece| (own, piece.json().clone())).collect();
    let mut text = br#""t":"READY","d":"#.to_vec();
    let mut splicer = Splicer::new(&mut text, pieces);
    serde_json::to_writer(&mut splicer, &Holding { first: own, parts, last: own }).unwrap();
    let found = splicer.found();
    text.push(b'}');
    Packet::pieced("READY", text.into(), found, Place::default(), &Meter::default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn payloads_that_share_parts_are_each_read_whole(
        parts in prop::collection::vec("(tide|[a-z炉]{0,9}){0,2500}", 1..4),
        holders in prop::collection::vec(("[a-z]{0,300}", prop::collection::vec(0usize..3, 0..5)), 1..6),
    ) {
        let pieces: Vec<Piece> = parts.iter().map(|part| Piece::of(part).unwrap()).collect();
        let mut clients =
            [Compression::None, Compression::Zlib, Compression::Zstd].map(|kind| Client::new(kind, 0));
        for (own, held) in &holders {
            let held: Vec<Piece> = held.iter().map(|n| pieces[n % pieces.len()].clone()).collect();
            let packet = holding(own, &held);
            clients.iter_mut().for_each(|client| client.hears(&packet));
        }
    }
}

#[test]
fn a_part_that_is_shared_is_compressed_once() {
    let numbers = (1..2_000_u64).map(|n| (n * n * 0x9e37_79b9).to_string());
    let piece = Piece::of(&numbers.collect::<String>()).unwrap();
    let small = Piece::of(&"small").unwrap();
    let held = [small.clone(), piece.clone(), small, piece];
    for form in [Packet::zlib, Packet::zstd] {
        let alone = holding("one", &held[1..2]);
        let bytes = form(&alone);
        // Far from either end, where the packet's own text is.
        let part = &bytes[bytes.len() / 4..bytes.len() * 3 / 4];
        let both = holding("another", &held);
        assert_eq!(form(&both).windows(part.len()).filter(|window| *window == part).count(), 2);
        let unshared = Packet::new("READY", both.text().clone());
        assert_eq!(form(&unshared).windows(part.len()).filter(|window| *window == part).count(), 0);
    }
}

#[test]
fn what_is_large_spans_blocks() {
    let mut salt = 7_u64;
    let mut large = String::from(r#""t":"READY","d":["#);
    while large.len() < 600_000 {
        salt = salt.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        large += &format!(
            r#"{{"user":{{"id":"{}","username":"guest{}","avatar":null}},"roles":[]}},"#,
            salt >> 4,
            salt >> 50
        );
    }
    let noise: Vec<u8> = large
        .bytes()
        .zip(0_u64..)
        .map(|(byte, n)| byte ^ (n.wrapping_mul(n).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
        .collect();
    for tail in
        [large.clone().into_bytes(), noise, vec![b'a'; 400_000], [large.as_bytes(), &[0; 200_000]].concat()]
    {
        let packet = Packet::new("READY", Bytes::from(tail));
        for compression in [Compression::None, Compression::Zlib, Compression::Zstd] {
            let mut client = Client::new(compression, 0);
            client.hears(&packet);
            client.hears_own(HELLO.as_bytes());
            client.hears_own(packet.text());
            client.hears(&packet);
        }
        assert!(packet.zlib().len() < packet.len() + packet.len() / 1_000 + 64);
        assert!(packet.zstd().len() < packet.len() + packet.len() / 1_000 + 64);
    }
    let ready = Packet::new("READY", large.into());
    assert!(ready.zlib().len() < ready.len() / 3, "{}", ready.zlib().len());
    assert!(ready.zstd().len() < ready.len() / 3, "{}", ready.zstd().len());
}

#[test]
fn a_stream_begins_once_for_each_connection() {
    let packet = Packet::of("TYPING_START", "{}");
    for (compression, magic) in
        [(Compression::Zlib, &b"\x78\x9c"[..]), (Compression::Zstd, b"\x28\xb5\x2f\xfd\x00\x38")]
    {
        let mut out = Outbound::new(compression);
        let first = out.dispatch(1, &packet);
        assert_eq!(&first.head[2..][..magic.len()], magic);
        let second = out.dispatch(1, &packet);
        assert_eq!(second.head.len() + magic.len(), first.head.len());
        assert_eq!(second.body.as_ptr(), first.body.as_ptr(), "the body is shared, not copied");
        assert_eq!(second.wire_len(), second.head.len() + second.body.len());
    }
}

#[test]
fn the_longest_head_fits() {
    let tail = Packet::new("READY", Bytes::from(vec![0xa5; 1 << 17]));
    for compression in [Compression::None, Compression::Zlib, Compression::Zstd] {
        let mut client = Client::new(compression, 0);
        client.seq = u64::MAX - 1;
        client.hears(&tail);
        let head = Outbound::new(compression).dispatch(u64::MAX, &tail).head;
        assert!(head.len() <= MAX_HEAD_BYTES && head.len() >= 10 + 33);
    }
}

#[test]
fn empty_and_tiny_data_are_pieces_too() {
    for data in [&b""[..], b"x", b"{}"] {
        assert!(zlib::shared(data).ends_with(&[0, 0, 0xff, 0xff]));
        assert!(zlib::deflate_shared(data).ends_with(&[0, 0, 0xff, 0xff]));
        let block = zstd::shared(data);
        assert_eq!(block.len(), if data.is_empty() { 0 } else { 3 + data.len() });
    }
    for compression in [Compression::Zlib, Compression::Zstd] {
        let mut client = Client::new(compression, 0);
        for len in (0..300).chain([4_095, 4_096, 16_383, 16_384, 65_535, 65_536, 131_071, 131_072, 131_073]) {
            let text: String = (0..len).map(|n: u64| char::from(b' ' + (n * n % 61) as u8)).collect();
            client.hears(&Packet::new("TEST", text.into()));
        }
    }
}
