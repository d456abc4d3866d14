//! A caller's camera: pictures in three layers, of which a keyframe comes when it is asked for.

use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::format::Codec;
use str0m::media::{Mid, Rid, Simulcast, SimulcastLayer};
use str0m::rtp::RtpWrite;

/// Time between two pictures.
pub const PICTURE_EVERY: Duration = Duration::from_millis(66);
/// Layers from the smallest, with the packets that a picture takes in each, and their bytes.
const LAYERS: [(&str, u64, usize); 3] = [("q", 4, 250), ("h", 4, 1_000), ("f", 10, 1_000)];
/// Units of the clock from one picture to the next.
const PICTURE_STEP: u32 = 5_940;

/// The layers as they are offered.
pub fn simulcast() -> Simulcast {
    Simulcast { send: LAYERS.map(|(rid, ..)| SimulcastLayer::new(rid)).into(), recv: Vec::new() }
}

/// A camera.
pub struct Camera {
    mid: Mid,
    pictures: u64,
    is_key_due: [bool; LAYERS.len()],
    /// Packets of keyframes are sent the last one first, as others overtake them on some ways.
    is_backwards: bool,
}

impl Camera {
    /// A camera that sends in this section.
    pub fn new(mid: Mid, is_backwards: bool) -> Self {
        Self { mid, pictures: 0, is_key_due: [true; LAYERS.len()], is_backwards }
    }

    /// The next picture of a layer is to be a keyframe.
    pub fn ask_keyframe(&mut self, rid: Rid) {
        if let Some(layer) = LAYERS.iter().position(|(of, ..)| *of == &*rid) {
            self.is_key_due[layer] = true;
        }
    }

    /// The packets of the next picture, in every layer.
    pub fn picture(&mut self, rtc: &Rtc) -> Vec<(Mid, Rid, RtpWrite)> {
        let vp8 = rtc.codec_config().params().iter().find(|of| of.spec().codec == Codec::Vp8);
        let pt = vp8.expect("it is on").pt();
        self.pictures += 1;
        let now = Instant::now();
        let mut packets = Vec::new();
        for (layer, (rid, count, bytes)) in LAYERS.iter().enumerate() {
            let is_key = std::mem::take(&mut self.is_key_due[layer]);
            for packet in 0..*count {
                let seq = (self.pictures - 1) * count + packet + 1;
                let payload = payload(self.pictures, packet == 0, is_key, *bytes);
                let timestamp = self.pictures as u32 * PICTURE_STEP;
                let write = RtpWrite::new(pt, seq.into(), timestamp, now, payload);
                packets.push((self.mid, Rid::from(*rid), write.marker(packet + 1 == *count).nackable(true)));
            }
            if is_key && self.is_backwards {
                let first = packets.len() - *count as usize;
                packets[first..].reverse();
            }
        }
        packets
    }
}

/// A descriptor with picture and base layer numbers (RFC 7741 §4.2), the first byte of a frame, and filling.
fn payload(picture: u64, is_first: bool, is_key: bool, bytes: usize) -> Vec<u8> {
    let [high, low] = (picture as u16 & 0x7fff).to_be_bytes();
    let start = if is_first { 0x10 } else { 0 };
    let mut payload = vec![0x80 | start, 0xe0, 0x80 | high, low, low, 0, u8::from(!is_key)];
    payload.resize(bytes, 0x55);
    payload
}
