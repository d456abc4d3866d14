//! The files and links of a channel, newest first, from the index that is kept when messages are written (API.md §2.3).

use std::collections::BTreeSet;

use super::content_intent::Sight;
use crate::actions::actor::Actor;
use crate::actions::error::ActionError;
use crate::actions::show;
use crate::app::App;
use crate::logic::form::kinds::{integer, repeated, snowflake, word};
use crate::logic::form::{Checked, Fields, Form};
use crate::model::{ChannelId, Message, MessageId, Permissions};
use crate::store::access::{require, right};
use crate::store::{ChannelMedia, Order, StoreError, View, media_kind};

/// Query of `GET /hearth/channels/{channel}/media`.
#[derive(Clone, Debug)]
pub struct MediaPage {
    kinds: Vec<u64>,
    before: Option<MessageId>,
    limit: usize,
}

impl Form for MediaPage {
    fn read(f: &mut Fields<'_>) -> Self {
        const KINDS: &[(&str, u64)] = &[
            ("image", media_kind::IMAGE),
            ("video", media_kind::VIDEO),
            ("audio", media_kind::AUDIO),
            ("file", media_kind::FILE),
            ("link", media_kind::LINK),
        ];
        Self {
            kinds: f.or("kind", repeated(word(KINDS), KINDS.len()), Vec::new()),
            before: f.opt("before", snowflake()),
            limit: f.or("limit", integer(1..=50_u8), 25).into(),
        }
    }
}

/// Messages that hold media.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub struct Media {
    /// Newest first.
    pub messages: Vec<Message>,
    /// Whether there are older ones.
    pub has_more: bool,
}

/// Messages of a channel with media of some kinds, or of any.
///
/// # Errors
/// 50001, 50013 without the right to read history, form faults.
pub fn media(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    page: Checked<MediaPage>,
) -> Result<Media, ActionError> {
    app.store.read(|view| {
        let by = view.allow::<right::View>(actor.user, channel)?;
        require(by.held, Permissions::READ_MESSAGE_HISTORY)?;
        let page = page.get()?;
        let sight = Sight::of(view, actor, &by)?;
        let ids = newest(view, channel, page)?;
        let has_more = ids.len() > page.limit;
        let mut messages = Vec::with_capacity(page.limit);
        for id in ids.into_iter().take(page.limit) {
            // One deleted a moment ago may still stand in the index.
            if let Some(row) = view.message(channel, id)? {
                let mut message = show::message(view, channel, id, &row, Some(actor.user))?;
                sight.strip(&mut message);
                messages.push(message);
            }
        }
        Ok(Media { messages, has_more })
    })
}

/// One more id than the page holds, of all its kinds together, newest first.
fn newest(view: &View<'_>, channel: ChannelId, page: &MediaPage) -> Result<Vec<MessageId>, StoreError> {
    let kinds: &[u64] = if page.kinds.is_empty() { &media_kind::ALL } else { &page.kinds };
    let mut ids = BTreeSet::new();
    for kind in kinds {
        let from = page.before.map(|before| (channel, *kind, before));
        let rows =
            view.list::<ChannelMedia>(&(channel, *kind), from.as_ref(), Order::Descending, page.limit + 1)?;
        ids.extend(rows.into_iter().map(|((_, _, id), ())| id));
    }
    Ok(ids.into_iter().rev().take(page.limit + 1).collect())
}
