//! How Mumble seals datagrams: AES-128 in OCB2 (ISO/IEC 19772:2009, mechanism 1), under nonces that count up
//! from their first byte; that byte and a part of the tag are sent. OCB2 is broken
//! (<https://eprint.iacr.org/2019/311>): nothing but this figure speaks it.

use aws_lc_rs::cipher::{AES_128, DecryptingKey, DecryptionContext, EncryptingKey, UnboundCipherKey};

/// Bytes of a block, of a key and of a nonce.
pub const BLOCK_BYTES: usize = 16;
/// Bytes before what is sealed: one of the nonce, and three of the tag.
const SEAL_BYTES: usize = 4;

/// What seals a client's datagrams, and opens the server's.
pub struct Crypt {
    sealing: EncryptingKey,
    opening: DecryptingKey,
    /// The nonces of what was last sent and heard.
    own: u128,
    theirs: u128,
}

impl Crypt {
    /// Under a key; the nonces are those before the first ones of each side.
    pub fn of([key, own, theirs]: [[u8; BLOCK_BYTES]; 3]) -> Self {
        let keyed = || UnboundCipherKey::new(&AES_128, &key).expect("a key has 16 bytes");
        Self {
            sealing: EncryptingKey::ecb(keyed()).expect("AES has this mode"),
            opening: DecryptingKey::ecb(keyed()).expect("AES has this mode"),
            own: u128::from_le_bytes(own),
            theirs: u128::from_le_bytes(theirs),
        }
    }

    /// A datagram.
    pub fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        self.own = self.own.wrapping_add(1);
        let (sealed, [a, b, c, ..]) = self.turned(self.own, plain, true);
        [&[self.own as u8, a, b, c][..], &sealed].concat()
    }

    /// The nonce of a packet that comes, by its last byte: the one that is nearest to the one before.
    pub fn heard(&mut self, last: u8) -> u128 {
        let ahead = last.wrapping_sub(self.theirs as u8) as i8;
        let nonce = self.theirs.wrapping_add_signed(ahead.into());
        if ahead > 0 {
            self.theirs = nonce;
        }
        nonce
    }

    /// What a datagram under this nonce holds; one that is not the server's ends the program.
    pub fn open(&self, nonce: u128, packet: &[u8]) -> Vec<u8> {
        let (head, sealed) = packet.split_at(SEAL_BYTES);
        let (plain, tag) = self.turned(nonce, sealed, false);
        assert_eq!(head[1..], tag[..SEAL_BYTES - 1], "the server seals what it sends");
        plain
    }

    /// Seals or opens: what comes out, and the tag of what is plain.
    fn turned(&self, nonce: u128, bytes: &[u8], is_sealing: bool) -> (Vec<u8>, [u8; BLOCK_BYTES]) {
        let mut offset = self.encrypted(nonce.swap_bytes());
        let (mut sum, mut out) = (0, Vec::with_capacity(bytes.len()));
        // The last block may be a short one, but is never empty.
        let (blocks, last) = bytes.split_at((bytes.len() - 1) / BLOCK_BYTES * BLOCK_BYTES);
        for block in blocks.as_chunks::<BLOCK_BYTES>().0 {
            let block = u128::from_be_bytes(*block);
            offset = doubled(offset);
            let masked = block ^ offset;
            let turned = offset ^ if is_sealing { self.encrypted(masked) } else { self.decrypted(masked) };
            sum ^= if is_sealing { block } else { turned };
            out.extend(turned.to_be_bytes());
        }
        offset = doubled(offset);
        let mut pad = self.encrypted(offset ^ (last.len() as u128 * 8)).to_be_bytes();
        let turned: Vec<u8> = last.iter().zip(pad).map(|(byte, pad)| byte ^ pad).collect();
        pad[..last.len()].copy_from_slice(if is_sealing { last } else { &turned });
        sum ^= u128::from_be_bytes(pad);
        out.extend(turned);
        (out, self.encrypted(offset ^ doubled(offset) ^ sum).to_be_bytes())
    }

    fn encrypted(&self, block: u128) -> u128 {
        let mut block = block.to_be_bytes();
        self.sealing.encrypt(&mut block).expect("it is one block");
        u128::from_be_bytes(block)
    }

    fn decrypted(&self, block: u128) -> u128 {
        let mut block = block.to_be_bytes();
        self.opening.decrypt(&mut block, DecryptionContext::None).expect("it is one block");
        u128::from_be_bytes(block)
    }
}

/// Twice an element of the field of 2^128.
fn doubled(element: u128) -> u128 {
    (element << 1) ^ ((element >> 127) * 0x87)
}
