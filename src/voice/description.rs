//! What is read from a client's session description beside what the WebRTC library reads: the order of its parts, and what of them it
//! sends (RFC 8866, RFC 8853).

use std::collections::HashSet;

use crate::logic::room::{Kind, Layer, MAX_LAYERS};
use crate::logic::voice_session::Tracks;

/// Parts of a description at most.
pub const MAX_SECTIONS: usize = 32;

/// A part of a description: one stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// Its mid.
    pub mid: String,
    /// Whether it is of video.
    pub is_video: bool,
    /// What the client sends in it; none for a slot in which it receives.
    pub sends: Option<Kind>,
    /// The rids of its layers, smallest first; none where it has one layer only.
    pub rids: Vec<String>,
}

impl Section {
    /// The layer that a rid stands for.
    pub fn layer(&self, rid: Option<&str>) -> Layer {
        let known = rid.and_then(|rid| self.rids.iter().position(|of| of == rid));
        known.unwrap_or(0)
    }

    /// How many layers it has.
    pub fn layers(&self) -> usize {
        self.rids.len().max(1)
    }
}

/// The parts of a description in their order; `None` for one that is none, names two of them alike, or has too many.
pub fn sections(sdp: &str, tracks: &Tracks) -> Option<Vec<Section>> {
    let mut sections: Vec<Section> = Vec::new();
    let mut is_media = false;
    let mut is_received = Vec::new();
    for line in sdp.lines() {
        if let Some(rest) = line.strip_prefix("m=") {
            let is_video = rest.starts_with("video ");
            is_media = is_video || rest.starts_with("audio ");
            if is_media {
                sections.push(Section { mid: String::new(), is_video, sends: None, rids: Vec::new() });
                is_received.push(false);
            }
            continue;
        }
        let (true, Some(section), Some(received)) = (is_media, sections.last_mut(), is_received.last_mut())
        else {
            continue;
        };
        if let Some(mid) = line.strip_prefix("a=mid:") {
            section.mid = mid.trim().to_owned();
            section.sends =
                tracks.get(&section.mid).copied().filter(|kind| kind.is_video() == section.is_video);
        } else if line.trim() == "a=recvonly" {
            *received = true;
        } else if let Some(rid) = line.strip_prefix("a=rid:")
            && let Some((rid, rest)) = rid.split_once(' ')
            && rest.trim().starts_with("send")
            && section.rids.len() < MAX_LAYERS
        {
            section.rids.push(rid.to_owned());
        }
    }
    for section in &mut sections {
        section.rids.sort_by_key(|rid| match rid.as_str() {
            "q" => 0,
            "h" => 1,
            _ => 2,
        });
    }
    let mut names = HashSet::new();
    let is_sound = sections.iter().all(|section| {
        !section.mid.is_empty() && section.mid.len() <= 16 && names.insert(section.mid.as_str())
    });
    let mut received = is_received.into_iter();
    sections.retain(|section| received.next() == Some(true) || section.sends.is_some());
    (is_sound && sections.len() <= MAX_SECTIONS).then_some(sections)
}

/// The description without its sender's addresses: media goes only where an authenticated packet came from (SAFETY.md §1).
pub fn without_candidates(sdp: &str) -> String {
    let mut kept = String::with_capacity(sdp.len());
    for line in sdp.lines().filter(|line| !line.starts_with("a=candidate:") && !line.is_empty()) {
        kept.push_str(line.trim_end());
        kept.push_str("\r\n");
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=candidate:1 1 udp 1 192.0.2.9 5 typ host\r\na=mid:0\r\na=sendonly\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=sendonly\r\na=rid:f send\r\na=rid:q send\r\na=rid:h send\r\n\
        a=simulcast:send f;q;h\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:2\r\na=recvonly\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:3\r\n";

    #[test]
    fn streams_and_slots_are_told_apart() {
        let tracks: Tracks = [("0".into(), Kind::Mic), ("1".into(), Kind::Camera)].into();
        let found = sections(OFFER, &tracks).unwrap();
        let shown: Vec<_> = found.iter().map(|of| (of.mid.as_str(), of.is_video, of.sends)).collect();
        assert_eq!(
            shown,
            [("0", false, Some(Kind::Mic)), ("1", true, Some(Kind::Camera)), ("2", false, None)]
        );
        assert_eq!(found[1].rids, ["q", "h", "f"]);
        assert_eq!((found[1].layer(Some("f")), found[1].layer(None), found[0].layers()), (2, 0, 1));
        let lying: Tracks = [("0".into(), Kind::Camera)].into();
        assert!(sections(OFFER, &lying).unwrap().iter().all(|of| of.mid == "2"), "no camera is a sound");
    }

    #[test]
    fn addresses_are_left_out_and_too_many_parts_refused() {
        assert!(!without_candidates(OFFER).contains("192.0.2.9"));
        assert!(without_candidates(OFFER).ends_with("a=mid:3\r\n"));
        let many: String =
            (0..=MAX_SECTIONS).map(|at| format!("m=audio 9 x 1\r\na=mid:{at}\r\na=recvonly\r\n")).collect();
        assert_eq!(sections(&many, &Tracks::new()), None);
        assert_eq!(sections("m=audio 9 x 1\r\na=recvonly\r\n", &Tracks::new()), None, "without a mid");
        // What the library passes over is read here, and must not stand for a stream that there is already.
        let twice = format!("{OFFER}z\r\nm=audio 9 x 1\r\na=mid:2\r\na=recvonly\r\n");
        assert_eq!(sections(&twice, &Tracks::new()), None, "two of one name");
    }
}
