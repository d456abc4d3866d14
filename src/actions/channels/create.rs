//! Making channels.

use std::sync::Arc;

use super::overwrites::{WrittenOverwrite, resolve_all};
use super::{Details, allow_parent, channel_name, form, record};
use crate::actions::actor::{Actor, Reason};
use crate::actions::audit::Act;
use crate::actions::error::{ActionError, Fault};
use crate::actions::show;
use crate::app::App;
use crate::logic::form::kinds::{among, integer, list, object, snowflake, text};
use crate::logic::form::{Checked, Fields, Form};
use crate::logic::permissions::{OverwriteAuthority, may_replace_overwrites};
use crate::model::{Audience, Channel, ChannelId, ChannelKind, Dispatch, GuildId, Permissions};
use crate::store::access::{GuildAccess, Proof, right};
use crate::store::{ChannelRow, Channels, Denied, GuildChannels, StoreError, Tx};

/// Body of `POST /guilds/{guild}/channels`.
#[derive(Clone)]
pub struct Create {
    name: String,
    kind: ChannelKind,
    position: Option<u32>,
    parent: Option<ChannelId>,
    overwrites: Option<Vec<WrittenOverwrite>>,
    details: Details,
}

impl Form for Create {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.need("name", text(1..=100)),
            kind: f.or("type", among(form::KINDS), ChannelKind::Text),
            position: f.opt("position", integer(0..=10_000u32)),
            parent: f.opt("parent_id", snowflake()),
            overwrites: f.opt(
                "permission_overwrites",
                list(object::<WrittenOverwrite>(), super::overwrites::MAX_IN_REQUEST),
            ),
            details: Details::read(f),
        }
    }
}

/// Makes a channel, with its category's overwrites where none are given.
///
/// # Errors
/// 50013 without MANAGE_CHANNELS or for overwrites of rights the actor lacks, 30013 at the limit.
pub async fn create(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: Checked<Create>,
    reason: Option<Reason>,
) -> Result<Arc<Channel>, ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::ManageChannels>(actor.user, guild)?;
            let form = form.get()?;
            let parent = match form.parent {
                Some(parent) => Some(allow_parent(tx, guild, form.kind, parent)?),
                None => None,
            };
            let overwrites = match (&form.overwrites, parent) {
                (Some(given), _) => {
                    let overwrites = resolve_all(tx, guild, given)?;
                    allow_first_overwrites(&by, &overwrites)?;
                    overwrites
                }
                (None, Some(parent)) => parent.overwrites.clone(),
                (None, None) => Vec::new(),
            };
            let siblings = show::guild_channels(tx, guild)?;
            if siblings.len() >= show::MAX_CHANNELS {
                return Err(Fault::TooManyChannels.into());
            }
            let mut row = ChannelRow {
                kind: form.kind,
                guild: Some(guild),
                name: Some(channel_name(form.kind, &form.name)),
                overwrites,
                parent: form.parent,
                ..ChannelRow::default()
            };
            row.position = form.position.unwrap_or_else(|| next_position(&siblings, &row));
            form.details.apply(&mut row);
            let id: ChannelId = tx.next_id();
            let shown = insert(tx, &by, guild, id, &row)?;
            record(tx, &by, &by, Act::ChannelCreate, id, (None, Some(&row)), reason.as_ref())?;
            tx.emit(Audience::Channel(guild, id), Dispatch::ChannelCreate(shown.clone()));
            Ok(shown)
        })
        .await
}

/// Overwrites of a new channel speak of rights that its maker holds in the guild, and of MANAGE_ROLES only if they may do everything.
fn allow_first_overwrites(maker: &GuildAccess, overwrites: &[crate::model::Overwrite]) -> Result<(), Denied> {
    let authority =
        if maker.is_admin() { OverwriteAuthority::Administrator } else { OverwriteAuthority::HeldBits };
    // MANAGE_CHANNELS is what making a channel takes; MANAGE_ROLES is asked of those who change one that is there.
    let held = maker.held | Permissions::MANAGE_ROLES;
    may_replace_overwrites(held, authority, &[], overwrites).map_err(Denied::Missing)
}

/// The place below its siblings: categories, voice channels and the rest are ordered apart.
fn next_position(all: &[(ChannelId, Arc<ChannelRow>)], new: &ChannelRow) -> u32 {
    let group = |row: &ChannelRow| (row.parent, row.kind == ChannelKind::Category, row.kind.is_voice());
    let siblings = all.iter().filter(|(_, row)| group(row) == group(new));
    siblings.map(|(_, row)| row.position + 1).max().unwrap_or(0)
}

/// Writes the rows of a new channel of a guild and tells nobody.
pub fn insert(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    guild: GuildId,
    id: ChannelId,
    row: &ChannelRow,
) -> Result<Arc<Channel>, StoreError> {
    tx.put::<Channels>(by, &id, row)?;
    tx.put::<GuildChannels>(by, &(guild, id), &())?;
    Ok(Arc::new(show::channel(tx, id, row, None)?))
}
