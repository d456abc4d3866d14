//! Who speaks: the level and the voice bit that a client sends with each packet (RFC 6464), smoothed into a beginning and an end.

/// Milliseconds of voice before somebody counts as speaking.
pub const SPEAKS_AFTER_MS: u64 = 60;
/// Milliseconds of silence before they no longer do.
pub const FALLS_SILENT_AFTER_MS: u64 = 300;
/// Milliseconds of silence after which its packets are no longer sent on.
pub const QUIET_AFTER_MS: u64 = 1_000;
/// Levels, in decibels below the loudest, at and above which a packet holds nothing to hear.
pub const SILENT_DB: u8 = 100;
/// Levels up to which a packet counts as voice when its client says nothing of voice.
const VOICE_DB: u8 = 50;
/// Milliseconds over which the level is smoothed.
const SMOOTH_MS: u64 = 200;
/// Milliseconds between two packets beyond which a stream has paused.
const MAX_GAP_MS: u64 = 200;

/// How loud a packet is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Level {
    /// Decibels below the loudest, 0 to 127.
    pub below_db: u8,
    /// Whether its client takes it for voice, if it says.
    pub is_voice: Option<bool>,
}

impl Level {
    /// The level of a stream that tells none: bots, screens, sounds.
    pub const UNTOLD: Self = Self { below_db: 20, is_voice: Some(true) };
    /// A packet that holds nothing.
    pub const SILENCE: Self = Self { below_db: 127, is_voice: Some(false) };

    fn has_voice(self) -> bool {
        self.below_db < SILENT_DB && self.is_voice.unwrap_or(self.below_db <= VOICE_DB)
    }
}

/// Whether one stream speaks.
#[derive(Debug, Default)]
pub struct Activity {
    /// Loudness, smoothed: decibels above silence.
    loudness: f32,
    last_ms: Option<u64>,
    voice_since_ms: Option<u64>,
    last_voice_ms: Option<u64>,
    last_audible_ms: Option<u64>,
    is_speaking: bool,
}

impl Activity {
    /// Takes a packet; whether it began or ended speech.
    pub fn hear(&mut self, now_ms: u64, level: Level) -> Option<bool> {
        let passed = self.last_ms.map_or(SMOOTH_MS, |last| now_ms.saturating_sub(last)).min(SMOOTH_MS);
        let weight = passed as f32 / SMOOTH_MS as f32;
        let loud = f32::from(127 - level.below_db.min(127));
        self.loudness += (loud - self.loudness) * weight;
        let is_gap = self.last_ms.is_some_and(|last| now_ms.saturating_sub(last) > MAX_GAP_MS);
        self.last_ms = Some(now_ms);
        if level.below_db < SILENT_DB {
            self.last_audible_ms = Some(now_ms);
        }
        if !level.has_voice() {
            return self.pass(now_ms);
        }
        if is_gap {
            self.voice_since_ms = None;
        }
        self.last_voice_ms = Some(now_ms);
        let since = *self.voice_since_ms.get_or_insert(now_ms);
        if !self.is_speaking && now_ms.saturating_sub(since) >= SPEAKS_AFTER_MS {
            self.is_speaking = true;
            return Some(true);
        }
        None
    }

    /// Lets time pass; whether speech ended by it.
    pub fn pass(&mut self, now_ms: u64) -> Option<bool> {
        let silent_ms = self.last_voice_ms.map_or(u64::MAX, |last| now_ms.saturating_sub(last));
        if silent_ms < FALLS_SILENT_AFTER_MS {
            return None;
        }
        self.voice_since_ms = None;
        std::mem::take(&mut self.is_speaking).then_some(false)
    }

    /// Whether it speaks.
    pub fn is_speaking(&self) -> bool {
        self.is_speaking
    }

    /// Whether its packets are worth sending on.
    pub fn is_audible(&self, now_ms: u64) -> bool {
        self.last_audible_ms.is_some_and(|last| now_ms.saturating_sub(last) < QUIET_AFTER_MS)
    }

    /// When there was voice last, if ever.
    pub fn last_voice_ms(&self) -> Option<u64> {
        self.last_voice_ms
    }

    /// How loud it is, smoothed; greater is louder, silence as time passes.
    pub fn loudness(&self, now_ms: u64) -> f32 {
        if self.is_audible(now_ms) { self.loudness } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOICE: Level = Level { below_db: 30, is_voice: Some(true) };

    #[test]
    fn speech_begins_after_some_voice_and_ends_after_some_silence() {
        let mut activity = Activity::default();
        assert_eq!(activity.hear(0, VOICE), None, "a click is no speech");
        assert_eq!(activity.hear(20, VOICE), None);
        assert_eq!(activity.hear(60, VOICE), Some(true));
        assert_eq!(activity.hear(80, Level::SILENCE), None);
        assert_eq!(activity.pass(300), None, "a breath");
        assert_eq!(activity.pass(360), Some(false));
        assert_eq!(activity.pass(400), None);
        assert_eq!(activity.hear(420, VOICE), None, "and it takes some voice again");
        assert_eq!(activity.hear(480, VOICE), Some(true));
    }

    #[test]
    fn a_gap_in_the_packets_ends_speech_by_itself() {
        let mut activity = Activity::default();
        for at in [0, 20, 40, 60] {
            activity.hear(at, VOICE);
        }
        assert!(activity.is_speaking() && activity.is_audible(60) && activity.loudness(60) > 50.0);
        assert_eq!(activity.pass(60 + FALLS_SILENT_AFTER_MS), Some(false));
        assert!(!activity.is_audible(60 + QUIET_AFTER_MS));
        assert_eq!(activity.loudness(60 + QUIET_AFTER_MS), 0.0);
        assert_eq!(activity.hear(5_000, VOICE), None);
    }

    #[test]
    fn without_a_voice_bit_the_level_tells() {
        let mut activity = Activity::default();
        let loud = Level { below_db: 40, is_voice: None };
        let noise = Level { below_db: 70, is_voice: None };
        for at in (0..200).step_by(20) {
            assert_eq!(activity.hear(at, noise), None);
        }
        activity.hear(200, loud);
        assert_eq!(activity.hear(260, loud), Some(true));
    }
}
