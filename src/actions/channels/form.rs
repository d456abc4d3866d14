//! What forms say of a channel, whoever makes or changes it.

use crate::logic::form::kinds::{among, boolean, integer, text};
use crate::logic::form::{Fields, Form, Patch};
use crate::model::ChannelKind;
use crate::store::ChannelRow;

/// Bits per second of a voice channel that does not say.
const DEFAULT_BITRATE_BPS: u32 = 64_000;

/// The types of channel that can be made.
pub(in crate::actions) const KINDS: &[(i64, ChannelKind)] = &[
    (0, ChannelKind::Text),
    (2, ChannelKind::Voice),
    (4, ChannelKind::Category),
    (5, ChannelKind::Announcement),
];

/// Minutes after which threads may be archived.
const ARCHIVE_MINUTES: &[(i64, u32)] = &[(60, 60), (1_440, 1_440), (4_320, 4_320), (10_080, 10_080)];

/// What a channel has beside its name, type, place and overwrites.
#[derive(Clone, Default)]
pub struct Details {
    topic: Patch<String>,
    nsfw: Option<bool>,
    slowmode_s: Patch<u32>,
    bitrate_bps: Option<u32>,
    user_limit: Patch<u32>,
    rtc_region: Patch<String>,
    video_quality_mode: Patch<u8>,
    default_auto_archive_duration: Patch<u32>,
}

impl Form for Details {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            topic: f.patch("topic", text(0..=1_024)),
            nsfw: f.opt("nsfw", boolean()),
            slowmode_s: f.patch("rate_limit_per_user", integer(0..=21_600u32)),
            bitrate_bps: f.opt("bitrate", integer(8_000..=384_000u32)),
            user_limit: f.patch("user_limit", integer(0..=99u32)),
            rtc_region: f.patch("rtc_region", text(1..=64)),
            video_quality_mode: f.patch("video_quality_mode", integer(1..=2u8)),
            default_auto_archive_duration: f.patch("default_auto_archive_duration", among(ARCHIVE_MINUTES)),
        }
    }
}

impl Details {
    /// Writes what a channel of the row's type has into the row; the rest is passed over.
    pub fn apply(&self, row: &mut ChannelRow) {
        let kind = row.kind;
        if kind.is_text_like() {
            self.topic.clone().apply(&mut row.topic);
            row.topic = row.topic.take().filter(|topic| !topic.is_empty());
            self.default_auto_archive_duration.apply(&mut row.default_auto_archive_duration);
        }
        if kind.can_hold_messages() {
            row.nsfw = self.nsfw.unwrap_or(row.nsfw);
            row.slowmode_s = self.slowmode_s.set_or(0).unwrap_or(row.slowmode_s);
        }
        if kind.is_voice() {
            let kept = if row.bitrate_bps == 0 { DEFAULT_BITRATE_BPS } else { row.bitrate_bps };
            row.bitrate_bps = self.bitrate_bps.unwrap_or(kept);
            row.user_limit = self.user_limit.set_or(0).unwrap_or(row.user_limit);
            self.rtc_region.clone().apply(&mut row.rtc_region);
            row.video_quality_mode = self.video_quality_mode.set_or(1).unwrap_or(row.video_quality_mode);
        }
    }

    /// Whether the topic of this channel would change.
    pub fn changes_topic(&self, row: &ChannelRow) -> bool {
        match &self.topic {
            Patch::Keep => false,
            Patch::Clear => row.topic.is_some(),
            Patch::Set(topic) => row.topic.as_ref() != Some(topic),
        }
    }
}

/// A channel's name as its type writes it: text channels are lower-case with dashes for spaces (API.md §2.2).
pub fn channel_name(kind: ChannelKind, name: &str) -> String {
    if matches!(kind, ChannelKind::Text | ChannelKind::Announcement) {
        name.split_whitespace().collect::<Vec<_>>().join("-").to_lowercase()
    } else {
        name.to_owned()
    }
}
