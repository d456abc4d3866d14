//! A guild's own invite code: an invite without end that no list shows.

use serde::Serialize;

use super::edit::write;
use crate::actions::actor::{Actor, Reason};
use crate::actions::error::{ActionError, Fault};
use crate::actions::show;
use crate::app::App;
use crate::logic::form::kinds::text;
use crate::logic::form::{Checked, Fields, Form, Patch};
use crate::model::{ChannelId, ChannelKind, GuildId};
use crate::store::access::{Proof, right};
use crate::store::{GuildRow, Guilds, InviteRow, Invites, StoreError, Tx, View};

/// Length of a code, characters.
const CODE_CHARS: std::ops::RangeInclusive<usize> = 2..=25;

/// A guild's own code and how often it was used.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Vanity {
    code: Option<String>,
    uses: u32,
}

/// Body of `PATCH /guilds/{guild}/vanity-url`.
#[derive(Clone)]
pub struct EditVanity {
    code: Patch<String>,
}

impl Form for EditVanity {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { code: f.patch("code", text(0..=*CODE_CHARS.end())) }
    }
}

/// The guild's own code.
///
/// # Errors
/// 50001, 50013 without MANAGE_GUILD.
pub fn vanity(app: &App, actor: Actor, guild: GuildId) -> Result<Vanity, ActionError> {
    app.store.read(|view| {
        let by = view.allow_guild::<right::ManageGuild>(actor.user, guild)?;
        Ok(shown(view, &by.guild)?)
    })
}

fn shown(view: &View<'_>, row: &GuildRow) -> Result<Vanity, StoreError> {
    let uses = match &row.vanity {
        Some(code) => view.get::<Invites>(code)?.map_or(0, |invite| invite.uses),
        None => 0,
    };
    Ok(Vanity { code: row.vanity.clone(), uses })
}

/// Chooses the guild's own code, or lets go of it.
///
/// # Errors
/// 50001, 50013 without MANAGE_GUILD; 50020 for a code that is taken or none, and where no channel is left to lead to.
pub async fn edit_vanity(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: Checked<EditVanity>,
    reason: Option<Reason>,
) -> Result<Vanity, ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::ManageGuild>(actor.user, guild)?;
            let code = match form.get()?.code.clone() {
                Patch::Keep => return Ok(shown(tx, &by.guild)?),
                Patch::Clear => None,
                Patch::Set(code) => Some(code.to_lowercase()).filter(|code| !code.is_empty()),
            };
            if code == by.guild.vanity {
                return Ok(shown(tx, &by.guild)?);
            }
            if let Some(code) = &code {
                let is_plain = code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                let channel = door(tx, guild, &by.guild, None)?;
                let (true, true, Some(channel)) = (is_plain, CODE_CHARS.contains(&code.len()), channel)
                else {
                    return Err(Fault::InvalidVanityCode.into());
                };
                if tx.has::<Invites>(code)? {
                    return Err(Fault::InvalidVanityCode.into());
                }
                let invite = InviteRow {
                    guild,
                    channel,
                    created_ms: tx.now_ms(),
                    vanity: true,
                    ..InviteRow::default()
                };
                tx.put::<Invites>(&by, code, &invite)?;
            }
            if let Some(old) = &by.guild.vanity {
                tx.delete::<Invites>(&by, old)?;
            }
            let row = GuildRow { vanity: code, ..(*by.guild).clone() };
            write(tx, &by, &row, reason.as_ref())?;
            Ok(shown(tx, &row)?)
        })
        .await
}

/// The channel that the code leads to: that of the rules, of notices, or the first that holds text; not `but`.
fn door(
    view: &View<'_>,
    guild: GuildId,
    row: &GuildRow,
    but: Option<ChannelId>,
) -> Result<Option<ChannelId>, StoreError> {
    let named = [row.rules_channel, row.system_channel].into_iter().flatten().find(|id| Some(*id) != but);
    if named.is_some() {
        return Ok(named);
    }
    let mut texts = show::guild_channels(view, guild)?;
    texts.retain(|(id, channel)| channel.kind == ChannelKind::Text && Some(*id) != but);
    Ok(texts.iter().min_by_key(|(id, channel)| (channel.position, *id)).map(|(id, _)| *id))
}

/// Leads the guild's own code elsewhere because its channel goes; without another it opens nothing.
pub fn move_vanity(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    guild: GuildId,
    gone: ChannelId,
) -> Result<(), StoreError> {
    let Some(row) = tx.shared::<Guilds>(&guild)? else { return Ok(()) };
    let Some(code) = &row.vanity else { return Ok(()) };
    if let Some(mut invite) = tx.get::<Invites>(code)?.filter(|invite| invite.channel == gone)
        && let Some(channel) = door(tx, guild, &row, Some(gone))?
    {
        invite.channel = channel;
        tx.put::<Invites>(by, code, &invite)?;
    }
    Ok(())
}
