//! Invites: made, looked up, accepted, taken back.

use super::actor::{Actor, Reason};
use super::audit::{self, Act, Changes, Entry};
use super::error::{ActionError, Fault};
use super::{guilds, members, show};
use crate::app::App;
use crate::auth::random;
use crate::logic::form::kinds::{boolean, integer};
use crate::logic::form::{Checked, Fields, Form};
use crate::model::{
    Audience, ChannelId, ChannelKind, Dispatch, GuildId, Invite, InviteCreated, InviteDeleted, Permissions,
};
use crate::store::access::{Proof, right};
use crate::store::{
    Channels, GuildInvites, GuildRow, Guilds, InviteRow, Invites, Order, StoreError, Tx, View,
};

/// Most invites of a guild (API.md §5).
const MAX_INVITES: usize = 1_000;
/// Invites that end with their channel in the same job, two rows each (SAFETY.md §5.2).
const ENDED_AT_ONCE: usize = 300;
/// Longest life of an invite that ends, seconds.
const MAX_AGE_S: u32 = 604_800;
/// Life of an invite that does not say, seconds.
const DEFAULT_AGE_S: u32 = 86_400;
/// Feature with which a guild takes no more members by invite.
const INVITES_DISABLED: &str = "INVITES_DISABLED";

/// Body of `POST /channels/{channel}/invites`; an absent body is one with nothing in it.
#[derive(Clone)]
pub struct Create {
    max_age_s: u32,
    max_uses: u32,
    temporary: bool,
    unique: bool,
}

impl Form for Create {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            max_age_s: f.or("max_age", integer(0..=MAX_AGE_S), DEFAULT_AGE_S),
            max_uses: f.or("max_uses", integer(0..=100u32), 0),
            temporary: f.or("temporary", boolean(), false),
            unique: f.or("unique", boolean(), false),
        }
    }
}

/// Query of `GET /invites/{code}`.
#[derive(Clone, Copy)]
pub struct LookUp {
    with_counts: bool,
}

impl Form for LookUp {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { with_counts: f.or("with_counts", boolean(), false) }
    }
}

/// A code of ten letters and digits from the system's random source: 59 bits, where 47 are the least (SAFETY.md §4).
pub(super) fn new_code() -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const CHARS: u32 = 10;
    let mut number = u128::from_le_bytes(random::bytes::<16>());
    let mut letter = || {
        let index = (number % 62) as usize;
        number /= 62;
        char::from(LETTERS[index])
    };
    (0..CHARS).map(|_| letter()).collect()
}

fn is_over(row: &InviteRow, now_ms: u64) -> bool {
    let has_ended = row.max_age_s > 0 && row.created_ms + u64::from(row.max_age_s) * 1_000 <= now_ms;
    has_ended || (row.max_uses > 0 && row.uses >= row.max_uses)
}

fn live(view: &View<'_>, code: &str) -> Result<Option<InviteRow>, StoreError> {
    let Some(row) = view.get::<Invites>(&code.to_owned())? else { return Ok(None) };
    let leads_somewhere =
        view.shared::<Guilds>(&row.guild)?.is_some() && view.shared::<Channels>(&row.channel)?.is_some();
    Ok(Some(row).filter(|row| leads_somewhere && !is_over(row, view.now_ms())))
}

/// Whether a code opens a guild at present.
pub fn is_live(view: &View<'_>, code: &str) -> Result<bool, StoreError> {
    Ok(live(view, code)?.is_some())
}

/// Makes an invite to a channel, or answers an equal live one of the same inviter where none of its own was asked for.
///
/// # Errors
/// 30016 when the guild has [`MAX_INVITES`].
pub async fn create(
    app: &App,
    actor: Actor,
    channel: ChannelId,
    form: Checked<Create>,
    reason: Option<Reason>,
) -> Result<Invite, ActionError> {
    let code = new_code();
    app.store
        .write(move |tx| {
            let by = tx.allow::<right::CreateInstantInvite>(actor.user, channel)?;
            let form = form.get()?;
            let guild = by.channel.guild.ok_or(Fault::NotOnDm)?;
            if by.channel.kind == ChannelKind::Category {
                return Err(Fault::ChannelType.into());
            }
            let row = InviteRow {
                guild,
                channel,
                inviter: Some(actor.user),
                created_ms: tx.now_ms(),
                max_age_s: form.max_age_s,
                max_uses: form.max_uses,
                uses: 0,
                temporary: form.temporary,
                roles: Vec::new(),
                vanity: false,
            };
            let all = codes_of(tx, guild)?;
            if !form.unique
                && let Some((code, equal)) = find_equal(tx, &all, &row)?
            {
                return Ok(show::invite(tx, &code, &equal, true)?);
            }
            if all.len() >= MAX_INVITES {
                sweep_ended(tx, &by, guild, &all)?;
                if codes_of(tx, guild)?.len() >= MAX_INVITES {
                    return Err(Fault::TooManyInvites.into());
                }
            }
            tx.put::<Invites>(&by, &code, &row)?;
            tx.put::<GuildInvites>(&by, &(guild, code.clone()), &())?;
            record(tx, &by, actor, &code, &row, Act::InviteCreate, reason.as_ref())?;
            let shown = show::invite(tx, &code, &row, true)?;
            let told = Invite { guild: None, ..shown.clone() };
            tx.emit(
                Audience::ChannelHolding(guild, channel, Permissions::MANAGE_CHANNELS),
                Dispatch::InviteCreate(InviteCreated { channel_id: channel, invite: told }),
            );
            Ok(shown)
        })
        .await
}

/// Whether a guild takes no more members by invite at present.
pub(super) fn are_paused(guild: &GuildRow, now_ms: u64) -> bool {
    guild.features.iter().any(|feature| feature == INVITES_DISABLED)
        || guild.invites_disabled_until_ms.is_some_and(|until_ms| until_ms > now_ms)
}

/// Makes an invite without end that is nobody's own.
pub(super) fn put_lasting(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    guild: GuildId,
    channel: ChannelId,
    code: &str,
) -> Result<(), StoreError> {
    let row = InviteRow { guild, channel, created_ms: tx.now_ms(), ..InviteRow::default() };
    tx.put::<Invites>(by, &code.to_owned(), &row)?;
    tx.put::<GuildInvites>(by, &(guild, code.to_owned()), &())
}

/// Takes back an invite that [`put_lasting`] made, if it is still there.
pub(super) fn withdraw(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    guild: GuildId,
    code: &str,
) -> Result<(), StoreError> {
    match tx.get::<Invites>(&code.to_owned())?.filter(|row| row.guild == guild) {
        Some(row) => remove(tx, by, code, &row),
        None => Ok(()),
    }
}

fn codes_of(view: &View<'_>, guild: GuildId) -> Result<Vec<String>, StoreError> {
    let rows = view.list::<GuildInvites>(&guild, None, Order::Ascending, MAX_INVITES + 1)?;
    Ok(rows.into_iter().map(|((_, code), ())| code).collect())
}

fn find_equal(
    view: &View<'_>,
    codes: &[String],
    wanted: &InviteRow,
) -> Result<Option<(String, InviteRow)>, StoreError> {
    for code in codes {
        if let Some(row) = live(view, code)?
            && (row.inviter, row.channel, row.max_age_s, row.max_uses, row.temporary)
                == (wanted.inviter, wanted.channel, wanted.max_age_s, wanted.max_uses, wanted.temporary)
        {
            return Ok(Some((code.clone(), row)));
        }
    }
    Ok(None)
}

fn sweep_ended(tx: &mut Tx<'_>, by: &impl Proof, guild: GuildId, codes: &[String]) -> Result<(), StoreError> {
    for code in codes {
        if live(tx, code)?.is_none() {
            tx.delete::<Invites>(by, code)?;
            tx.delete::<GuildInvites>(by, &(guild, code.clone()))?;
        }
    }
    Ok(())
}

fn record(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    actor: Actor,
    code: &str,
    row: &InviteRow,
    act: Act,
    reason: Option<&Reason>,
) -> Result<(), StoreError> {
    let is_new = act == Act::InviteCreate;
    let mut changes = Changes::none();
    let mut note = |key: &str, value: serde_json::Value| {
        let (old, new) =
            if is_new { (serde_json::Value::Null, value) } else { (value, serde_json::Value::Null) };
        changes.field(key, old, new);
    };
    note("code", code.into());
    note("channel_id", row.channel.to_string().into());
    note("inviter_id", row.inviter.map(|inviter| inviter.to_string()).into());
    note("max_age", row.max_age_s.into());
    note("max_uses", row.max_uses.into());
    note("uses", row.uses.into());
    note("temporary", row.temporary.into());
    audit::record(
        tx,
        by,
        Entry {
            guild: row.guild,
            actor: actor.user,
            act,
            target: None,
            changes,
            options: None,
            reason: reason.map(Reason::as_str),
        },
    )
}

/// An invite by its code, for anybody who has it.
///
/// # Errors
/// 10006 when it does not exist, ended or is used up.
pub fn get(app: &App, code: &str, query: LookUp) -> Result<Invite, ActionError> {
    app.store.read(|view| {
        let row = live(view, code)?.ok_or(Fault::UnknownInvite)?;
        let mut shown = show::invite(view, code, &row, false)?;
        if query.with_counts {
            shown.approximate_member_count = Some(show::member_count(view, row.guild)?);
            shown.approximate_presence_count = Some(app.hub.online_count(row.guild) as u64);
        }
        Ok(shown)
    })
}

/// Accepts an invite: the caller joins the guild. A member gets the invite back and no use is counted.
///
/// # Errors
/// 40007 for the banned, 340015 where joining is off, 30001 and 30019 at the limits.
pub async fn accept(app: &App, actor: Actor, code: String) -> Result<Invite, ActionError> {
    actor.session()?;
    let limits = members::Limits::of(&app.config);
    app.store
        .write(move |tx| -> Result<Invite, ActionError> {
            let mut row = live(tx, &code)?.ok_or(Fault::UnknownInvite)?;
            let guild = tx.shared::<Guilds>(&row.guild)?.ok_or(Fault::UnknownInvite)?;
            let is_new = tx.guild_access(actor.user, row.guild).is_err();
            if is_new {
                if are_paused(&guild, tx.now_ms()) {
                    return Err(Fault::JoinsLimited.into());
                }
                // The code is the right: whoever has it may join, unless banned.
                members::join(tx, &tx.internal(), limits, row.guild, actor.user, &row.roles)?;
                row.uses += 1;
                tx.put::<Invites>(&tx.internal(), &code, &row)?;
            }
            let mut shown = show::invite(tx, &code, &row, false)?;
            shown.new_member = Some(is_new);
            Ok(shown)
        })
        .await
}

/// Takes an invite back.
///
/// # Errors
/// 10006, and 50013 without MANAGE_CHANNELS in its channel or MANAGE_GUILD.
pub async fn delete(
    app: &App,
    actor: Actor,
    code: String,
    reason: Option<Reason>,
) -> Result<Invite, ActionError> {
    app.store
        .reclaim(move |tx| {
            let row = live(tx, &code)?.ok_or(Fault::UnknownInvite)?;
            let in_channel = tx.channel_access(actor.user, row.channel);
            let by = tx.allow_guild::<right::Membership>(actor.user, row.guild)?;
            let may = by.held.contains(Permissions::MANAGE_GUILD)
                || in_channel.is_ok_and(|access| access.held.contains(Permissions::MANAGE_CHANNELS));
            if !may {
                return Err(Fault::MissingPermissions.into());
            }
            if row.vanity {
                // A guild lets go of its own code by choosing another or none.
                return Err(Fault::InvalidVanityCode.into());
            }
            let shown = show::invite(tx, &code, &row, false)?;
            remove(tx, &by, &code, &row)?;
            record(tx, &by, actor, &code, &row, Act::InviteDelete, reason.as_ref())?;
            Ok(shown)
        })
        .await
}

/// Deletes an invite and tells those who manage its channel; for deleted channels too.
pub fn remove(tx: &mut Tx<'_>, by: &impl Proof, code: &str, row: &InviteRow) -> Result<(), StoreError> {
    tx.delete::<Invites>(by, &code.to_owned())?;
    tx.delete::<GuildInvites>(by, &(row.guild, code.to_owned()))?;
    tx.emit(
        Audience::ChannelHolding(row.guild, row.channel, Permissions::MANAGE_CHANNELS),
        Dispatch::InviteDelete(InviteDeleted {
            channel_id: row.channel,
            guild_id: row.guild,
            code: code.to_owned(),
        }),
    );
    Ok(())
}

/// Ends the invites to a channel that is being deleted, while those who manage it can still be told. What is left beyond
/// [`ENDED_AT_ONCE`] opens nothing any more, and goes when the next invite is made.
pub fn forget_channel(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    guild: GuildId,
    channel: ChannelId,
) -> Result<(), StoreError> {
    guilds::move_vanity(tx, by, guild, channel)?;
    let mut ended = 0;
    for code in codes_of(tx, guild)? {
        if ended < ENDED_AT_ONCE
            && let Some(row) = tx.get::<Invites>(&code)?.filter(|row| row.channel == channel)
        {
            remove(tx, by, &code, &row)?;
            ended += 1;
        }
    }
    Ok(())
}

/// Invites to a channel, with their metadata, for those who manage it.
pub fn of_channel(app: &App, actor: Actor, channel: ChannelId) -> Result<Vec<Invite>, ActionError> {
    app.store.read(|view| {
        let access = view.allow::<right::ManageChannels>(actor.user, channel)?;
        let guild = access.channel.guild.ok_or(Fault::NotOnDm)?;
        Ok(shown_of(view, guild, true)?.into_iter().filter(|invite| invite.channel.id == channel).collect())
    })
}

/// Invites to a guild; metadata only with MANAGE_GUILD, and only for channels the caller may view (SAFETY.md §1).
pub fn of_guild(app: &App, actor: Actor, guild: GuildId) -> Result<Vec<Invite>, ActionError> {
    app.store.read(|view| {
        let access = view.guild_access(actor.user, guild)?;
        if !access.held.intersects(Permissions::MANAGE_GUILD | Permissions::VIEW_AUDIT_LOG) {
            return Err(Fault::MissingPermissions.into());
        }
        let all = shown_of(view, guild, access.held.contains(Permissions::MANAGE_GUILD))?;
        Ok(all
            .into_iter()
            .filter(|invite| view.channel_access(actor.user, invite.channel.id).is_ok())
            .collect())
    })
}

fn shown_of(view: &View<'_>, guild: GuildId, with_metadata: bool) -> Result<Vec<Invite>, StoreError> {
    let mut shown = Vec::new();
    for code in codes_of(view, guild)? {
        if let Some(row) = live(view, &code)? {
            shown.push(show::invite(view, &code, &row, with_metadata)?);
        }
    }
    Ok(shown)
}
