//! The slots in which a browser takes sound and video, as it offered them (VOICE.md §3).

use std::time::Duration;

use str0m::Rtc;
use str0m::format::Codec;
use str0m::media::{Mid, Pt};
use str0m::rtp::{Extension, Ssrc};

use super::description::Section;
use super::stream::{Format, Stream};

/// What is kept of a video, to be sent again to whom it did not reach: about as much as the library has it by itself.
const KEPT_PACKETS: usize = 1_024;
const KEPT_FOR: Duration = Duration::from_secs(3);
/// The share of what is sent that may be what is sent again; of more nothing is, for a moment, so that who asks for all of it has it
/// twice and no more. Where packets overtake one another many are asked for that are on their way: with 5 % lost and 50 ms of jitter as
/// many as a fifth, so that under the library's own 15 % half of what was asked for did not come.
const RESENT: f32 = 0.5;

/// A slot of video, which the library sends.
#[derive(Debug)]
pub struct VideoSlot {
    /// Its section.
    pub mid: Mid,
    /// Its stream's number, which the answer names; none where the client takes nothing in it.
    pub ssrc: Option<Ssrc>,
    payload_type: Option<Pt>,
}

impl VideoSlot {
    /// What its client calls the codec, looked up once.
    pub fn payload_type(&mut self, rtc: &Rtc) -> Option<Pt> {
        self.payload_type = self.payload_type.or_else(|| payload_type(rtc, self.mid, Codec::Vp8));
        self.payload_type
    }
}

/// A slot of sound, which goes past the library.
#[derive(Debug)]
pub struct SoundSlot {
    /// Its section.
    pub mid: Mid,
    /// Its stream; none where the client takes nothing in it.
    pub stream: Option<Stream>,
    format: Option<Format>,
}

impl SoundSlot {
    /// How its sounds are written, looked up once.
    pub fn format(&mut self, rtc: &Rtc) -> Option<Format> {
        if self.format.is_none() {
            let payload_type = *payload_type(rtc, self.mid, Codec::Opus)?;
            let level_id = rtc.media(self.mid)?.remote_extmap().id_of(Extension::AudioLevel);
            // Greater ones take another form of extensions (RFC 8285 §4.3), which nobody needs for so few.
            let level_id = level_id.filter(|id| (1..15).contains(id));
            self.format = Some(Format { payload_type, level_id });
        }
        self.format
    }

    /// Tells the library of its stream.
    pub fn open(&self, rtc: &mut Rtc) {
        if let Some(stream) = &self.stream
            && rtc.media(self.mid).is_some()
        {
            rtc.direct_api().declare_stream_tx(stream.ssrc().into(), None, self.mid, None);
        }
    }

    /// Has the library forget its stream, so that it sends nothing of it, and walks it with nothing.
    pub fn close(&self, rtc: &mut Rtc) {
        if let Some(stream) = &self.stream {
            rtc.direct_api().remove_stream_tx(stream.ssrc().into());
        }
    }
}

/// The slots of these sections, as they were negotiated just now. Streams of sound that were `known` go on where they were, as do those
/// of video that were `shown`.
pub fn negotiated<'a>(
    rtc: &mut Rtc,
    sections: impl Iterator<Item = &'a Section>,
    known: Vec<SoundSlot>,
    shown: &[VideoSlot],
) -> (Vec<SoundSlot>, Vec<VideoSlot>) {
    let mut known: Vec<Stream> = known.into_iter().filter_map(|slot| slot.stream).collect();
    let (mut audio, mut video) = (Vec::new(), Vec::new());
    for section in sections {
        let mid: Mid = section.mid.as_str().into();
        let mut direct = rtc.direct_api();
        let stream = direct.stream_tx_by_mid(mid, None);
        if section.is_video {
            let ssrc = stream.map(|stream| {
                // Not of one that goes on: it forgets what is kept.
                if !shown.iter().any(|slot| slot.ssrc == Some(stream.ssrc())) {
                    stream.set_rtx_cache(KEPT_PACKETS, KEPT_FOR, Some(RESENT));
                }
                stream.ssrc()
            });
            video.push(VideoSlot { mid, ssrc, payload_type: None });
            continue;
        }
        let ssrc = stream.map(|stream| stream.ssrc());
        let stream = ssrc.map(|ssrc| {
            let at = known.iter().position(|stream| stream.ssrc() == *ssrc);
            at.map_or_else(|| Stream::new(*ssrc), |at| known.swap_remove(at))
        });
        audio.push(SoundSlot { mid, stream, format: None });
    }
    for lost in known {
        rtc.direct_api().remove_stream_tx(lost.ssrc().into());
    }
    (audio, video)
}

/// What the client calls a codec in a section.
fn payload_type(rtc: &Rtc, mid: Mid, codec: Codec) -> Option<Pt> {
    let known = rtc.media(mid)?.remote_pts();
    let params = rtc.codec_config().params();
    params.iter().find(|of| of.spec().codec == codec && known.contains(&of.pt())).map(|of| of.pt())
}
