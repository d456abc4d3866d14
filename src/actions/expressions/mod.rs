//! Custom emoji, stickers and sounds: making and managing them, and who may use which where.

pub mod emojis;
pub mod sounds;
pub mod stickers;
pub mod usage;

use serde_json::Value;

use crate::actions::actor::Reason;
use crate::actions::audit::{self, Act, Changes, Entry};
use crate::actions::error::{ActionError, Fault};
use crate::logic::field::FieldFault;
use crate::model::{Permissions, UserId};
use crate::store::access::{GuildAccess, GuildAllowed, require};
use crate::store::{StoreError, Tx};

/// Whether somebody may manage what another made: that takes MANAGE_GUILD_EXPRESSIONS, one's own either right.
fn check_manages(by: &GuildAccess, creator: UserId) -> Result<(), ActionError> {
    let may_make = by.held.contains(Permissions::CREATE_GUILD_EXPRESSIONS);
    if creator == by.actor && may_make {
        return Ok(());
    }
    Ok(require(by.held, Permissions::MANAGE_GUILD_EXPRESSIONS)?)
}

/// Without either right nobody learns which there are to manage.
fn require_some_right(by: &GuildAccess) -> Result<(), Fault> {
    if sees_makers(by) { Ok(()) } else { Err(Fault::MissingPermissions) }
}

/// Records an act on an emoji, a sticker or a sound: `old` and `new` are what the audit log compares.
fn log<R>(
    tx: &mut Tx<'_>,
    by: &GuildAllowed<'_, R>,
    act: Act,
    target: String,
    (old, new): (Option<Value>, Option<Value>),
    reason: Option<&Reason>,
) -> Result<(), StoreError> {
    let mut changes = Changes::none();
    changes.objects(old.as_ref(), new.as_ref());
    let entry = Entry {
        guild: by.id,
        actor: by.actor,
        act,
        target: Some(target),
        changes,
        options: None,
        reason: reason.map(Reason::as_str),
    };
    audit::record(tx, by, entry)
}

/// Whether somebody is shown who made what.
fn sees_makers(by: &GuildAccess) -> bool {
    by.held.contains(Permissions::CREATE_GUILD_EXPRESSIONS)
        || by.held.contains(Permissions::MANAGE_GUILD_EXPRESSIONS)
}

/// The name of an emoji: 2 to 32 letters, digits and underscores.
fn emoji_name(text: &str) -> Result<String, FieldFault> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match text.len() {
        2..=32 if is_plain => Ok(text.to_owned()),
        2..=32 => Err(FieldFault::new("STRING_TYPE_REGEX", "Must be letters, digits and underscores")),
        _ => Err(FieldFault::bad_length(2, 32)),
    }
}

/// A name for what was made under an id that must be there.
fn found<T>(row: Option<T>, fault: Fault) -> Result<T, ActionError> {
    row.ok_or_else(|| fault.into())
}
