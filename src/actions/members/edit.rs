//! Changing a member: the name in the guild, roles, time-out, flags; and one's own profile there.

use serde_json::{Value, json};

use super::{living_roles, put, row_of, shown};
use crate::actions::actor::{Actor, Reason};
use crate::actions::audit::{self, Act, Changes, Entry};
use crate::actions::error::{ActionError, Fault};
use crate::actions::{images, roles, voice};
use crate::app::App;
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::{boolean, image_data, integer, list, snowflake, text, timestamp};
use crate::logic::form::{Checked, Fields, Form, ImageData, Patch};
use crate::model::{ChannelId, GuildId, Member, Permissions, RoleId, Timestamp, UserId};
use crate::store::access::{GuildAllowed, require, right};
use crate::store::{Denied, MemberRow, Tx, View};

/// Longest nick, code points (API.md §5).
const MAX_NICK: usize = 32;
/// Longest time-out, milliseconds (API.md §5).
const MAX_TIMEOUT_MS: u64 = 28 * 86_400_000;
/// What clocks and the way here may add to [`MAX_TIMEOUT_MS`], milliseconds.
const CLOCK_SLACK_MS: u64 = 60_000;
/// The one member flag that may be changed: exempt from the verification level.
const BYPASSES_VERIFICATION: u64 = 1 << 2;

/// Body of `PATCH /guilds/{guild}/members/{user}`.
#[derive(Clone)]
pub struct Edit {
    nick: Patch<String>,
    roles: Option<Vec<RoleId>>,
    mute: Option<bool>,
    deaf: Option<bool>,
    channel: Patch<ChannelId>,
    timed_out_until_ms: Patch<u64>,
    flags: Option<u64>,
}

impl Form for Edit {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            nick: nick(f),
            roles: f.opt("roles", list(snowflake(), crate::actions::show::MAX_ROLES)),
            mute: f.opt("mute", boolean()),
            deaf: f.opt("deaf", boolean()),
            channel: f.patch("channel_id", snowflake()),
            timed_out_until_ms: f.patch("communication_disabled_until", timestamp()).map(|at| at.0),
            flags: f.opt("flags", integer(0..=u32::MAX.into())),
        }
    }
}

/// A nick; an empty one clears.
fn nick(f: &mut Fields<'_>) -> Patch<String> {
    match f.patch("nick", text(0..=MAX_NICK)) {
        Patch::Set(nick) if nick.is_empty() => Patch::Clear,
        nick => nick,
    }
}

/// Changes a member; every field asks for its own right.
///
/// # Errors
/// 50013 without a field's right or at somebody not below, 10007 for no member, 10011 for no role, 40032 for what needs voice.
pub async fn edit(
    app: &App,
    actor: Actor,
    guild: GuildId,
    target: UserId,
    form: Checked<Edit>,
    reason: Option<Reason>,
) -> Result<Member, ActionError> {
    let at = voice::channel_of(app, guild, target);
    let (member, to) = app
        .store
        .write(move |tx| {
            let by = tx.allow_guild::<right::Membership>(actor.user, guild)?;
            let old = row_of(tx, guild, target)?;
            allow_any(&by, actor.user == target)?;
            let form = form.get()?;
            allow_fields(tx, &by, target, form, at)?;
            let mut row = old.clone();
            row.mute = form.mute.unwrap_or(row.mute);
            row.deaf = form.deaf.unwrap_or(row.deaf);
            form.nick.clone().apply(&mut row.nick);
            apply_timeout(tx, &by, target, form.timed_out_until_ms, &mut row)?;
            if let Some(flags) = form.flags {
                row.flags = (row.flags & !BYPASSES_VERIFICATION) | (flags & BYPASSES_VERIFICATION);
            }
            if let Some(wanted) = &form.roles {
                row.roles = roles::allow_set(tx, &by, target, &old.roles, wanted)?;
            }
            record_move(tx, &by, at, &form.channel, reason.as_ref())?;
            let member = write(tx, &by, target, &old, &row, reason.as_ref())?;
            Ok::<_, ActionError>((member, form.channel))
        })
        .await?;
    let moved = match to {
        Patch::Keep => return Ok(member),
        Patch::Clear => app.hub.move_voice(guild, target, None).await,
        Patch::Set(channel) => app.hub.move_voice(guild, target, Some(channel)).await,
    };
    // Who left by themself meanwhile is moved nowhere.
    moved.map_err(ActionError::internal)?;
    Ok(member)
}

/// An entry for who was moved or taken out of voice.
fn record_move(
    tx: &mut Tx<'_>,
    by: &GuildAllowed<'_, right::Membership>,
    at: Option<ChannelId>,
    to: &Patch<ChannelId>,
    reason: Option<&Reason>,
) -> Result<(), ActionError> {
    let (act, options) = match to {
        Patch::Keep => return Ok(()),
        Patch::Set(channel) if at == Some(*channel) => return Ok(()),
        Patch::Set(channel) => (Act::MemberMove, json!({ "channel_id": channel, "count": "1" })),
        Patch::Clear => (Act::MemberDisconnect, json!({ "count": "1" })),
    };
    let entry = Entry {
        guild: by.id,
        actor: by.actor,
        act,
        target: None,
        changes: Changes::none(),
        options: Some(options),
        reason: reason.map(Reason::as_str),
    };
    Ok(audit::record(tx, by, entry)?)
}

/// Refuses who could change nothing at all, before the body's faults are told.
fn allow_any(by: &GuildAllowed<'_, right::Membership>, is_self: bool) -> Result<(), Denied> {
    let any = Permissions::MANAGE_NICKNAMES
        | Permissions::MANAGE_ROLES
        | Permissions::MODERATE_MEMBERS
        | Permissions::MANAGE_GUILD
        | Permissions::MUTE_MEMBERS
        | Permissions::DEAFEN_MEMBERS
        | Permissions::MOVE_MEMBERS;
    let may_name_oneself = is_self && by.held.contains(Permissions::CHANGE_NICKNAME);
    if by.held.intersects(any) || may_name_oneself { Ok(()) } else { Err(Denied::Missing(any)) }
}

/// Checks the right of each field that is there, then what the voice fields need: a target in voice, in `at`, and for a move an actor
/// who may connect where it goes.
fn allow_fields(
    tx: &Tx<'_>,
    by: &GuildAllowed<'_, right::Membership>,
    target: UserId,
    form: &Edit,
    at: Option<ChannelId>,
) -> Result<(), ActionError> {
    if !form.nick.is_keep() {
        allow_nick(tx, by, target)?;
    }
    if form.roles.is_some() {
        require(by.held, Permissions::MANAGE_ROLES)?;
    }
    if !form.timed_out_until_ms.is_keep() {
        tx.allow_on_member::<right::ModerateMembers>(by.actor, by.id, target)?;
    }
    if form.flags.is_some() {
        allow_flags(by.held)?;
    }
    let voice = [
        (form.mute.is_some(), Permissions::MUTE_MEMBERS),
        (form.deaf.is_some(), Permissions::DEAFEN_MEMBERS),
        (!form.channel.is_keep(), Permissions::MOVE_MEMBERS),
    ];
    for (_, needed) in voice.iter().filter(|(is_there, _)| *is_there) {
        require(by.held, *needed)?;
    }
    if voice.iter().any(|(is_there, _)| *is_there) && at.is_none() {
        return Err(Fault::NotInVoice.into());
    }
    if let Patch::Set(channel) = form.channel {
        let access = tx.channel_access(by.actor, channel)?;
        if access.channel.guild != Some(by.id) {
            return Err(Fault::UnknownChannel.into());
        }
        if !access.channel.kind.is_voice() {
            return Err(Fault::ChannelType.into());
        }
        require(access.held, Permissions::CONNECT)?;
    }
    Ok(())
}

fn allow_nick(
    tx: &Tx<'_>,
    by: &GuildAllowed<'_, right::Membership>,
    target: UserId,
) -> Result<(), ActionError> {
    if target == by.actor {
        let either = Permissions::CHANGE_NICKNAME | Permissions::MANAGE_NICKNAMES;
        return if by.held.intersects(either) {
            Ok(())
        } else {
            Err(Denied::Missing(Permissions::CHANGE_NICKNAME).into())
        };
    }
    tx.allow_on_member::<right::ManageNicknames>(by.actor, by.id, target)?;
    Ok(())
}

fn allow_flags(held: Permissions) -> Result<(), Denied> {
    let moderation = Permissions::MODERATE_MEMBERS | Permissions::KICK_MEMBERS | Permissions::BAN_MEMBERS;
    let may =
        held.intersects(Permissions::MANAGE_GUILD | Permissions::MANAGE_ROLES) || held.contains(moderation);
    if may { Ok(()) } else { Err(Denied::Missing(Permissions::MANAGE_GUILD)) }
}

fn apply_timeout(
    view: &View<'_>,
    by: &GuildAllowed<'_, right::Membership>,
    target: UserId,
    until_ms: Patch<u64>,
    row: &mut MemberRow,
) -> Result<(), ActionError> {
    if let Patch::Set(until_ms) = until_ms {
        if until_ms > view.now_ms() + MAX_TIMEOUT_MS + CLOCK_SLACK_MS {
            let fault = FieldFault::new("DATE_TIME_TYPE_MAX", "Must be at most 28 days from now.");
            return Err(ActionError::field("communication_disabled_until", fault));
        }
        let held = view.guild_permissions(by.id, &by.guild, target, row)?;
        if held.contains(Permissions::ADMINISTRATOR) {
            return Err(Fault::MissingPermissions.into());
        }
    }
    until_ms.apply(&mut row.timed_out_until_ms);
    Ok(())
}

/// Writes what changed with an entry each for the member's fields and roles; where nothing did, nobody is told.
fn write(
    tx: &mut Tx<'_>,
    by: &GuildAllowed<'_, right::Membership>,
    target: UserId,
    old: &MemberRow,
    row: &MemberRow,
    reason: Option<&Reason>,
) -> Result<Member, ActionError> {
    if old == row {
        return Ok(shown(tx, target, row)?);
    }
    let time = |at: Option<u64>| at.map(|ms| Timestamp(ms).to_string());
    let mut changes = Changes::none();
    changes.field("nick", old.nick.clone(), row.nick.clone());
    changes.field("communication_disabled_until", time(old.timed_out_until_ms), time(row.timed_out_until_ms));
    changes.field("flags", old.flags, row.flags);
    changes.field("mute", old.mute, row.mute);
    changes.field("deaf", old.deaf, row.deaf);
    if !changes.is_empty() {
        record(tx, by, target, Act::MemberUpdate, changes, reason)?;
    }
    let changes = role_changes(tx, by.id, &old.roles, &row.roles)?;
    if !changes.is_empty() {
        record(tx, by, target, Act::MemberRoleUpdate, changes, reason)?;
    }
    Ok(put(tx, by, by.id, target, row)?)
}

fn record(
    tx: &mut Tx<'_>,
    by: &GuildAllowed<'_, right::Membership>,
    target: UserId,
    act: Act,
    changes: Changes,
    reason: Option<&Reason>,
) -> Result<(), ActionError> {
    let entry = Entry {
        guild: by.id,
        actor: by.actor,
        act,
        target: Some(target.to_string()),
        changes,
        options: None,
        reason: reason.map(Reason::as_str),
    };
    Ok(audit::record(tx, by, entry)?)
}

/// The roles given and taken, as the audit log names them: `$add` and `$remove` (API.md §2.2).
pub(in crate::actions) fn role_changes(
    view: &View<'_>,
    guild: GuildId,
    old: &[RoleId],
    new: &[RoleId],
) -> Result<Changes, ActionError> {
    let mut changes = Changes::none();
    for (key, these, others) in [("$add", new, old), ("$remove", old, new)] {
        let mut listed = Vec::new();
        for role in these.iter().filter(|role| !others.contains(role)) {
            if let Some(row) = view.shared::<crate::store::Roles>(&(guild, *role))? {
                listed.push(json!({ "id": role, "name": row.name }));
            }
        }
        if !listed.is_empty() {
            changes.field(key, Value::Null, Value::Array(listed));
        }
    }
    Ok(changes)
}

/// Body of `PATCH /guilds/{guild}/members/@me` and of `…/@me/nick`.
#[derive(Clone)]
pub struct EditOwn {
    nick: Patch<String>,
    avatar: Patch<ImageData>,
    banner: Patch<ImageData>,
    bio: Patch<String>,
    pronouns: Patch<String>,
}

impl Form for EditOwn {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            nick: nick(f),
            avatar: f.patch("avatar", image_data(images::MAX_UPLOAD_BYTES)),
            banner: f.patch("banner", image_data(images::MAX_UPLOAD_BYTES)),
            bio: f.patch("bio", text(0..=190)),
            pronouns: f.patch("pronouns", text(0..=40)),
        }
    }
}

/// Changes one's own name and profile in a guild.
///
/// # Errors
/// 50013 for a nick without CHANGE_NICKNAME, 50001 for strangers.
pub async fn edit_own(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: Checked<EditOwn>,
    reason: Option<Reason>,
) -> Result<Member, ActionError> {
    app.store.read(|view| view.allow_guild::<right::Membership>(actor.user, guild).map(drop))?;
    let form = form.take()?;
    let avatar = images::keep_patch(app, form.avatar, images::AVATAR).await?;
    let banner = images::keep_patch(app, form.banner, images::BANNER).await?;
    let (nick, bio, pronouns) = (form.nick, form.bio, form.pronouns);
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::Membership>(actor.user, guild)?;
            if !nick.is_keep() {
                allow_nick(tx, &by, actor.user)?;
            }
            let old = row_of(tx, guild, actor.user)?;
            let mut row = old.clone();
            nick.clone().apply(&mut row.nick);
            avatar.clone().apply(&mut row.avatar);
            banner.clone().apply(&mut row.banner);
            row.bio = bio.clone().set_or(String::new()).unwrap_or(row.bio);
            row.pronouns = pronouns.clone().set_or(String::new()).unwrap_or(row.pronouns);
            write(tx, &by, actor.user, &old, &row, reason.as_ref())
        })
        .await
}

/// Gives or takes roles of members on behalf of `super::super::roles`: the row with these roles, its entry, its event.
pub(in crate::actions) fn write_roles(
    tx: &mut Tx<'_>,
    by: &GuildAllowed<'_, right::ManageRoles>,
    target: UserId,
    old: &MemberRow,
    roles: Vec<RoleId>,
    reason: Option<&Reason>,
) -> Result<Member, ActionError> {
    let row = MemberRow { roles: living_roles(tx, by.id, &roles)?, ..old.clone() };
    if row == *old {
        return Ok(shown(tx, target, &row)?);
    }
    let changes = role_changes(tx, by.id, &old.roles, &row.roles)?;
    if !changes.is_empty() {
        let entry = Entry {
            guild: by.id,
            actor: by.actor,
            act: Act::MemberRoleUpdate,
            target: Some(target.to_string()),
            changes,
            options: None,
            reason: reason.map(Reason::as_str),
        };
        audit::record(tx, by, entry)?;
    }
    Ok(put(tx, by, by.id, target, &row)?)
}
