//! Ops 14 and 37: what of big guilds a person's client looks at (API.md §3.6). The hub decides what of it may be seen; read here is
//! only who is in a guild whose member list holds those who are offline too.

use std::sync::Arc;

use super::error::ActionError;
use super::show;
use crate::app::App;
use crate::hub::{Connection, MAX_WITH_OFFLINE, Roster};
use crate::logic::session::client_frame::GuildSubscription;
use crate::model::GuildId;
use crate::store::{Members, Order, StoreError};

/// Times the members of a guild are read for one subscription: each next time only because some changed meanwhile.
const MAX_TRIES: u32 = 8;

/// Takes what a session looks at.
pub async fn look(app: &App, connection: &Connection, subscriptions: Vec<GuildSubscription>) {
    let mut subscriptions: Arc<[GuildSubscription]> = subscriptions.into();
    let mut rosters = Vec::new();
    for _ in 0..MAX_TRIES {
        // A hub that has stopped closes the session by itself.
        let Ok(missing) = app.hub.subscribe(connection, Arc::clone(&subscriptions), rosters).await else {
            return;
        };
        if missing.is_empty() {
            return;
        }
        rosters = match missing.iter().map(|guild| roster(app, *guild)).collect() {
            Ok(read) => read,
            Err(error) => {
                let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tracing::error!(%error, source, "a member list was not read");
                return;
            }
        };
        let is_missing = |of: &&GuildSubscription| missing.contains(&of.guild_id);
        subscriptions = subscriptions.iter().filter(is_missing).cloned().collect();
    }
}

/// Everybody in a guild, up to one more than a list with those offline may hold.
fn roster(app: &App, guild: GuildId) -> Result<Roster, ActionError> {
    let read = app.store.read(|view| -> Result<Roster, StoreError> {
        let rows = view.list::<Members>(&guild, None, Order::Ascending, MAX_WITH_OFFLINE as usize + 1)?;
        let shown =
            rows.iter().map(|((_, id), row)| Ok(show::member(row, Some(show::user_by_id(view, *id)?))));
        Ok(Roster { guild, commit: view.commit(), members: shown.collect::<Result<_, StoreError>>()? })
    });
    read.map_err(ActionError::from)
}
