//! Sweeps: what an act marked as gone, which is gone for every reader at once, is taken out of the tables in small jobs afterwards,
//! so that no act holds up the writer (SAFETY.md §5.2). The marks are rows, so a sweep goes on after a restart.

use std::time::Duration;

use super::error::ActionError;
use super::{followers, guilds, messages, roles, show};
use crate::app::App;
use crate::model::{ChannelId, Dispatch, GuildId, MessageId, MessagesDeleted, UserId};
use crate::store::access::Proof;
use crate::store::{
    Channels, DoomedChannels, DoomedFiles, DoomedGuilds, DoomedPosts, DoomedPostsRow, DoomedReactions,
    DoomedRoles, Guilds, Messages, Order, Pins, Reactions, SlowPosts, StoreError, Table, Tx, View,
};

/// Rows that one job deletes at most, of a table that it empties.
const ROWS_PER_JOB: usize = 400;
/// Messages that one job deletes at most: with what hangs on each a few rows.
const MESSAGES_PER_JOB: usize = 100;
/// Messages that one look for those of a banned author reads at most, off the writer.
const LOOK_PER_READ: usize = 5_000;
/// Pause between two jobs, so that people's writes go first.
const PAUSE: Duration = Duration::from_millis(5);
/// How long a mark may wait to be seen.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Pause after a job that failed, as for want of disk space.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(30);

/// Sweeps whatever is marked, and looks again and again, until it is dropped.
pub async fn run(app: &App) {
    loop {
        let pause = match sweep_all(app).await {
            Ok(()) => LOOK_EVERY,
            Err(error) => {
                tracing::warn!(%error, "a sweep failed and will be tried again");
                PAUSE_AFTER_ERROR
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Sweeps until nothing is marked.
///
/// # Errors
/// Why the store did not take a job; what is left stays marked.
pub async fn sweep_all(app: &App) -> Result<(), ActionError> {
    while sweep_once(app).await? {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// One job, of what was marked; whether there was one.
async fn sweep_once(app: &App) -> Result<bool, ActionError> {
    Ok(sweep_reactions(app).await?
        || sweep_files(app).await?
        || sweep_posts(app).await?
        || sweep_channel(app).await?
        || (first::<DoomedRoles>(app)?.is_some() && roles::sweep(app).await?)
        || (first::<DoomedGuilds>(app)?.is_some() && guilds::sweep(app).await?))
}

/// A row with its key.
type Marked<T> = (<T as Table>::Key, <T as Table>::Row);

/// The first row of a table of marks.
fn first<T: Table>(app: &App) -> Result<Option<Marked<T>>, StoreError> {
    app.store.read(|view| Ok(view.list::<T>(&(), None, Order::Ascending, 1)?.pop()))
}

/// Marks what somebody posted in a guild since `since_ms` (milliseconds of Unix time) for deletion, in the transaction that bans
/// them. The channels are told as it goes.
pub fn doom_posts(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    guild: GuildId,
    author: UserId,
    since_ms: u64,
) -> Result<(), StoreError> {
    let until = tx.next_id();
    tx.put::<DoomedPosts>(by, &(guild, author), &DoomedPostsRow { since_ms, until })
}

/// One job of clearing reactions; whether there may be more.
async fn sweep_reactions(app: &App) -> Result<bool, ActionError> {
    let Some(((message, key), ())) = first::<DoomedReactions>(app)? else { return Ok(false) };
    app.store
        .reclaim(move |tx| {
            let server = tx.internal(); // nobody's right is asked: whoever cleared them had it
            let rows = tx.list::<Reactions>(&(message, key.clone()), None, Order::Ascending, ROWS_PER_JOB)?;
            if rows.len() < ROWS_PER_JOB {
                tx.delete::<DoomedReactions>(&server, &(message, key.clone()))?;
            }
            for (key, ()) in rows {
                tx.delete::<Reactions>(&server, &key)?;
            }
            Ok(true)
        })
        .await
}

/// The rows of one deleted message's files; whether there may be more.
async fn sweep_files(app: &App) -> Result<bool, ActionError> {
    let Some(((channel, id), doomed)) = first::<DoomedFiles>(app)? else { return Ok(false) };
    app.store
        .reclaim(move |tx| {
            let server = tx.internal(); // nobody's right is asked: whoever deleted the message had it
            tx.sweep_files(&server, channel, id, &doomed)?;
            Ok(true)
        })
        .await
}

/// One job of emptying a deleted channel; whether there may be more.
async fn sweep_channel(app: &App) -> Result<bool, ActionError> {
    let Some((channel, ())) = first::<DoomedChannels>(app)? else { return Ok(false) };
    app.store
        .reclaim(move |tx| {
            let server = tx.internal(); // nobody's right is asked: whoever deleted the channel had it
            let messages = tx.list::<Messages>(&channel, None, Order::Ascending, MESSAGES_PER_JOB)?;
            if !messages.is_empty() {
                for ((_, id), row) in messages {
                    tx.delete_message(&server, channel, id, &row, 0)?;
                }
                return Ok(true);
            }
            let pins = tx.list::<Pins>(&channel, None, Order::Ascending, ROWS_PER_JOB)?;
            let slow = tx.list::<SlowPosts>(&channel, None, Order::Ascending, ROWS_PER_JOB)?;
            if pins.is_empty() && slow.is_empty() {
                followers::forget_channel(tx, &server, channel)?;
                tx.delete::<DoomedChannels>(&server, &channel)?;
            }
            for (key, ()) in pins {
                tx.delete::<Pins>(&server, &key)?;
            }
            for (key, _) in slow {
                tx.delete::<SlowPosts>(&server, &key)?;
            }
            Ok(true)
        })
        .await
}

/// Deletes what one banned author posted, channel by channel; whether there may be more of others.
async fn sweep_posts(app: &App) -> Result<bool, ActionError> {
    let Some(((guild, author), doomed)) = first::<DoomedPosts>(app)? else { return Ok(false) };
    let channels = app.store.read::<_, StoreError>(|view| match view.has::<Guilds>(&guild)? {
        true => show::guild_channels(view, guild),
        false => Ok(Vec::new()),
    })?;
    for (channel, _) in channels {
        let mut from = MessageId::from_ms(doomed.since_ms);
        loop {
            let look = app.store.read(|view| look_for(view, channel, author, from, doomed.until))?;
            if !look.found.is_empty() {
                delete_found(app, guild, channel, author, look.found).await?;
                tokio::time::sleep(PAUSE).await;
            }
            match look.next {
                Some(next) => from = next,
                None => break,
            }
        }
    }
    app.store
        .reclaim(move |tx| {
            let server = tx.internal(); // nobody's right is asked: whoever banned the author had it
            tx.delete::<DoomedPosts>(&server, &(guild, author))?;
            Ok(true)
        })
        .await
}

struct Look {
    found: Vec<MessageId>,
    /// Where to look on; none at the end.
    next: Option<MessageId>,
}

fn look_for(
    view: &View<'_>,
    channel: ChannelId,
    author: UserId,
    from: MessageId,
    until: MessageId,
) -> Result<Look, StoreError> {
    use std::ops::ControlFlow::{Break, Continue};
    let mut look = Look { found: Vec::new(), next: None };
    let mut looked_at = 0;
    view.walk::<Messages>(&channel, Some(&(channel, from)), Order::Ascending, |(_, id), row| {
        if id > until {
            return Break(());
        }
        looked_at += 1;
        if row.webhook.is_none() && row.author == author {
            look.found.push(id);
        }
        if looked_at == LOOK_PER_READ || look.found.len() == MESSAGES_PER_JOB {
            look.next = Some(id);
            return Break(());
        }
        Continue(())
    })?;
    Ok(look)
}

async fn delete_found(
    app: &App,
    guild: GuildId,
    channel: ChannelId,
    author: UserId,
    found: Vec<MessageId>,
) -> Result<(), ActionError> {
    app.store
        .reclaim(move |tx| {
            let server = tx.internal(); // nobody's right is asked: whoever banned the author had it
            let Some(channel_row) = tx.shared::<Channels>(&channel)? else { return Ok(()) };
            let mut ids = Vec::with_capacity(found.len());
            for id in &found {
                if let Some(row) = tx.get::<Messages>(&(channel, *id))?.filter(|row| row.author == author) {
                    tx.delete_message(&server, channel, *id, &row, 0)?;
                    ids.push(*id);
                }
            }
            if !ids.is_empty() {
                let event = MessagesDeleted { ids, channel_id: channel, guild_id: Some(guild) };
                tx.emit(messages::audience(channel, &channel_row), Dispatch::MessageDeleteBulk(event));
            }
            Ok(())
        })
        .await
}
