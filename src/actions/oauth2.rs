//! Adding a bot to a guild by consent (the `bot` scope of OAuth2). Scopes that give out access tokens are not offered: what would
//! issue them answers in OAuth2's own words.

use super::actor::Actor;
use super::applications::{MAX_URI_CHARS, row_of};
use super::audit::{self, Act, Changes, Entry};
use super::error::{ActionError, Fault};
use super::{members, roles, show, show_apps};
use crate::app::App;
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::{boolean, integer, permissions, raw_text, snowflake, text};
use crate::logic::form::{Checked, Fields, Form};
use crate::model::kind::{Application, Guild};
use crate::model::{
    ApplicationId, Audience, Consent, Dispatch, GuildId, GuildRef, IntegrationEvent, LinkableGuild, Location,
    Permissions, RoleId, bot_of,
};
use crate::store::access::{GuildAllowed, right};
use crate::store::{ApplicationRow, Members, Order, RoleRow, Roles, Tx, UserGuilds, View};

/// Most guilds that consent offers to choose from.
const MAX_OFFERED_GUILDS: usize = 1_000;
/// Longest `state` that is carried through, code points.
const MAX_STATE_CHARS: usize = 256;
/// Longest list of scopes, code points.
const MAX_SCOPE_CHARS: usize = 128;
/// Page of the web client that says it is done, where no other address was asked for.
const DONE_PAGE: &str = "/oauth2/authorized";

/// Query of `GET` and `POST /oauth2/authorize`.
#[derive(Clone)]
pub struct Ask {
    client: ApplicationId,
    scope: String,
    permissions: Permissions,
    redirect_uri: Option<String>,
    state: Option<String>,
    integration_type: u8,
}

impl Form for Ask {
    fn read(f: &mut Fields<'_>) -> Self {
        let form = Self {
            client: f.need("client_id", snowflake::<Application>()),
            scope: f.or("scope", text(0..=MAX_SCOPE_CHARS), String::new()),
            permissions: f.or("permissions", permissions(), Permissions::NONE),
            redirect_uri: f.opt("redirect_uri", raw_text(0..=MAX_URI_CHARS)).filter(|uri| !uri.is_empty()),
            state: f.opt("state", raw_text(0..=MAX_STATE_CHARS)),
            integration_type: f.or("integration_type", integer(0..=1u8), 0),
        };
        let words = || form.scope.split_whitespace();
        if !words().any(|word| word == "bot")
            || words().any(|word| !matches!(word, "bot" | "applications.commands"))
        {
            f.fault(
                "scope",
                FieldFault::new(
                    "OAUTH2_INVALID_SCOPE",
                    "Scopes must be bot, with or without applications.commands.",
                ),
            );
        }
        if f.opt("response_type", text(0..=16)).is_some_and(|kind| !kind.is_empty()) {
            f.fault(
                "response_type",
                FieldFault::new("OAUTH2_UNSUPPORTED_RESPONSE_TYPE", "Codes and tokens are not given out."),
            );
        }
        if form.integration_type != 0 {
            f.fault("integration_type", FieldFault::no_choice(&[0]));
        }
        form
    }
}

/// Body of `POST /oauth2/authorize`.
#[derive(Clone)]
pub struct Answer {
    authorize: bool,
    guild: Option<GuildId>,
    permissions: Option<Permissions>,
}

impl Form for Answer {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            authorize: f.or("authorize", boolean(), false),
            guild: f.opt("guild_id", snowflake::<Guild>()),
            permissions: f.opt("permissions", permissions()),
        }
    }
}

/// What the caller is asked: which application, with which switches, and which of their guilds it may be added to.
///
/// # Errors
/// 10002; 20012 for another's private application; faults of `scope` and `redirect_uri`.
pub fn ask(app: &App, actor: Actor, ask: Ask) -> Result<Consent, ActionError> {
    actor.session()?;
    app.store.read(|view| {
        let row = linkable(view, actor, &ask)?;
        Ok(Consent {
            application: show_apps::public_application(ask.client, &row),
            user: show::user_by_id(view, actor.user)?,
            authorized: false,
            integration_type: 0,
            redirect_uri: ask.redirect_uri,
            bot: show::user_by_id(view, bot_of(ask.client))?,
            guilds: offered_guilds(view, actor)?,
        })
    })
}

/// Guilds in which the caller holds MANAGE_GUILD.
fn offered_guilds(view: &View<'_>, actor: Actor) -> Result<Vec<LinkableGuild>, ActionError> {
    let mut guilds = Vec::new();
    for ((_, id), ()) in view.list::<UserGuilds>(&actor.user, None, Order::Ascending, MAX_OFFERED_GUILDS)? {
        let Ok(access) = view.guild_access(actor.user, id) else { continue };
        if access.held.contains(Permissions::MANAGE_GUILD) {
            guilds.push(LinkableGuild {
                id,
                name: access.guild.name.clone(),
                icon: access.guild.icon.clone(),
                mfa_level: access.guild.mfa_level,
                permissions: access.held,
            });
        }
    }
    Ok(guilds)
}

/// The application that is asked about, if the caller may add it and the addresses are its own.
fn linkable(view: &View<'_>, actor: Actor, ask: &Ask) -> Result<ApplicationRow, ActionError> {
    let row = row_of(view, ask.client)?;
    if !row.bot_public && row.owner != actor.user {
        return Err(Fault::NotYourApplication.into());
    }
    // Compared to the letter: whatever is looser can be bent into another's address (SAFETY.md §1).
    if ask.redirect_uri.as_ref().is_some_and(|uri| !row.redirect_uris.contains(uri)) {
        let fault =
            FieldFault::new("OAUTH2_INVALID_REDIRECT_URI", "This address is none of the application's.");
        return Err(ActionError::field("redirect_uri", fault));
    }
    Ok(row)
}

/// Carries out the caller's answer, and tells where they go from here. `origin` is the instance's own.
///
/// # Errors
/// As [`ask`]; without MANAGE_GUILD 50013, for strangers 50001; what joining refuses: 40007, 30001, 30019; 30005.
pub async fn answer(
    app: &App,
    actor: Actor,
    ask: Ask,
    form: Checked<Answer>,
    origin: String,
) -> Result<Location, ActionError> {
    actor.session()?;
    app.store.read(|view| linkable(view, actor, &ask).map(drop))?;
    let form = form.take()?;
    if !form.authorize {
        return Ok(location(&ask, &origin, "error=access_denied"));
    }
    let Some(guild) = form.guild else {
        return Err(ActionError::field("guild_id", FieldFault::required()));
    };
    let wanted = form.permissions.unwrap_or(ask.permissions);
    let limits = members::Limits::of(&app.config);
    let asked = ask.clone();
    app.store
        .write(move |tx| {
            let row = linkable(tx, actor, &asked)?;
            let by = tx.allow_guild::<right::ManageGuild>(actor.user, guild)?;
            add(tx, &by, (asked.client, &row), wanted, limits)
        })
        .await?;
    Ok(location(&ask, &origin, &format!("guild_id={guild}&permissions={}", wanted.bits())))
}

/// Makes the bot a member with a role of its own, unless it is one.
fn add(
    tx: &mut Tx<'_>,
    by: &GuildAllowed<'_, right::ManageGuild>,
    (id, row): (ApplicationId, &ApplicationRow),
    wanted: Permissions,
    limits: members::Limits,
) -> Result<(), ActionError> {
    let (guild, bot) = (by.id, bot_of(id));
    if tx.has::<Members>(&(guild, bot))? {
        return Ok(());
    }
    members::require_admissible(tx, limits, guild, bot)?;
    let granted = wanted & by.held;
    let mut role: Option<RoleId> = None;
    if granted != Permissions::NONE {
        if tx.list::<Roles>(&guild, None, Order::Ascending, show::MAX_ROLES)?.len() >= show::MAX_ROLES {
            return Err(Fault::TooManyRoles.into());
        }
        let own = RoleRow {
            name: row.name.clone(),
            permissions: granted,
            position: 1,
            managed: true,
            bot: Some(bot),
            ..RoleRow::default()
        };
        role = Some(roles::insert(tx, by, guild, &own)?);
    }
    members::join(tx, by, limits, guild, bot, role.as_slice())?;
    let entry = |act, changes| Entry {
        guild,
        actor: by.actor,
        act,
        target: Some(id.to_string()),
        changes,
        options: None,
        reason: None,
    };
    audit::record(tx, by, entry(Act::BotAdd, Changes::none()))?;
    let mut changes = Changes::none();
    changes.field("name", (), row.name.as_str()).field("type", (), "discord");
    audit::record(tx, by, entry(Act::IntegrationCreate, changes))?;
    if let Some(integration) = show_apps::integration(tx, id)? {
        let event = IntegrationEvent { guild_id: guild, integration };
        tx.emit(Audience::Guild(guild), Dispatch::IntegrationCreate(Box::new(event)));
    }
    tx.emit(Audience::Guild(guild), Dispatch::IntegrationsUpdate(GuildRef { guild_id: guild }));
    Ok(())
}

/// The address asked for with the answer in its query, or the web client's own page.
fn location(ask: &Ask, origin: &str, answer: &str) -> Location {
    let base = ask.redirect_uri.clone().unwrap_or_else(|| format!("{origin}{DONE_PAGE}"));
    let joint = if base.contains('?') { '&' } else { '?' };
    let state = match &ask.state {
        Some(state) => format!(
            "&state={}",
            percent_encoding::utf8_percent_encode(state, percent_encoding::NON_ALPHANUMERIC)
        ),
        None => String::new(),
    };
    let location = format!("{base}{joint}{answer}{state}");
    Location { url: location.clone(), location }
}
