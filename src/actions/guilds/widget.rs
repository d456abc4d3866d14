//! The widget: what a guild shows of itself to everybody once it chooses to, such as on its own web page.

use serde::Serialize;

use super::edit::{require_channel, write};
use crate::actions::actor::{Actor, Reason};
use crate::actions::error::{ActionError, Fault};
use crate::actions::{invites, show};
use crate::app::App;
use crate::blobs::badge;
use crate::logic::form::kinds::{boolean, snowflake, word};
use crate::logic::form::{Checked, Fields, Form, Patch};
use crate::logic::permissions as rules;
use crate::model::{ChannelId, ChannelKind, GuildId, Permissions, Status, UserId};
use crate::store::access::right;
use crate::store::{ChannelRow, GuildRow, Guilds, MemberRow, Members, StoreError, Tx, Users, View};

/// Most members that are shown.
const MAX_SHOWN: usize = 100;

/// A guild's choice.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct WidgetSettings {
    enabled: bool,
    /// Where its invite leads.
    channel_id: Option<ChannelId>,
}

/// Body of `PATCH /guilds/{guild}/widget`.
#[derive(Clone, Copy)]
pub struct EditWidget {
    enabled: Option<bool>,
    channel: Patch<ChannelId>,
}

impl Form for EditWidget {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { enabled: f.opt("enabled", boolean()), channel: f.patch("channel_id", snowflake()) }
    }
}

/// What everybody sees.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Widget {
    id: GuildId,
    name: String,
    /// Where one joins; none where the guild names no channel for it.
    instant_invite: Option<String>,
    /// Voice channels that every member may join.
    channels: Vec<WidgetChannel>,
    /// Some of those who are online.
    members: Vec<WidgetMember>,
    /// How many are online.
    presence_count: u64,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
struct WidgetChannel {
    id: ChannelId,
    name: String,
    position: u32,
}

/// Somebody who is online. Everybody reads this, so it names no account.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct WidgetMember {
    /// A number in this list.
    id: String,
    username: String,
    discriminator: &'static str,
    avatar: Option<String>,
    status: Status,
    avatar_url: String,
}

/// Query of `GET /guilds/{guild}/widget.png`.
#[derive(Clone, Copy)]
pub struct Style;

impl Form for Style {
    fn read(f: &mut Fields<'_>) -> Self {
        // There is one style; clients that ask for another one are shown it.
        f.opt(
            "style",
            word(&[("shield", ()), ("banner1", ()), ("banner2", ()), ("banner3", ()), ("banner4", ())]),
        );
        Self
    }
}

fn settings(row: &GuildRow) -> WidgetSettings {
    WidgetSettings { enabled: row.widget_enabled, channel_id: row.widget_channel }
}

/// The guild's choice.
///
/// # Errors
/// 50001, 50013 without MANAGE_GUILD.
pub fn widget_settings(app: &App, actor: Actor, guild: GuildId) -> Result<WidgetSettings, ActionError> {
    app.store.read(|view| Ok(settings(&view.allow_guild::<right::ManageGuild>(actor.user, guild)?.guild)))
}

/// Changes the guild's choice. With a channel comes an invite to it, which goes with the choice.
///
/// # Errors
/// 50001, 50013 without MANAGE_GUILD, form faults.
pub async fn edit_widget(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: Checked<EditWidget>,
    reason: Option<Reason>,
) -> Result<WidgetSettings, ActionError> {
    let code = invites::new_code();
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::ManageGuild>(actor.user, guild)?;
            let form = *form.get()?;
            require_channel(tx, guild, "channel_id", form.channel, |kind| kind != ChannelKind::Category)?;
            let mut row = GuildRow::clone(&by.guild);
            row.widget_enabled = form.enabled.unwrap_or(row.widget_enabled);
            form.channel.apply(&mut row.widget_channel);
            let wanted = row.widget_channel.filter(|_| row.widget_enabled);
            let had = by.guild.widget_channel.filter(|_| by.guild.widget_enabled);
            if wanted != had {
                row.widget_invite = exchange_invite(tx, &by, &row, wanted, &code)?;
            }
            write(tx, &by, &row, reason.as_ref())?;
            Ok(settings(&row))
        })
        .await
}

fn exchange_invite(
    tx: &mut Tx<'_>,
    by: &crate::store::access::GuildAllowed<'_, right::ManageGuild>,
    row: &GuildRow,
    wanted: Option<ChannelId>,
    code: &str,
) -> Result<Option<String>, ActionError> {
    if let Some(old) = &row.widget_invite {
        invites::withdraw(tx, by, by.id, old)?;
    }
    match wanted {
        Some(channel) => {
            invites::put_lasting(tx, by, by.id, channel, code)?;
            Ok(Some(code.to_owned()))
        }
        None => Ok(None),
    }
}

fn shown_row(view: &View<'_>, guild: GuildId) -> Result<std::sync::Arc<GuildRow>, ActionError> {
    let row = view.shared::<Guilds>(&guild)?.filter(|row| row.widget_enabled);
    Ok(row.ok_or(Fault::WidgetDisabled)?)
}

/// What a guild shows to everybody. `origin` is the instance's own, `cdn_base` that of its pictures.
///
/// # Errors
/// 50004 where there is no guild or it shows nothing.
pub fn widget(app: &App, guild: GuildId, origin: &str, cdn_base: &str) -> Result<Widget, ActionError> {
    let online = app.hub.some_online(guild, MAX_SHOWN);
    app.store.read(|view| {
        let row = shown_row(view, guild)?;
        let is_open = !invites::are_paused(&row, view.now_ms());
        let code = row.widget_invite.as_ref().filter(|_| is_open);
        let code = code.filter(|code| invites::is_live(view, code).unwrap_or(false));
        let mut members = Vec::with_capacity(online.len());
        for presence in &online {
            let user = presence.user.id;
            let Some(member) = view.shared::<Members>(&(guild, user))? else { continue };
            members.push(widget_member(view, members.len(), user, &member, presence.status, cdn_base)?);
        }
        Ok(Widget {
            id: guild,
            name: row.name.clone(),
            instant_invite: code.map(|code| format!("{origin}/invite/{code}")),
            channels: open_voice_channels(view, guild)?,
            members,
            presence_count: app.hub.online_count(guild) as u64,
        })
    })
}

fn widget_member(
    view: &View<'_>,
    number: usize,
    user: UserId,
    member: &MemberRow,
    status: Status,
    cdn_base: &str,
) -> Result<WidgetMember, StoreError> {
    let account = view.shared::<Users>(&user)?;
    let account = account.as_deref();
    let name = member
        .nick
        .clone()
        .or_else(|| account?.global_name.clone())
        .or_else(|| Some(account?.username.clone()));
    Ok(WidgetMember {
        id: number.to_string(),
        username: name.unwrap_or_default(),
        discriminator: "0000",
        avatar: None,
        status,
        avatar_url: format!("{cdn_base}/embed/avatars/{}.png", number % 6),
    })
}

/// Voice channels that a member without any role may see and join.
fn open_voice_channels(view: &View<'_>, guild: GuildId) -> Result<Vec<WidgetChannel>, StoreError> {
    let everyone = view.shared::<crate::store::Roles>(&(guild, guild.cast()))?;
    let base = everyone.map_or(Permissions::NONE, |role| role.permissions);
    let is_open = |row: &ChannelRow| {
        let standing = rules::Standing {
            guild,
            member: UserId::new(0),
            roles: &[],
            base,
            is_owner: false,
            is_timed_out: false,
            is_pending: false,
        };
        let held = rules::effective(rules::channel_permissions(&standing, &row.overwrites), row.kind);
        row.kind.is_voice() && held.contains(Permissions::VIEW_CHANNEL | Permissions::CONNECT)
    };
    let mut open: Vec<WidgetChannel> = show::guild_channels(view, guild)?
        .into_iter()
        .filter(|(_, row)| is_open(row))
        .map(|(id, row)| WidgetChannel {
            id,
            name: row.name.clone().unwrap_or_default(),
            position: row.position,
        })
        .collect();
    open.sort_by_key(|channel| (channel.position, channel.id));
    Ok(open)
}

/// A badge that says how many are online, as a PNG.
///
/// # Errors
/// 50004 where there is no guild or it shows nothing.
pub fn widget_badge(app: &App, guild: GuildId) -> Result<Vec<u8>, ActionError> {
    app.store.read(|view| shown_row(view, guild).map(drop))?;
    badge::draw(&format!("{} ONLINE", app.hub.online_count(guild))).map_err(ActionError::internal)
}
