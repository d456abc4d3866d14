//! Bringing in somebody who let an application do so (`guilds.join`).

use super::{Limits, join, shown};
use crate::actions::actor::Actor;
use crate::actions::error::{ActionError, Fault};
use crate::actions::grants;
use crate::app::App;
use crate::logic::form::kinds::{boolean, list, raw_text, snowflake, text};
use crate::logic::form::{Checked, Fields, Form};
use crate::model::kind::Role as RoleOfId;
use crate::model::{GuildId, Member, Permissions, RoleId, UserId};
use crate::store::access::{require, right};
use crate::store::{Members, Roles};

/// Most roles of one body.
const MAX_ROLES: usize = 250;

/// Body of `PUT /guilds/{guild}/members/{user}`.
#[derive(Clone)]
pub struct Add {
    access_token: String,
    nick: Option<String>,
    roles: Vec<RoleId>,
    mute: bool,
    deaf: bool,
}

impl Form for Add {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            access_token: f.need("access_token", raw_text(1..=1_024)),
            nick: f.opt("nick", text(0..=32)).filter(|nick| !nick.is_empty()),
            roles: f.or("roles", list(snowflake::<RoleOfId>(), MAX_ROLES), Vec::new()),
            mute: f.or("mute", boolean(), false),
            deaf: f.or("deaf", boolean(), false),
        }
    }
}

/// Makes somebody a member who gave the bot's application `guilds.join`; `None` where they are one already.
///
/// # Errors
/// 50001, 50013 without CREATE_INSTANT_INVITE or what a field asks for; 50025 for a token that does not say so; what joining refuses.
pub async fn add(
    app: &App,
    actor: Actor,
    guild: GuildId,
    user: UserId,
    form: Checked<Add>,
) -> Result<Option<Member>, ActionError> {
    let application = actor.application()?;
    let limits = Limits::of(&app.config);
    app.store
        .write(move |tx| -> Result<Option<Member>, ActionError> {
            let by = tx.allow_guild::<right::CreateInstantInvite>(actor.user, guild)?;
            let form = form.get()?;
            let needs = [
                (form.nick.is_some(), Permissions::MANAGE_NICKNAMES),
                (!form.roles.is_empty(), Permissions::MANAGE_ROLES),
                (form.mute, Permissions::MUTE_MEMBERS),
                (form.deaf, Permissions::DEAFEN_MEMBERS),
            ];
            for (_, needed) in needs.iter().filter(|(is_asked, _)| *is_asked) {
                require(by.held, *needed)?;
            }
            for role in &form.roles {
                let row = tx.shared::<Roles>(&(guild, *role))?.ok_or(Fault::UnknownRole)?;
                if row.managed || *role == guild.cast() {
                    return Err(Fault::InvalidRole.into());
                }
                tx.require_above_role(&by, *role)?;
            }
            if grants::joiner(tx, application, &form.access_token)? != user {
                return Err(Fault::InvalidOAuth2Token.into());
            }
            if tx.has::<Members>(&(guild, user))? {
                return Ok(None);
            }
            join(tx, &by, limits, guild, user, &form.roles)?;
            let mut row = super::row_of(tx, guild, user)?;
            if form.nick.is_some() || form.mute || form.deaf {
                (row.nick, row.mute, row.deaf) = (form.nick.clone(), form.mute, form.deaf);
                return Ok(Some(super::put(tx, &by, guild, user, &row)?));
            }
            Ok(Some(shown(tx, user, &row)?))
        })
        .await
}
