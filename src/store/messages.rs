//! Messages: what one more, one changed and one fewer means for the tables.

use std::ops::ControlFlow;

use super::access::{Allowed, Internal, Proof, right};
use super::rows::{ChannelStateRow, DoomedPostsRow, MentionRow, MessageRow, ReactionCount};
use super::tables::{
    ChannelStates, Channels, DoomedPosts, DoomedReactions, Mentions, Messages, Pins, Reactions,
};
use super::{Order, StoreError, Tx, View};
use crate::model::{ChannelId, GuildId, MessageId, UserId};

/// Banned people of a guild whose posts wait for the sweep that a page of history leaves out; of more the newest bans show a moment
/// longer.
const MAX_DOOMED: usize = 1_000;
/// Most pins of a channel (API.md §5).
pub const MAX_PINS: usize = 250;

/// Proofs that let a message be written: the right to post, or the server's own word.
pub trait MayPost: Proof {}
impl MayPost for Allowed<'_, right::SendMessages> {}
impl MayPost for Internal<'_> {}

impl MessageRow {
    /// Whether anybody is mentioned.
    pub fn mentions_somebody(&self) -> bool {
        self.mention_everyone || !self.mentions.is_empty() || !self.mention_roles.is_empty()
    }
}

impl Tx<'_> {
    /// Writes a new message. Three rows, however many people are in the guild: the message, the channel's state, and in a guild whom
    /// it mentions, if it does; and a few for each of its files.
    pub fn insert_message(
        &mut self,
        by: &impl MayPost,
        guild: Option<GuildId>,
        channel: ChannelId,
        id: MessageId,
        row: &MessageRow,
    ) -> Result<(), StoreError> {
        self.put::<Messages>(by, &(channel, id), row)?;
        let state = self.get::<ChannelStates>(&channel)?.unwrap_or_default();
        // An import brings old ids, which must not move the newest back.
        let state = ChannelStateRow { last_message: state.last_message.max(Some(id)), ..state };
        self.put::<ChannelStates>(by, &channel, &state)?;
        if guild.is_some() && row.mentions_somebody() {
            let mention = MentionRow {
                author: row.author,
                users: row.mentions.clone(),
                roles: row.mention_roles.clone(),
                everyone: row.mention_everyone,
            };
            self.put::<Mentions>(by, &(channel, id), &mention)?;
        }
        self.note_files(by, channel, id, None, row)
    }

    /// Writes a message anew over what stood there.
    pub fn update_message(
        &mut self,
        by: &impl Proof,
        channel: ChannelId,
        id: MessageId,
        before: &MessageRow,
        row: &MessageRow,
    ) -> Result<(), StoreError> {
        self.put::<Messages>(by, &(channel, id), row)?;
        self.note_files(by, channel, id, Some(before), row)
    }

    /// Deletes a message with what hangs on it. Of each reaction at most `reaction_rows` rows go now, more are left to the
    /// sweep, and so are those of its files.
    pub fn delete_message(
        &mut self,
        by: &impl Proof,
        channel: ChannelId,
        id: MessageId,
        row: &MessageRow,
        reaction_rows: usize,
    ) -> Result<(), StoreError> {
        self.delete::<Messages>(by, &(channel, id))?;
        if row.mentions_somebody() {
            self.delete::<Mentions>(by, &(channel, id))?;
        }
        if row.pinned
            && let Some(pinned_ms) = self.pinned_ms(channel, id)?
        {
            self.delete::<Pins>(by, &(channel, pinned_ms, id))?;
        }
        for reaction in &row.reactions {
            self.clear_reaction(by, id, reaction, reaction_rows)?;
        }
        self.doom_files(by, channel, id, row)
    }

    /// Deletes who reacted with one emoji, or, for more than `most_rows`, leaves the rows to the sweep. Until that is done the same
    /// emoji counts under another key (see [`View::reaction_key`]).
    pub fn clear_reaction(
        &mut self,
        by: &impl Proof,
        message: MessageId,
        reaction: &ReactionCount,
        most_rows: usize,
    ) -> Result<(), StoreError> {
        if reaction.count as usize > most_rows {
            return self.put::<DoomedReactions>(by, &(message, reaction.key.clone()), &());
        }
        let rows =
            self.list::<Reactions>(&(message, reaction.key.clone()), None, Order::Ascending, most_rows)?;
        for (key, ()) in rows {
            self.delete::<Reactions>(by, &key)?;
        }
        Ok(())
    }
}

/// Stands between an emoji's key and a number that tells it from an older one still being swept; no emoji holds it.
const GENERATION: char = '\u{1}';

/// The key of an emoji, whatever its generation.
pub fn plain_key(key: &str) -> &str {
    key.split_once(GENERATION).map_or(key, |(plain, _)| plain)
}

/// What banned people posted in a guild and the sweep has not reached: gone for every reader since the ban.
#[derive(Clone, Debug, Default)]
pub struct Doomed(Vec<(UserId, DoomedPostsRow)>);

impl Doomed {
    /// Whether there is none, as nearly always.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a message is among it.
    pub fn covers(&self, author: UserId, id: MessageId) -> bool {
        self.0.iter().any(|(doomed, row)| *doomed == author && row.covers(id))
    }
}

impl DoomedPostsRow {
    /// Whether a message of the author's is meant.
    pub fn covers(&self, id: MessageId) -> bool {
        id > MessageId::from_ms(self.since_ms) && id <= self.until
    }
}

impl View<'_> {
    /// A message that is there for readers.
    pub fn message(&self, channel: ChannelId, id: MessageId) -> Result<Option<MessageRow>, StoreError> {
        let Some(row) = self.get::<Messages>(&(channel, id))? else { return Ok(None) };
        if row.webhook.is_none()
            && let Some(guild) = self.shared::<Channels>(&channel)?.and_then(|channel| channel.guild)
            && self.get::<DoomedPosts>(&(guild, row.author))?.is_some_and(|doomed| doomed.covers(id))
        {
            return Ok(None);
        }
        Ok(Some(row))
    }

    /// What of a guild is gone for readers though it waits for its sweep.
    pub fn doomed_posts(&self, guild: GuildId) -> Result<Doomed, StoreError> {
        let rows = self.list::<DoomedPosts>(&guild, None, Order::Ascending, MAX_DOOMED)?;
        Ok(Doomed(rows.into_iter().map(|((_, author), row)| (author, row)).collect()))
    }

    /// When a message was pinned, milliseconds of Unix time.
    pub fn pinned_ms(&self, channel: ChannelId, message: MessageId) -> Result<Option<u64>, StoreError> {
        let mut found = None;
        let mut looked_at = 0;
        self.walk::<Pins>(&channel, None, Order::Descending, |(_, pinned_ms, id), ()| {
            looked_at += 1;
            if id == message {
                found = Some(pinned_ms);
            }
            if found.is_some() || looked_at > MAX_PINS {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        Ok(found)
    }

    /// The key under which a new reaction with an emoji counts: the emoji's own, or where the rows of a cleared one still wait for
    /// their sweep, one made different by the id of who reacts first.
    pub fn reaction_key(&self, message: MessageId, plain: &str, first: UserId) -> Result<String, StoreError> {
        let mut key = plain.to_owned();
        while self.has::<DoomedReactions>(&(message, key.clone()))? {
            key = format!("{key}{GENERATION}{first}");
        }
        Ok(key)
    }
}
