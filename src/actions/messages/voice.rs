//! Voice messages: one recording with its length and loudness, and nothing else (API.md §1.10).

use crate::actions::error::Fault;
use crate::logic::sniff::{FileKind, FileType};
use crate::model::message_flag;
use crate::store::{Body, MessageRow};

/// Checks a new message that is flagged as one.
///
/// # Errors
/// 50159 beside other contents, 50160 for other files than one recording, 50161 without its length and loudness.
pub(super) fn check(row: &MessageRow) -> Result<(), Fault> {
    if row.flags & message_flag::IS_VOICE_MESSAGE == 0 {
        return Ok(());
    }
    let Body::Plain(content) = &row.body;
    if !content.is_empty() || !row.embeds.is_empty() || row.components.is_some() || !row.stickers.is_empty() {
        return Err(Fault::VoiceMessageContent);
    }
    let [recording] = row.attachments.as_slice() else { return Err(Fault::VoiceMessageOneFile) };
    if FileType::of_media_type(&recording.file.media_type) != FileKind::Audio {
        return Err(Fault::VoiceMessageOneFile);
    }
    if recording.file.duration_ms.is_none() || recording.waveform.is_none() {
        return Err(Fault::VoiceMessageMetadata);
    }
    Ok(())
}
