//! The inbox of mentions: read from the mention rows of the channels one may view, newest first; nothing is stored per mention and
//! person but what they dismissed.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::read_states::{Blocked, MAX_GUILDS, Reader, viewable_channels};
use crate::actions::actor::Actor;
use crate::actions::error::ActionError;
use crate::actions::show;
use crate::app::App;
use crate::logic::form::kinds::{boolean, integer, snowflake};
use crate::logic::form::{Checked, Fields, Form};
use crate::model::{Audience, ChannelId, Dispatch, GuildId, Message, MessageId, Permissions};
use crate::store::{ChannelStates, DismissedMentions, Mentions, Order, StoreError, UserGuilds, View};

/// How far back the inbox reaches: 30 days, in milliseconds (API.md §2.1).
const REACH_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// Mention rows of one channel that are looked at for a page.
const MAX_ROWS_PER_CHANNEL: usize = 500;
/// Mention rows that are looked at for a page.
const MAX_ROWS: usize = 20_000;
/// Mentions that an account may have dismissed; past it the oldest come back.
const MAX_DISMISSED: usize = 1_000;

/// Query of `GET /users/@me/mentions`.
#[derive(Clone, Copy, Debug)]
pub struct InboxPage {
    before: Option<MessageId>,
    limit: usize,
    guild: Option<GuildId>,
    roles: bool,
    everyone: bool,
}

impl Form for InboxPage {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            before: f.opt("before", snowflake()),
            limit: f.or("limit", integer(1..=100_u8), 25).into(),
            guild: f.opt("guild_id", snowflake()),
            roles: f.or("roles", boolean(), true),
            everyone: f.or("everyone", boolean(), true),
        }
    }
}

/// Messages that mentioned the caller, newest first.
///
/// # Errors
/// Form faults, 50001 for a guild that is not the caller's.
pub fn inbox(app: &App, actor: Actor, page: Checked<InboxPage>) -> Result<Vec<Message>, ActionError> {
    let page = page.take()?;
    app.store.read(|view| {
        let guilds = match page.guild {
            Some(guild) => vec![guild],
            None => {
                let rows = view.list::<UserGuilds>(&actor.user, None, Order::Ascending, MAX_GUILDS)?;
                rows.into_iter().map(|((_, guild), ())| guild).collect()
            }
        };
        let mut found = Newest { kept: BTreeMap::new(), most: page.limit, rows_left: MAX_ROWS };
        let blocked = Blocked::of(view, actor.user)?;
        for guild in guilds {
            look_through(view, actor, guild, &page, &blocked, &mut found)?;
        }
        let mut shown = Vec::with_capacity(found.kept.len());
        for (id, channel) in found.kept.into_iter().rev() {
            if let Some(row) = view.message(channel, id)? {
                shown.push(show::message(view, channel, id, &row, Some(actor.user))?);
            }
        }
        Ok(shown)
    })
}

/// The newest mentions found so far.
struct Newest {
    kept: BTreeMap<MessageId, ChannelId>,
    most: usize,
    rows_left: usize,
}

impl Newest {
    /// Keeps a mention if it is among the newest; whether older ones of the same channel may still be.
    fn keep(&mut self, id: MessageId, channel: ChannelId) -> bool {
        if self.kept.len() == self.most {
            if self.kept.first_key_value().is_some_and(|(oldest, _)| *oldest > id) {
                return false;
            }
            self.kept.pop_first();
        }
        self.kept.insert(id, channel);
        true
    }
}

fn look_through(
    view: &View<'_>,
    actor: Actor,
    guild: GuildId,
    page: &InboxPage,
    blocked: &Blocked,
    found: &mut Newest,
) -> Result<(), StoreError> {
    let oldest = MessageId::from_ms(view.now_ms().saturating_sub(REACH_MS));
    let access = view.guild_access(actor.user, guild)?;
    let Some(reader) = Reader::of(view, actor.user, guild, blocked.clone())? else { return Ok(()) };
    let reader = reader.hearing(page.everyone, page.roles);
    for (channel, row) in viewable_channels(view, actor.user, guild)? {
        let may_read = view.channel_permissions(&access, &row)?.contains(Permissions::READ_MESSAGE_HISTORY);
        let newest = view.get::<ChannelStates>(&channel)?.and_then(|state| state.last_message);
        if !may_read || newest < Some(oldest) {
            continue;
        }
        let from = page.before.map(|before| (channel, before));
        let mut meant = Vec::new();
        let mut looked_at = 0;
        let most = MAX_ROWS_PER_CHANNEL.min(found.rows_left);
        view.walk::<Mentions>(&channel, from.as_ref(), Order::Descending, |(_, id), row| {
            if id < oldest || looked_at == most || meant.len() == found.most {
                return ControlFlow::Break(());
            }
            looked_at += 1;
            if reader.is_meant_by(id, &row) {
                meant.push(id);
            }
            ControlFlow::Continue(())
        })?;
        found.rows_left -= looked_at;
        for id in meant {
            if !view.has::<DismissedMentions>(&(actor.user, id))? && !found.keep(id, channel) {
                break;
            }
        }
    }
    Ok(())
}

/// Takes a message out of the caller's inbox; one that is not in it is out already.
pub async fn dismiss(app: &App, actor: Actor, message: MessageId) -> Result<(), ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.own(actor.user);
            let dismissed =
                tx.list::<DismissedMentions>(&actor.user, None, Order::Ascending, MAX_DISMISSED)?;
            if dismissed.len() == MAX_DISMISSED {
                tx.delete::<DismissedMentions>(&by, &dismissed[0].0)?;
            }
            tx.put::<DismissedMentions>(&by, &(actor.user, message), &())?;
            let event = serde_json::json!({ "message_id": message });
            tx.emit(Audience::User(actor.user), Dispatch::RecentMentionDelete(event));
            Ok(())
        })
        .await
}
