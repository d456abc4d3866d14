//! Reading back: one page of a channel, always newest first (API.md §1.7), or one message.

use std::ops::ControlFlow;

use super::content_intent::Sight;
use super::find;
use crate::actions::actor::Actor;
use crate::actions::error::ActionError;
use crate::actions::show;
use crate::app::App;
use crate::logic::form::kinds::{integer, snowflake};
use crate::logic::form::{Checked, Fields, Form};
use crate::model::{ChannelId, Message, MessageId, Permissions};
use crate::store::access::{require, right};
use crate::store::{Doomed, MessageRow, Messages, Order, StoreError, View};

/// Most rows that are looked at for a page, where posts of banned people wait to be swept.
const MAX_LOOKED_AT: usize = 5_000;

/// Query of `GET /channels/{channel}/messages`.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    limit: usize,
    before: Option<MessageId>,
    after: Option<MessageId>,
    around: Option<MessageId>,
}

impl Form for Page {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            limit: f.or("limit", integer(1..=100_u8), 50).into(),
            before: f.opt("before", snowflake()),
            after: f.opt("after", snowflake()),
            around: f.opt("around", snowflake()),
        }
    }
}

/// One page of a channel's messages, newest first; nothing for whoever may not read its history (API.md §7.22).
///
/// # Errors
/// 50001, form faults.
pub fn page(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    page: Checked<Page>,
) -> Result<Vec<Message>, ActionError> {
    app.store.read(|view| {
        let by = view.allow::<right::View>(actor.user, channel)?;
        let page = page.get()?;
        if !by.held.contains(Permissions::READ_MESSAGE_HISTORY) {
            return Ok(Vec::new());
        }
        let sight = Sight::of(view, actor, &by)?;
        let doomed = match by.channel.guild {
            Some(guild) => view.doomed_posts(guild)?,
            None => Doomed::default(),
        };
        let rows = rows(view, channel, page, &doomed)?;
        let mut shown = Vec::with_capacity(rows.len());
        for (id, row) in &rows {
            shown.push(show::message(view, channel, *id, row, Some(actor.user))?);
        }
        shown.iter_mut().for_each(|message| sight.strip(message));
        Ok(shown)
    })
}

fn rows(
    view: &View<'_>,
    channel: ChannelId,
    page: &Page,
    doomed: &Doomed,
) -> Result<Vec<(MessageId, MessageRow)>, StoreError> {
    let list = |from: Option<MessageId>, order: Order, limit: usize| -> Result<Vec<_>, StoreError> {
        let (mut found, mut looked_at) = (Vec::with_capacity(limit), 0);
        if limit == 0 {
            return Ok(found);
        }
        view.walk::<Messages>(&channel, from.map(|id| (channel, id)).as_ref(), order, |(_, id), row| {
            looked_at += 1;
            if row.webhook.is_some() || !doomed.covers(row.author, id) {
                found.push((id, row));
            }
            let is_enough = found.len() == limit || looked_at == MAX_LOOKED_AT;
            if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(found)
    };
    let older = |before: Option<MessageId>, limit: usize| list(before, Order::Descending, limit);
    let newer = |after: MessageId, limit: usize| -> Result<Vec<_>, StoreError> {
        let mut rows = list(Some(after), Order::Ascending, limit)?;
        rows.reverse();
        Ok(rows)
    };
    match page {
        Page { around: Some(middle), limit, .. } => {
            let mut found = newer(*middle, limit / 2)?;
            // The middle itself counts among the older half.
            found.extend(older(Some(MessageId::new(middle.get().saturating_add(1))), limit - limit / 2)?);
            Ok(found)
        }
        Page { before: Some(before), limit, .. } => older(Some(*before), *limit),
        Page { after: Some(after), limit, .. } => newer(*after, *limit),
        Page { limit, .. } => older(None, *limit),
    }
}

/// One message.
///
/// # Errors
/// 50001, 50013 without the right to read history, 10008.
pub fn get(app: &App, actor: Actor, channel: ChannelId, id: MessageId) -> Result<Message, ActionError> {
    app.store.read(|view| {
        let by = view.allow::<right::View>(actor.user, channel)?;
        require(by.held, Permissions::READ_MESSAGE_HISTORY)?;
        let row = find(view, channel, id)?;
        let sight = Sight::of(view, actor, &by)?;
        let mut shown = show::message(view, channel, id, &row, Some(actor.user))?;
        sight.strip(&mut shown);
        Ok(shown)
    })
}
