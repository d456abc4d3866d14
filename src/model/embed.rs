//! Embeds: the cards bots send and link previews become. Optional parts are left out when they have no value.

use minicbor::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! parts {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $n:literal $field:ident: $kind:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, Encode, Decode)]
        pub struct $name {
            $($(#[$field_doc])* #[n($n)] #[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<$kind>,)*
        }
    )*};
}

parts! {
    /// A picture or video of an embed.
    EmbedMedia {
        /// Where it is.
        0 url: String,
        /// The same through our own proxy.
        1 proxy_url: String,
        /// Pixels.
        2 width: u32,
        /// Pixels.
        3 height: u32,
    }
    /// The line below.
    EmbedFooter {
        /// At most 2048 characters.
        0 text: String,
        /// A small picture.
        1 icon_url: String,
        /// The same through our own proxy.
        2 proxy_icon_url: String,
    }
    /// The line above.
    EmbedAuthor {
        /// At most 256 characters.
        0 name: String,
        /// Where the name leads.
        1 url: String,
        /// A small picture.
        2 icon_url: String,
        /// The same through our own proxy.
        3 proxy_icon_url: String,
    }
    /// Where a link preview came from.
    EmbedProvider {
        /// Its name.
        0 name: String,
        /// Its address.
        1 url: String,
        /// Its icon.
        2 icon_url: String,
        /// The same through our own proxy.
        3 proxy_icon_url: String,
    }
}

/// A name with a value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, Encode, Decode)]
pub struct EmbedField {
    /// At most 256 characters.
    #[n(0)]
    pub name: String,
    /// At most 1024 characters.
    #[n(1)]
    pub value: String,
    /// Beside others instead of below.
    #[n(2)]
    #[serde(default)]
    pub inline: bool,
}

/// A card in a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, Encode, Decode)]
pub struct Embed {
    /// `rich` for what bots send; link previews have others.
    #[n(0)]
    #[serde(rename = "type")]
    pub kind: String,
    /// At most 256 characters.
    #[n(1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// At most 4096 characters.
    #[n(2)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where the title leads.
    #[n(3)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A time shown in the footer, as it was given.
    #[n(4)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// 0–16777215.
    #[n(5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<u32>,
    /// The line below.
    #[n(6)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<EmbedFooter>,
    /// The large picture.
    #[n(7)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<EmbedMedia>,
    /// The small picture.
    #[n(8)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<EmbedMedia>,
    /// A video of a link preview.
    #[n(9)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<EmbedMedia>,
    /// Where a link preview came from.
    #[n(10)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<EmbedProvider>,
    /// The line above.
    #[n(11)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<EmbedAuthor>,
    /// At most 25.
    #[n(12)]
    #[cbor(default)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<EmbedField>,
}
