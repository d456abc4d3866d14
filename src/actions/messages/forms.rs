//! What clients send when they write messages.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::actions::uploads::{AttachmentForm, attachment_forms};
use crate::logic::content::MAX_CONTENT_CHARS_CEILING;
use crate::logic::embed::embeds;
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::{among, bits, boolean, json_value, list, object, raw_text, snowflake};
use crate::logic::form::{Fields, Form, Kind};
use crate::logic::mentions::AllowedMentions;
use crate::model::{Component, Embed, MessageId, Nonce, StickerId, message_flag};

/// Most code points of a nonce (API.md §5).
pub const MAX_NONCE_CHARS: usize = 25;
/// Most components of a message, all levels counted (API.md §2.5).
pub const MAX_COMPONENTS: usize = 40;
/// Most stickers of a message (API.md §5).
const MAX_STICKERS: usize = 3;
/// Flags that a sender may set.
const SENDER_FLAGS: u64 = message_flag::SUPPRESS_EMBEDS
    | message_flag::SUPPRESS_NOTIFICATIONS
    | message_flag::IS_VOICE_MESSAGE
    | message_flag::IS_COMPONENTS_V2;

/// Body of `POST /channels/{channel}/messages`.
#[derive(Clone, Debug)]
pub struct Post {
    pub(super) content: String,
    pub(super) nonce: Option<Nonce>,
    pub(super) enforce_nonce: bool,
    pub(super) tts: bool,
    pub(super) embeds: Vec<Embed>,
    pub(super) allowed_mentions: AllowedMentions,
    pub(super) reference: Option<Reference>,
    pub(super) components: Vec<Value>,
    pub(super) stickers: Vec<StickerId>,
    pub(super) attachments: Option<Vec<AttachmentForm>>,
    pub(super) flags: u64,
}

impl Form for Post {
    fn read(f: &mut Fields<'_>) -> Self {
        let flags = f.or("flags", bits(), 0) & SENDER_FLAGS;
        let post = Self {
            content: f.or("content", raw_text(0..=MAX_CONTENT_CHARS_CEILING), String::new()),
            nonce: f.opt("nonce", json_value().then(Value::from(0), nonce)),
            enforce_nonce: f.or("enforce_nonce", boolean(), false),
            tts: f.or("tts", boolean(), false),
            embeds: f.or("embeds", embeds(), Vec::new()),
            allowed_mentions: allowed_mentions(f),
            reference: f.opt("message_reference", object::<Reference>()),
            components: f.or("components", list(component(), MAX_COMPONENTS), Vec::new()),
            stickers: f.or("sticker_ids", list(snowflake(), MAX_STICKERS), Vec::new()),
            attachments: f.opt("attachments", attachment_forms()),
            flags,
        };
        if flags & message_flag::IS_COMPONENTS_V2 != 0 {
            // Such a message is made of its components alone (API.md §2.5).
            for (name, is_used) in
                [("content", !post.content.trim().is_empty()), ("embeds", !post.embeds.is_empty())]
            {
                if is_used {
                    let message = "Cannot be used beside components of the second version";
                    f.fault(
                        name,
                        FieldFault::new("MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message),
                    );
                }
            }
        }
        post
    }
}

/// `allowed_mentions`, or what holds without it.
pub(super) fn allowed_mentions(f: &mut Fields<'_>) -> AllowedMentions {
    f.opt("allowed_mentions", object()).unwrap_or(AllowedMentions::ORDINARY)
}

/// Which message a reply answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reference {
    pub message: Option<MessageId>,
    pub channel: Option<crate::model::ChannelId>,
    pub must_exist: bool,
}

impl Form for Reference {
    fn read(f: &mut Fields<'_>) -> Self {
        // Only replies: forwards are refused as an unknown choice.
        f.opt("type", among(&[(0, ())]));
        Self {
            message: f.opt("message_id", snowflake()),
            channel: f.opt("channel_id", snowflake()),
            must_exist: f.or("fail_if_not_exists", boolean(), true),
        }
    }
}

/// A part of a message that is more than words, kept as it is.
pub(super) fn component() -> impl Kind<Out = Value> {
    json_value().then(json!({ "type": 1 }), |value| match Component::deserialize(&value) {
        Ok(_) => Ok(value),
        Err(_) => Err(FieldFault::new("BASE_TYPE_CHOICES", "Must be a component, which has a type")),
    })
}

fn nonce(value: Value) -> Result<Nonce, FieldFault> {
    match &value {
        Value::String(text) if text.chars().count() <= MAX_NONCE_CHARS => {
            Ok(Nonce::Text(text.replace('\0', "")))
        }
        Value::String(_) => Err(FieldFault::too_long(MAX_NONCE_CHARS)),
        value => value
            .as_i64()
            .map(Nonce::Number)
            .ok_or_else(|| FieldFault::new("NONCE_TYPE_INVALID", "Must be a string or a whole number")),
    }
}
