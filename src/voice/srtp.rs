//! Sealing of what browsers are sent beside the WebRTC library (SRTP: RFC 3711, and RFC 7714 for AES-GCM), under keys that the
//! handshake of their connection agreed on (RFC 5764 §4.2).

use std::fmt;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::hmac;
use str0m::crypto::dtls::SrtpProfile;
use str0m::crypto::{AeadAes128Gcm, AeadAes256Gcm, Aes128CmSha1_80};

/// Bytes of the longest tag.
const MAX_TAG: usize = 16;
/// Bytes of the tag beside AES in counter mode.
const HASH: usize = Aes128CmSha1_80::HMAC_TAG_LEN;
/// Bytes of a report that stay in clear: its head, and who sends it.
const REPORT_HEAD: usize = 8;
/// Says that a report is encrypted, beside its number (RFC 3711 §3.4).
const IS_ENCRYPTED: u32 = 1 << 31;
/// What keys are derived for (RFC 3711 §4.3.2), for packets; reports have theirs behind these.
const LABEL_KEY: u8 = 0;
const LABEL_HASH: u8 = 1;
const LABEL_SALT: u8 = 2;
const LABELS_OF_REPORTS: u8 = 3;

/// Seals packets and reports of the streams that are ours: their numbers (SSRC) are nobody else's under these keys.
pub struct Sealer {
    packets: Cipher,
    reports: Cipher,
    last_report: u32,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer") // it holds keys
    }
}

enum Cipher {
    /// AES in counter mode and a keyed hash (RFC 3711 §4).
    Counter { key: Box<EncryptingKey>, salt: [u8; Aes128CmSha1_80::SALT_LEN], hash: Box<hmac::Key> },
    /// AES-GCM, with keys of either length (RFC 7714).
    Gcm { key: Box<LessSafeKey>, salt: [u8; AeadAes128Gcm::SALT_LEN] },
}

impl Sealer {
    /// What seals on the side of a connection that the handshake's client is on, or its server. `material` are the keys of both sides,
    /// then their salts; `None` where that is not what the profile takes.
    pub fn new(profile: SrtpProfile, material: &[u8], is_client: bool) -> Option<Self> {
        let (key_bytes, salt_bytes) = match profile {
            SrtpProfile::AES128_CM_SHA1_80 => (Aes128CmSha1_80::KEY_LEN, Aes128CmSha1_80::SALT_LEN),
            SrtpProfile::AEAD_AES_128_GCM => (AeadAes128Gcm::KEY_LEN, AeadAes128Gcm::SALT_LEN),
            SrtpProfile::AEAD_AES_256_GCM => (AeadAes256Gcm::KEY_LEN, AeadAes256Gcm::SALT_LEN),
            _ => return None,
        };
        if material.len() != 2 * (key_bytes + salt_bytes) {
            return None;
        }
        let (keys, salts) = material.split_at(2 * key_bytes);
        let side = usize::from(!is_client);
        let master = Master {
            key: keys.chunks(key_bytes).nth(side)?,
            salt: salts.chunks_exact(salt_bytes).nth(side)?,
        };
        let cipher = |labels| Cipher::derived(profile, &master, labels);
        Some(Self { packets: cipher(0)?, reports: cipher(LABELS_OF_REPORTS)?, last_report: 0 })
    }

    /// A packet with this header, sealed; `index` is its sequence number, not wrapped (RFC 3711 §3.3.1), and never given twice.
    pub fn packet(&self, ssrc: u32, index: u64, header: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
        let mut packet = Vec::with_capacity(header.len() + payload.len() + MAX_TAG);
        packet.extend_from_slice(header);
        packet.extend_from_slice(payload);
        match &self.packets {
            Cipher::Gcm { key, salt } => {
                seal(key, nonce(salt, ssrc, index), header, header.len(), &mut packet)?
            }
            Cipher::Counter { key, salt, hash } => {
                count(key, Aes128CmSha1_80::rtp_iv(*salt, ssrc, index), &mut packet[header.len()..])?;
                let mut context = hmac::Context::with_key(hash);
                context.update(&packet);
                context.update(&((index >> 16) as u32).to_be_bytes());
                packet.extend_from_slice(&context.sign().as_ref()[..HASH]);
            }
        }
        Some(packet)
    }

    /// A report (RTCP), sealed (RFC 3711 §3.4, RFC 7714 §9).
    pub fn report(&mut self, ssrc: u32, plain: &[u8]) -> Option<Vec<u8>> {
        // One that came around would be a replay. At one in five seconds it does not in anybody's life.
        self.last_report = self.last_report.checked_add(1).filter(|index| index & IS_ENCRYPTED == 0)?;
        let index = u64::from(self.last_report);
        let told = (IS_ENCRYPTED | self.last_report).to_be_bytes();
        let mut report = Vec::with_capacity(plain.len() + MAX_TAG + told.len());
        report.extend_from_slice(plain);
        let head = plain.get(..REPORT_HEAD)?;
        match &self.reports {
            Cipher::Gcm { key, salt } => {
                let mut known = [0; REPORT_HEAD + 4];
                known[..REPORT_HEAD].copy_from_slice(head);
                known[REPORT_HEAD..].copy_from_slice(&told);
                seal(key, nonce(salt, ssrc, index), &known, REPORT_HEAD, &mut report)?;
                report.extend_from_slice(&told);
            }
            Cipher::Counter { key, salt, hash } => {
                count(key, Aes128CmSha1_80::rtp_iv(*salt, ssrc, index), &mut report[REPORT_HEAD..])?;
                report.extend_from_slice(&told);
                let tag = hmac::sign(hash, &report);
                report.extend_from_slice(&tag.as_ref()[..HASH]);
            }
        }
        Some(report)
    }
}

impl Cipher {
    fn derived(profile: SrtpProfile, master: &Master<'_>, labels: u8) -> Option<Self> {
        let mut key = [0; AeadAes256Gcm::KEY_LEN];
        let key = &mut key[..master.key.len()];
        master.derive(labels + LABEL_KEY, key)?;
        if profile == SrtpProfile::AES128_CM_SHA1_80 {
            let (mut salt, mut hash) = ([0; Aes128CmSha1_80::SALT_LEN], [0; Aes128CmSha1_80::HMAC_KEY_LEN]);
            master.derive(labels + LABEL_SALT, &mut salt)?;
            master.derive(labels + LABEL_HASH, &mut hash)?;
            let hash = Box::new(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &hash));
            return Some(Self::Counter { key: Box::new(counter(key)?), salt, hash });
        }
        let mut salt = [0; AeadAes128Gcm::SALT_LEN];
        master.derive(labels + LABEL_SALT, &mut salt)?;
        Self::gcm(key, salt)
    }

    fn gcm(key: &[u8], salt: [u8; AeadAes128Gcm::SALT_LEN]) -> Option<Self> {
        let algorithm = if key.len() == AeadAes128Gcm::KEY_LEN { &AES_128_GCM } else { &AES_256_GCM };
        let key = UnboundKey::new(algorithm, key).ok()?;
        Some(Self::Gcm { key: Box::new(LessSafeKey::new(key)), salt })
    }
}

/// What all keys of one side are derived from.
struct Master<'a> {
    key: &'a [u8],
    salt: &'a [u8],
}

impl Master<'_> {
    /// Fills `out` with the key of a label (RFC 3711 §4.3.1, with a rate of 0; RFC 7714 §11).
    fn derive(&self, label: u8, out: &mut [u8]) -> Option<()> {
        let mut block = [0; 16];
        block[..self.salt.len()].copy_from_slice(self.salt);
        block[7] ^= label;
        out.fill(0);
        count(&counter(self.key)?, block, out)
    }
}

/// AES in counter mode under a key of 16 or 32 bytes.
fn counter(key: &[u8]) -> Option<EncryptingKey> {
    let algorithm = if key.len() == Aes128CmSha1_80::KEY_LEN { &AES_128 } else { &AES_256 };
    EncryptingKey::ctr(UnboundCipherKey::new(algorithm, key).ok()?).ok()
}

fn count(key: &EncryptingKey, block: [u8; 16], bytes: &mut [u8]) -> Option<()> {
    key.less_safe_encrypt(bytes, EncryptionContext::Iv128(block.into())).ok().map(drop)
}

/// The nonce of packets and reports alike (RFC 7714 §8.1, §9.1): a report's number has 31 of the 48 bits.
fn nonce(salt: &[u8; AeadAes128Gcm::SALT_LEN], ssrc: u32, index: u64) -> Nonce {
    Nonce::assume_unique_for_key(AeadAes128Gcm::rtp_iv(*salt, ssrc, (index >> 16) as u32, index as u16))
}

/// Encrypts what lies behind the clear bytes, and puts a tag at the end.
fn seal(key: &LessSafeKey, nonce: Nonce, known: &[u8], clear: usize, bytes: &mut Vec<u8>) -> Option<()> {
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(known), &mut bytes[clear..]).ok()?;
    bytes.extend_from_slice(tag.as_ref());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
        pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    }

    const HEADER: &str = "800f1234 decafbad cafebabe";
    const REPORT: &str = "81c8000b cafebabe abababab abababab abababab abababab";
    const SSRC: u32 = 0xcafe_babe;

    /// The keying material in which one side has this master key and salt, and the other one zeros.
    fn material(key: &str, salt: &str, is_client: bool) -> Vec<u8> {
        let (key, salt) = (bytes(key), bytes(salt));
        let sides = |own: &[u8]| {
            let other = vec![0; own.len()];
            if is_client { [own, &other].concat() } else { [&other, own].concat() }
        };
        [sides(&key), sides(&salt)].concat()
    }

    /// Keys, and what they make of a packet and a report: the reference packets of libsrtp (test/srtp_driver.c).
    #[test]
    fn reference_packets_are_sealed_as_others_seal_them() {
        let payload = [0xab; 16];
        for (profile, key, salt, packet, report) in [
            (
                SrtpProfile::AES128_CM_SHA1_80,
                "e1f97a0d3e018be0d64fa32c06de4139",
                "0ec675ad498afeebb6960b3aabe6",
                "4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb",
                "7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798",
            ),
            (
                SrtpProfile::AEAD_AES_128_GCM,
                "000102030405060708090a0b0c0d0e0f",
                "a0a1a2a3a4a5a6a7a8a9aaab",
                "c5002ede04cfdd2eb91159e0880aa06e d2976826f796b201df3131a127e8a392",
                "c98b8b5df0392a55852b6c21ac8e7025 c52c6fbea2b3b446ea31123ba88ce61e 80000001",
            ),
        ] {
            for is_client in [true, false] {
                let material = material(key, salt, is_client);
                let mut sealer = Sealer::new(profile, &material, is_client).unwrap();
                let sealed = sealer.packet(SSRC, 0x1234, &bytes(HEADER), &payload).unwrap();
                assert_eq!(sealed, [bytes(HEADER), bytes(packet)].concat(), "{profile}");
                let sealed = sealer.report(SSRC, &bytes(REPORT)).unwrap();
                assert_eq!(sealed, [bytes("81c8000bcafebabe"), bytes(report)].concat(), "{profile}");
                let again = sealer.report(SSRC, &bytes(REPORT)).unwrap();
                assert_ne!(again, sealed, "each has a number of its own");

                let other = Sealer::new(profile, &material, !is_client).unwrap();
                assert_ne!(
                    other.packet(SSRC, 0x1234, &bytes(HEADER), &payload).unwrap(),
                    [bytes(HEADER), bytes(packet)].concat(),
                    "{profile}: the other side's keys"
                );
            }
        }
    }

    /// RFC 7714 §16.2.1.
    #[test]
    fn long_keys_seal_too() {
        let key: Vec<u8> = (0..32).collect();
        let salt = *b"Quid pro quo";
        let cipher = || Cipher::gcm(&key, salt).unwrap();
        let sealer = Sealer { packets: cipher(), reports: cipher(), last_report: 0 };
        let header = bytes("8040f17b 8041f8d3 5501a0b2");
        let sealed = "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b \
            7aa3db36dfffd6b0f9bb7878d7a76c13";
        assert_eq!(
            sealer.packet(0x5501_a0b2, 0xf17b, &header, b"Gallia est omnis divisa in partes tres").unwrap(),
            [header, bytes(sealed)].concat()
        );
    }

    /// RFC 3711 §4.1.1: the rounds of a sequence number are part of what a packet is sealed with.
    #[test]
    fn rounds_of_the_sequence_number_count() {
        for (profile, bytes) in [
            (SrtpProfile::AES128_CM_SHA1_80, 60),
            (SrtpProfile::AEAD_AES_128_GCM, 56),
            (SrtpProfile::AEAD_AES_256_GCM, 88),
        ] {
            let sealer = Sealer::new(profile, &vec![7; bytes], true).unwrap();
            let first = sealer.packet(1, 5, &[0x80; 12], b"opus").unwrap();
            assert_ne!(first, sealer.packet(1, 5 + (1 << 16), &[0x80; 12], b"opus").unwrap());
            assert!(Sealer::new(profile, &vec![7; bytes - 1], true).is_none(), "{profile}: too short");
        }
    }
}
