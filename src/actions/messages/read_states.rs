//! Read marks: what is unread, what of it mentions one, and moving the mark. Marks go through `store::marks`, which merges them and
//! writes many at once; so neither a glance nor a post, whose author has read it, costs a write. Mentions are counted from the mentions
//! of the channel after the mark, never stored per member (SAFETY.md §5.3).

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::actions::actor::Actor;
use crate::actions::error::ActionError;
use crate::actions::{relationships, show};
use crate::app::App;
use crate::logic::form::kinds::{boolean, integer, list, object, snowflake};
use crate::logic::form::{Checked, Fields, Form};
use crate::model::{
    Audience, ChannelId, Dispatch, GuildId, MessageAck, MessageId, Permissions, PinsAck, ReadState, RoleId,
    Timestamp, UserId,
};
use crate::store::access::right;
use crate::store::marks::Mark;
use crate::store::{
    ChannelRow, ChannelStates, Channels, Doomed, Members, MentionRow, Mentions, Messages, Order,
    ReadStateRow, ReadStates, StoreError, Tx, UserDms, UserGuildSettings, UserGuilds, View,
};

/// Mention rows of one channel that are looked at for a count.
const MAX_MENTION_ROWS: usize = 1_000;
/// Messages of a DM that are counted.
const MAX_DM_MESSAGES: usize = 100;
/// Read marks of one account that are read; guilds and conversations likewise.
const MAX_MARKS: usize = 20_000;
/// Guilds of an account that are looked through.
pub(super) const MAX_GUILDS: usize = 1_000;
/// DMs of an account that are looked through.
const MAX_DMS: usize = 1_000;
/// Most channels that one call marks read.
const MAX_ACKED: usize = 100;
/// Marks of one job: each is a row (SAFETY.md §5.2).
const MARKS_PER_JOB: usize = 500;
/// How long marks wait after they could not be written, as on a full disk.
const RETRY: Duration = Duration::from_secs(5);
/// How long marks gather before they are written.
const GATHER: Duration = Duration::from_millis(200);

/// Body of `POST /channels/{channel}/messages/{message}/ack`.
#[derive(Clone, Copy, Debug)]
pub struct Ack {
    is_manual: bool,
    last_viewed: Option<u32>,
}

impl Form for Ack {
    fn read(f: &mut Fields<'_>) -> Self {
        // Mentions are counted from the mark itself, whatever the client counted.
        f.opt("mention_count", integer(0..=u32::MAX));
        Self {
            is_manual: f.or("manual", boolean(), false),
            last_viewed: f.opt("last_viewed", integer(0..=u32::MAX)),
        }
    }
}

/// Marks a channel read up to a message, which need not exist. Only by hand does the mark move back.
///
/// # Errors
/// 50001, form faults.
pub async fn ack(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    message: MessageId,
    form: Checked<Ack>,
) -> Result<(), ActionError> {
    let form = app.store.read(|view| -> Result<Ack, ActionError> {
        view.allow::<right::View>(actor.user, channel)?;
        Ok(*form.get()?)
    })?;
    let mark =
        Mark { last_message: Some(message), last_viewed: form.last_viewed, is_told: true, ..Mark::default() };
    if !form.is_manual {
        app.marks.note(actor.user, channel, mark);
        return Ok(());
    }
    // What was noted before must not overtake the mark set by hand.
    let _turn = app.marks.turn().await;
    app.marks.forget(actor.user, channel);
    app.store
        .write(move |tx| {
            let by = tx.own(actor.user);
            let mut row = tx.get::<ReadStates>(&(actor.user, channel))?.unwrap_or_default();
            row.last_message = Some(message);
            row.last_viewed = mark.last_viewed.or(row.last_viewed);
            row.version += 1;
            tx.put::<ReadStates>(&by, &(actor.user, channel), &row)?;
            Ok(tell(tx, actor.user, channel, &row, true)?)
        })
        .await
}

/// Body of `POST /read-states/ack-bulk`.
#[derive(Clone, Debug)]
pub struct AckBulk {
    read_states: Vec<AckOne>,
}

#[derive(Clone, Copy, Debug)]
struct AckOne {
    channel: ChannelId,
    message: MessageId,
}

impl Form for AckOne {
    fn read(f: &mut Fields<'_>) -> Self {
        f.opt("read_state_type", integer(0..=u8::MAX));
        Self { channel: f.need("channel_id", snowflake()), message: f.need("message_id", snowflake()) }
    }
}

impl Form for AckBulk {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { read_states: f.need("read_states", list(object::<AckOne>(), MAX_ACKED)) }
    }
}

/// Marks several channels read; those the caller may not see are passed over.
///
/// # Errors
/// Form faults.
pub fn ack_bulk(app: &App, actor: Actor, form: Checked<AckBulk>) -> Result<(), ActionError> {
    let acked = form.take()?.read_states;
    app.store.read(|view| {
        for AckOne { channel, message } in acked {
            match view.allow::<right::View>(actor.user, channel) {
                Ok(_) => note_read(app, actor.user, channel, message),
                Err(StoreError::Denied(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    })
}

fn note_read(app: &App, user: UserId, channel: ChannelId, message: MessageId) {
    app.marks.note(user, channel, Mark { last_message: Some(message), is_told: true, ..Mark::default() });
}

/// Marks every channel of a guild read.
///
/// # Errors
/// 50001.
pub fn ack_guild(app: &App, actor: Actor, guild: GuildId) -> Result<(), ActionError> {
    let marks = app.marks.of(actor.user);
    app.store.read(|view| {
        for (channel, _) in viewable_channels(view, actor.user, guild)? {
            let newest = view.get::<ChannelStates>(&channel)?.and_then(|state| state.last_message);
            let read = view.get::<ReadStates>(&(actor.user, channel))?.unwrap_or_default();
            let read = marks
                .get(&channel)
                .map_or(read.last_message, |mark| mark.last_message.max(read.last_message));
            if let Some(newest) = newest.filter(|newest| Some(*newest) > read) {
                note_read(app, actor.user, channel, newest);
            }
        }
        Ok(())
    })
}

/// Marks the pins of a channel seen.
///
/// # Errors
/// 50001.
pub fn ack_pins(app: &App, actor: Actor, channel: ChannelId) -> Result<(), ActionError> {
    app.store.read(|view| {
        view.allow::<right::View>(actor.user, channel)?;
        let last_pin_ms = view.get::<ChannelStates>(&channel)?.and_then(|state| state.last_pin_ms);
        let mark = Mark { pins_ms: last_pin_ms, is_told: true, ..Mark::default() };
        app.marks.note(actor.user, channel, mark);
        Ok(())
    })
}

/// Forgets that the caller has read a channel.
///
/// # Errors
/// 50001.
pub async fn forget_mark(app: &App, actor: Actor, channel: ChannelId) -> Result<(), ActionError> {
    let _turn = app.marks.turn().await;
    app.marks.forget(actor.user, channel);
    app.store
        .reclaim(move |tx| {
            let by = tx.allow::<right::View>(actor.user, channel)?;
            tx.delete::<ReadStates>(&by, &(actor.user, channel))?;
            Ok(())
        })
        .await
}

/// Writes marks as they come, until it is dropped; [`write_marks`] writes the rest at the stop.
pub async fn keep_marks(app: &App) {
    loop {
        app.marks.noted().await;
        tokio::time::sleep(GATHER).await;
        while let Err(error) = write_marks(app).await {
            tracing::warn!(%error, "read marks could not be written and will be tried again");
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// Writes the marks that wait, and tells their readers' sessions.
///
/// # Errors
/// Why the store did not take them; they wait for the next time.
pub async fn write_marks(app: &App) -> Result<(), StoreError> {
    let _turn = app.marks.turn().await;
    loop {
        let batch = app.marks.take(MARKS_PER_JOB);
        if batch.is_empty() {
            return Ok(());
        }
        let written = app
            .store
            .write(move |tx| {
                for (user, channel, mark) in &batch {
                    write_mark(tx, *user, *channel, *mark)?;
                }
                Ok::<_, StoreError>(())
            })
            .await;
        match written {
            Ok(()) => app.marks.written(),
            Err(error) => {
                app.marks.put_back();
                return Err(error);
            }
        }
    }
}

fn write_mark(tx: &mut Tx<'_>, user: UserId, channel: ChannelId, mark: Mark) -> Result<(), StoreError> {
    let before = tx.get::<ReadStates>(&(user, channel))?.unwrap_or_default();
    let mut row = laid_over(before.clone(), mark);
    if row == before {
        return Ok(());
    }
    row.version += 1;
    tx.put::<ReadStates>(&tx.own(user), &(user, channel), &row)?;
    if !mark.is_told {
        return Ok(());
    }
    if row.last_message != before.last_message {
        tell(tx, user, channel, &row, false)?;
    }
    if let (Some(seen_ms), true) = (row.last_pin_ms, row.last_pin_ms != before.last_pin_ms) {
        let ack = PinsAck { channel_id: channel, timestamp: Timestamp(seen_ms), version: row.version };
        tx.emit(Audience::User(user), Dispatch::PinsAck(ack));
    }
    Ok(())
}

fn laid_over(mut row: ReadStateRow, mark: Mark) -> ReadStateRow {
    row.last_message = row.last_message.max(mark.last_message);
    row.last_pin_ms = row.last_pin_ms.max(mark.pins_ms);
    row.last_viewed = row.last_viewed.max(mark.last_viewed);
    row
}

fn tell(
    tx: &mut Tx<'_>,
    user: UserId,
    channel: ChannelId,
    row: &ReadStateRow,
    is_manual: bool,
) -> Result<(), StoreError> {
    let (Some(message_id), Some(channel_row)) = (row.last_message, tx.shared::<Channels>(&channel)?) else {
        return Ok(());
    };
    let blocked = Blocked::of(tx, user)?;
    let mention_count = match channel_row.guild {
        None => unread_in_dm(tx, channel, user, message_id, &blocked)?,
        Some(guild) => match Reader::of(tx, user, guild, blocked)? {
            Some(reader) => reader.unread_mentions(tx, channel, message_id)?,
            None => 0,
        },
    };
    let ack = MessageAck {
        channel_id: channel,
        message_id,
        manual: is_manual,
        mention_count,
        flags: flags(&channel_row),
        last_viewed: row.last_viewed,
        version: row.version,
    };
    tx.emit(Audience::User(user), Dispatch::MessageAck(ack));
    Ok(())
}

fn flags(channel: &ChannelRow) -> u64 {
    match channel.guild {
        Some(_) if channel.kind.is_thread() => 2,
        Some(_) => 1,
        None => 0,
    }
}

/// Whom a reader blocks: what those write counts for nothing.
#[derive(Clone)]
pub(super) struct Blocked(Arc<HashSet<UserId>>);

impl Blocked {
    pub fn of(view: &View<'_>, user: UserId) -> Result<Self, StoreError> {
        Ok(Self(Arc::new(relationships::blocked_by(view, user)?)))
    }
}

/// Somebody as mentions in a guild concern them.
pub(super) struct Reader {
    user: UserId,
    blocked: Blocked,
    doomed: Doomed,
    joined_ms: u64,
    roles: Vec<RoleId>,
    hears_everyone: bool,
    hears_roles: bool,
}

impl Reader {
    /// A member; `None` for no member. What their notification settings suppress does not count.
    pub fn of(
        view: &View<'_>,
        user: UserId,
        guild: GuildId,
        blocked: Blocked,
    ) -> Result<Option<Self>, StoreError> {
        let Some(member) = view.shared::<Members>(&(guild, user))? else { return Ok(None) };
        let settings: serde_json::Value = view
            .get::<UserGuildSettings>(&(user, guild))?
            .and_then(|row| serde_json::from_str(&row.json).ok())
            .unwrap_or_default();
        let is_on = |key: &str| settings[key].as_bool() == Some(true);
        Ok(Some(Self {
            user,
            blocked,
            doomed: view.doomed_posts(guild)?,
            joined_ms: member.joined_ms,
            roles: member.roles.clone(),
            hears_everyone: !is_on("suppress_everyone"),
            hears_roles: !is_on("suppress_roles"),
        }))
    }

    /// The same reader, for whom mentions of everyone or of roles do not count unless asked for.
    pub fn hearing(self, everyone: bool, roles: bool) -> Self {
        Self { hears_everyone: everyone, hears_roles: roles, ..self }
    }

    /// Whether it is about this reader.
    pub fn is_meant_by(&self, id: MessageId, row: &MentionRow) -> bool {
        row.author != self.user
            && !self.doomed.covers(row.author, id)
            && !self.blocked.0.contains(&row.author)
            && (row.users.contains(&self.user)
                || (row.everyone && self.hears_everyone)
                || (self.hears_roles && row.roles.iter().any(|role| self.roles.contains(role))))
    }

    fn unread_mentions(
        &self,
        view: &View<'_>,
        channel: ChannelId,
        mark: MessageId,
    ) -> Result<u32, StoreError> {
        let (mut count, mut looked_at) = (0, 0);
        view.walk::<Mentions>(&channel, Some(&(channel, mark)), Order::Ascending, |(_, id), row| {
            looked_at += 1;
            count += u32::from(self.is_meant_by(id, &row));
            if looked_at < MAX_MENTION_ROWS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(count)
    }
}

fn unread_in_dm(
    view: &View<'_>,
    channel: ChannelId,
    user: UserId,
    mark: MessageId,
    blocked: &Blocked,
) -> Result<u32, StoreError> {
    if view.get::<UserDms>(&(user, channel))?.is_some_and(|dm| dm.request_ms.is_some()) {
        // What a stranger writes is no badge until it is accepted.
        return Ok(0);
    }
    let (mut count, mut looked_at) = (0, 0);
    view.walk::<Messages>(&channel, Some(&(channel, mark)), Order::Ascending, |_, row| {
        looked_at += 1;
        count += u32::from(row.author != user && !blocked.0.contains(&row.author));
        if looked_at < MAX_DM_MESSAGES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(count)
}

/// Channels of a guild that hold messages and that a member may view.
pub(super) fn viewable_channels(
    view: &View<'_>,
    user: UserId,
    guild: GuildId,
) -> Result<Vec<(ChannelId, std::sync::Arc<ChannelRow>)>, StoreError> {
    let access = view.guild_access(user, guild)?;
    let mut found = Vec::new();
    for (id, row) in show::guild_channels(view, guild)? {
        if row.kind.can_hold_messages()
            && view.channel_permissions(&access, &row)?.contains(Permissions::VIEW_CHANNEL)
        {
            found.push((id, row));
        }
    }
    Ok(found)
}

/// What an account has read, for READY: every channel it may view and every DM in its list. `marks` are those on their way to the
/// store, [`Marks::of`](crate::store::marks::Marks::of), asked for before the snapshot was taken.
pub fn read_states_of(
    view: &View<'_>,
    user: UserId,
    marks: &HashMap<ChannelId, Mark>,
) -> Result<Vec<ReadState>, StoreError> {
    let mut rows: HashMap<ChannelId, ReadStateRow> = HashMap::new();
    for ((_, channel), row) in view.list::<ReadStates>(&user, None, Order::Ascending, MAX_MARKS)? {
        rows.insert(channel, row);
    }
    for (channel, mark) in marks {
        let row = rows.remove(channel).unwrap_or_default();
        rows.insert(*channel, laid_over(row, *mark));
    }
    let blocked = Blocked::of(view, user)?;
    let mut entries = Vec::new();
    for ((_, guild), ()) in view.list::<UserGuilds>(&user, None, Order::Ascending, MAX_GUILDS)? {
        let Some(reader) = Reader::of(view, user, guild, blocked.clone())? else { continue };
        for (id, channel) in viewable_channels(view, user, guild)? {
            let row = rows.remove(&id).unwrap_or_default();
            let mark = row.last_message.unwrap_or(MessageId::from_ms(reader.joined_ms));
            let has_unread =
                view.get::<ChannelStates>(&id)?.is_some_and(|state| state.last_message > Some(mark));
            let mention_count = if has_unread { reader.unread_mentions(view, id, mark)? } else { 0 };
            entries.push(entry(id, &channel, mark, mention_count, &row));
        }
    }
    for ((_, id), dm) in view.list::<UserDms>(&user, None, Order::Ascending, MAX_DMS)? {
        let Some(channel) = view.shared::<Channels>(&id)?.filter(|_| dm.open) else { continue };
        let row = rows.remove(&id).unwrap_or_default();
        let mark = row.last_message.unwrap_or_default();
        let unread = unread_in_dm(view, id, user, mark, &blocked)?;
        entries.push(entry(id, &channel, mark, unread, &row));
    }
    Ok(entries)
}

fn entry(
    id: ChannelId,
    channel: &ChannelRow,
    last_message_id: MessageId,
    mention_count: u32,
    row: &ReadStateRow,
) -> ReadState {
    ReadState {
        id,
        read_state_type: 0,
        last_message_id,
        mention_count,
        last_pin_timestamp: row.last_pin_ms.map(Timestamp),
        flags: flags(channel),
        last_viewed: row.last_viewed,
    }
}
