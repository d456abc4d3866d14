//! Offers one after the other: streams of sound go on where they were, and what a client may not change is refused.

use str0m::change::SdpAnswer;
use str0m::crypto::dtls::SrtpProfile;
use str0m::media::{Direction, MediaKind};

use super::*;
use crate::voice::slots::SoundSlot;
use crate::voice::stream::Format;

const SLOTS: usize = 2;

/// A client, and what it offers.
struct Client {
    rtc: Rtc,
    mic: Option<Mid>,
}

impl Client {
    fn new() -> Self {
        let rtc =
            Rtc::builder().set_rtp_mode(true).clear_codecs().enable_opus(true, false).build(Instant::now());
        Self { rtc, mic: None }
    }

    /// Offers so many more slots, the first time beside a microphone; what came of it.
    fn offer(&mut self, peer: &mut Peer, more: usize) -> Result<String, BadOffer> {
        let mut changes = self.rtc.sdp_api();
        let sound = MediaKind::Audio;
        let mic = self.mic.unwrap_or_else(|| changes.add_media(sound, Direction::SendOnly, None, None, None));
        self.mic = Some(mic);
        for _ in 0..more {
            changes.add_media(sound, Direction::RecvOnly, None, None, None);
        }
        let (offer, pending) = changes.apply().unwrap();
        let sdp = offer.to_sdp_string();
        let answer = peer.negotiate(&offered(&sdp, mic))?;
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
        Ok(sdp)
    }
}

fn offered(sdp: &str, mic: Mid) -> Offer {
    Offer { rev: 1, sdp: sdp.to_owned(), tracks: [(mic.to_string(), Kind::Mic)].into() }
}

fn peer() -> Peer {
    let certificate = handshake::certificate().unwrap();
    let offer = Offer { rev: 1, sdp: String::new(), tracks: [].into() };
    Peer::new(Instant::now(), Arc::default(), certificate, &offer)
}

fn numbers(peer: &Peer) -> Vec<u32> {
    peer.audio.iter().map(|slot| slot.stream.as_ref().unwrap().ssrc()).collect()
}

/// Seals the first packet of a slot's stream, if it is the first.
fn seal_first(slot: &mut SoundSlot) -> bool {
    let sealer = Sealer::new(SrtpProfile::AEAD_AES_128_GCM, &[7; 56], false).unwrap();
    let format = Format { payload_type: 111, level_id: None };
    let mapped = Mapped { seq: 1, timestamp: 0, is_first: true };
    slot.stream.as_mut().unwrap().packet(&sealer, format, mapped, b"opus", None).is_some()
}

#[test]
fn streams_of_sound_go_on_when_slots_are_added() {
    let (mut client, mut peer) = (Client::new(), peer());
    client.offer(&mut peer, SLOTS).unwrap();
    let first = numbers(&peer);
    assert_eq!(first.len(), SLOTS);
    assert!(seal_first(&mut peer.audio[0]));
    client.offer(&mut peer, SLOTS).unwrap();
    let now = numbers(&peer);
    assert_eq!((now.len(), &now[..SLOTS]), (2 * SLOTS, &first[..]));
    assert!(!seal_first(&mut peer.audio[0]), "its first number was sealed before");
    assert!(seal_first(&mut peer.audio[SLOTS]));
    // The library has none of them between two offers.
    for ssrc in now {
        assert!(peer.rtc.direct_api().stream_tx(&ssrc.into()).is_none());
    }
}

#[test]
fn an_offer_that_changes_what_there_was_is_refused_and_ends_nothing() {
    let (mut client, mut peer) = (Client::new(), peer());
    let sdp = client.offer(&mut peer, SLOTS).unwrap();
    let mic = client.mic.unwrap();
    let (first, second) = (peer.audio[0].mid, peer.audio[1].mid);
    let numbers_before = numbers(&peer);
    let name = |mid: &str| format!("a=mid:{mid}\r\n");
    let (at_first, at_second) = (name(&first), name(&second));
    for changed in [
        // Another name, another order, one that is not received any more, one that is sent.
        sdp.replace(&at_first, &name("zz")),
        sdp.replace(&at_first, "MID").replace(&at_second, &at_first).replace("MID", &at_second),
        sdp.replace("a=recvonly", "a=inactive"),
        sdp[..sdp.rfind("m=audio").unwrap()].to_owned(),
    ] {
        assert_ne!(changed, sdp);
        assert_eq!(peer.negotiate(&offered(&changed, mic)), Err(BadOffer::Unreadable), "{changed}");
    }
    let mut sent = offered(&sdp, mic);
    sent.tracks.insert(first.to_string(), Kind::Soundboard);
    assert_eq!(peer.negotiate(&sent), Err(BadOffer::Unreadable));
    // The offer as it was is taken still.
    assert!(peer.negotiate(&offered(&sdp, mic)).is_ok());
    assert_eq!(numbers(&peer), numbers_before);
    // A section that the library gave up is passed over.
    peer.audio[0].open(&mut Rtc::new(Instant::now()));
}
