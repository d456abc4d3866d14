//! What many readers make alike of one commit, kept until the next: guilds as a READY shows them, and the JSON of their channels, for when
//! everybody comes back at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::StoreError;
use super::rows::ChannelRow;
use super::view::View;
use crate::logic::session::Piece;
use crate::model::{Channel, ChannelId, Guild, GuildId};

/// Most guilds kept; those who come back at once come to few.
const MAX_GUILDS: usize = 16;
/// Most sets of channels of a guild whose JSON is kept: most members see one of few, by their roles.
const MAX_SETS: usize = 4;

/// A guild whole, whoever looks at it.
#[derive(Debug)]
pub struct WholeGuild {
    /// The guild; what of it ends with time is as it was when this was made.
    pub guild: Guild,
    /// How many members it has.
    pub member_count: u64,
    /// Its channels.
    pub rooms: Rooms,
}

/// Every channel of a guild, whoever may view it.
#[derive(Debug)]
pub struct Rooms {
    /// The rows, which say who sees them.
    pub rows: Vec<(ChannelId, Arc<ChannelRow>)>,
    /// The same channels as the API shows them, in the same order.
    pub channels: Vec<Arc<Channel>>,
    /// The JSON of those that some receivers see, by which are seen.
    pieces: Mutex<HashMap<Box<[bool]>, Piece>>,
}

impl Rooms {
    /// Channels of a guild, as rows and as the API shows them, in the same order.
    pub fn new(rows: Vec<(ChannelId, Arc<ChannelRow>)>, channels: Vec<Arc<Channel>>) -> Self {
        Self { rows, channels, pieces: Mutex::default() }
    }

    /// The channels that are `seen`, one mark for each.
    pub fn visible(&self, seen: &[bool]) -> Vec<Arc<Channel>> {
        let marked = self.channels.iter().zip(seen).filter(|(_, seen)| **seen);
        marked.map(|(channel, _)| channel.clone()).collect()
    }

    /// The same as JSON that all share who see the same; `None` where the sets are many, for each to write their own.
    pub fn piece(&self, seen: &[bool]) -> Option<Piece> {
        // Every change is whole before anything can panic.
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(piece) = pieces.get(seen) {
            return Some(piece.clone());
        }
        if pieces.len() == MAX_SETS {
            return None;
        }
        let piece = Piece::of(&self.visible(seen)).expect("channels are JSON");
        pieces.insert(seen.into(), piece.clone());
        Some(piece)
    }
}

/// Guilds as of the newest commit at which one was asked for.
#[derive(Default)]
pub struct GuildsAsOf(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    commit: u64,
    guilds: HashMap<GuildId, Arc<WholeGuild>>,
}

impl GuildsAsOf {
    /// The guild as of the view's commit, made by `make` if it is not kept. Two may make the same at once.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn get(
        &self,
        view: &View<'_>,
        id: GuildId,
        make: impl FnOnce() -> Result<WholeGuild, StoreError>,
    ) -> Result<Arc<WholeGuild>, StoreError> {
        // Every change is whole before anything can panic.
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let kept = lock();
            if kept.commit == view.commit()
                && let Some(guild) = kept.guilds.get(&id)
            {
                return Ok(guild.clone());
            }
        }
        let made = Arc::new(make()?);
        let mut kept = lock();
        if kept.commit < view.commit() {
            *kept = Kept { commit: view.commit(), guilds: HashMap::new() };
        }
        if kept.commit == view.commit() && kept.guilds.len() < MAX_GUILDS {
            kept.guilds.insert(id, made.clone());
        }
        Ok(made)
    }
}
