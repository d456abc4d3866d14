//! Files of messages as the API shows them.

use schemars::JsonSchema;
use serde::Serialize;

use super::AttachmentId;

/// Attachment flags (API.md §1.10).
pub mod attachment_flag {
    /// Hidden until the reader asks for it.
    pub const IS_SPOILER: u64 = 1 << 3;
    /// A picture that moves.
    pub const IS_ANIMATED: u64 = 1 << 5;
}

/// A file of a message (API.md §1.4). What is `None` is left out.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Attachment {
    /// The attachment.
    pub id: AttachmentId,
    /// Its name, fit for a path.
    pub filename: String,
    /// The name people gave it, where that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What can be seen or heard in it, for who can't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What the bytes are, found by looking at them.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    /// Where it is fetched from; signed, and good for a day.
    pub url: String,
    /// Where smaller pictures of it are fetched from, with `size` and `format`.
    pub proxy_url: String,
    /// Where the still of a video is fetched from that its sender sent with it, with `size` too: Hearth's own field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poster_url: Option<String>,
    /// Pixels, upright, of pictures and videos.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pixels, upright, of pictures and videos.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// A thumbhash of a picture, base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
    /// 1, where there is a placeholder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placeholder_version: Option<u8>,
    /// Seconds that audio or video lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_secs: Option<f64>,
    /// Loudness of a voice message over its time, base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waveform: Option<String>,
    /// Bits of [`attachment_flag`].
    #[serde(skip_serializing_if = "is_zero")]
    pub flags: u64,
}

fn is_zero(flags: &u64) -> bool {
    *flags == 0
}
