//! Consent: adding a bot to a guild (the `bot` scope of OAuth2), and giving an application a code by which it gets access (RFC 6749
//! §4.1); what it exchanges the code for is `grants`' affair. There is no implicit grant.

use super::actor::Actor;
use super::applications::{MAX_URI_CHARS, row_of};
use super::audit::{self, Act, Changes, Entry};
use super::error::{ActionError, Fault};
use super::{grants, members, roles, show, show_apps};
use crate::app::App;
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::{boolean, integer, permissions, raw_text, snowflake, text};
use crate::logic::form::{Checked, Fields, Form};
use crate::logic::scopes::Scopes;
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
const MAX_SCOPE_CHARS: usize = 256;
/// Characters of a challenge: a SHA-256 in base64url (RFC 7636 §4.2).
const CHALLENGE_CHARS: usize = 43;
/// Page of the web client that says it is done, where no other address was asked for.
const DONE_PAGE: &str = "/oauth2/authorized";

/// Query of `GET` and `POST /oauth2/authorize`.
#[derive(Clone)]
pub struct Ask {
    client: ApplicationId,
    scopes: Scopes,
    permissions: Permissions,
    redirect_uri: Option<String>,
    state: Option<String>,
    wants_code: bool,
    challenge: Option<String>,
}

impl Form for Ask {
    fn read(f: &mut Fields<'_>) -> Self {
        let fault = |code, why: &'static str| FieldFault::new(code, why);
        let text_of = f.or("scope", text(0..=MAX_SCOPE_CHARS), String::new());
        let scopes = Scopes::parse(&text_of).filter(|scopes| !scopes.is_empty());
        if scopes.is_none() {
            f.fault("scope", fault("OAUTH2_INVALID_SCOPE", "Scopes must be some that this server knows."));
        }
        let kind = f.opt("response_type", text(0..=16)).filter(|kind| !kind.is_empty());
        let form = Self {
            client: f.need("client_id", snowflake::<Application>()),
            scopes: scopes.unwrap_or_default(),
            permissions: f.or("permissions", permissions(), Permissions::NONE),
            redirect_uri: f.opt("redirect_uri", raw_text(0..=MAX_URI_CHARS)).filter(|uri| !uri.is_empty()),
            state: f.opt("state", raw_text(0..=MAX_STATE_CHARS)),
            wants_code: kind.as_deref() == Some("code"),
            challenge: f.opt("code_challenge", raw_text(CHALLENGE_CHARS..=CHALLENGE_CHARS)),
        };
        let is_for_a_token = !form.scopes.without(Scopes::OF_CONSENT).is_empty();
        if !form.wants_code && (kind.is_some() || is_for_a_token) {
            let why = "Only codes are given out.";
            f.fault("response_type", fault("OAUTH2_UNSUPPORTED_RESPONSE_TYPE", why));
        }
        if form.wants_code && form.redirect_uri.is_none() {
            f.require("redirect_uri");
        }
        let method = f.opt("code_challenge_method", text(0..=16));
        if form.challenge.is_some() && method.as_deref() != Some("S256") {
            f.fault("code_challenge_method", fault("OAUTH2_INVALID_CHALLENGE_METHOD", "Must be S256."));
        }
        if f.or("integration_type", integer(0..=1u8), 0) != 0 {
            f.fault("integration_type", FieldFault::no_choice(&[0]));
        }
        form
    }
}

impl Ask {
    fn wants_bot(&self) -> bool {
        self.scopes.contains(Scopes::BOT)
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
            authorized: grants::has_given(view, actor.user, ask.client, ask.scopes)?,
            integration_type: 0,
            redirect_uri: ask.redirect_uri.clone(),
            bot: show::user_by_id(view, bot_of(ask.client))?,
            guilds: if ask.wants_bot() { offered_guilds(view, actor)? } else { Vec::new() },
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
    if ask.wants_bot() && !row.bot_public && row.owner != actor.user {
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
    let guild = match form.guild.filter(|_| ask.wants_bot()) {
        None if ask.wants_bot() => return Err(ActionError::field("guild_id", FieldFault::required())),
        guild => guild,
    };
    let wanted = form.permissions.unwrap_or(ask.permissions);
    let limits = members::Limits::of(&app.config);
    let (code, kept) = grants::new_code();
    let asked = ask.clone();
    app.store
        .write(move |tx| -> Result<(), ActionError> {
            let row = linkable(tx, actor, &asked)?;
            if let Some(guild) = guild {
                let by = tx.allow_guild::<right::ManageGuild>(actor.user, guild)?;
                add(tx, &by, (asked.client, &row), wanted, limits)?;
            }
            if let (true, Some(redirect_uri)) = (asked.wants_code, &asked.redirect_uri) {
                let bound = grants::Bound {
                    application: asked.client,
                    scopes: asked.scopes.without(Scopes::OF_CONSENT),
                    redirect_uri: redirect_uri.clone(),
                    challenge: asked.challenge.clone(),
                };
                grants::put_code(tx, actor.user, &bound, kept.clone())?;
            }
            Ok(())
        })
        .await?;
    let mut told = Vec::new();
    if ask.wants_code {
        told.push(format!("code={}", code.expose()));
    }
    if let Some(guild) = guild {
        told.push(format!("guild_id={guild}&permissions={}", wanted.bits()));
    }
    Ok(location(&ask, &origin, &told.join("&")))
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
