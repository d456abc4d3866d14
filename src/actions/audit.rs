//! The audit log: every act marked (A) in the API writes its entry here, in the transaction of the act (API.md §2.2).

use std::ops::ControlFlow;

use serde_json::{Value, json};

use super::show;
use crate::model::{
    Audience, AuditChange, AuditEntryEvent, AuditEntryId, ChannelId, Dispatch, GuildId, Permissions, UserId,
};
use crate::store::access::Proof;
use crate::store::{AuditLog, AuditRow, Order, StoreError, Tx};

/// Types of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
#[allow(missing_docs, reason = "the names are the field's")]
pub enum Act {
    GuildUpdate = 1,
    ChannelCreate = 10,
    ChannelUpdate = 11,
    ChannelDelete = 12,
    OverwriteCreate = 13,
    OverwriteUpdate = 14,
    OverwriteDelete = 15,
    MemberKick = 20,
    MemberPrune = 21,
    BanAdd = 22,
    BanRemove = 23,
    MemberUpdate = 24,
    MemberRoleUpdate = 25,
    MemberMove = 26,
    MemberDisconnect = 27,
    BotAdd = 28,
    RoleCreate = 30,
    RoleUpdate = 31,
    RoleDelete = 32,
    InviteCreate = 40,
    InviteUpdate = 41,
    InviteDelete = 42,
    WebhookCreate = 50,
    WebhookUpdate = 51,
    WebhookDelete = 52,
    EmojiCreate = 60,
    EmojiUpdate = 61,
    EmojiDelete = 62,
    MessageDelete = 72,
    MessageBulkDelete = 73,
    MessagePin = 74,
    MessageUnpin = 75,
    IntegrationCreate = 80,
    IntegrationUpdate = 81,
    IntegrationDelete = 82,
    StickerCreate = 90,
    StickerUpdate = 91,
    StickerDelete = 92,
    SoundCreate = 130,
    SoundUpdate = 131,
    SoundDelete = 132,
    VoiceStatusUpdate = 192,
    VoiceStatusDelete = 193,
}

/// Acts of one person on one target in one channel within this time raise the count of one entry, milliseconds.
const JOIN_UP_MS: u64 = 5 * 60 * 1_000;
/// How many of the newest entries are looked at for one to join.
const JOIN_UP_LOOK_BACK: usize = 50;

/// What an act leaves in the log.
pub struct Entry<'a> {
    /// Which guild.
    pub guild: GuildId,
    /// Who did it.
    pub actor: UserId,
    /// What.
    pub act: Act,
    /// To what, as an id.
    pub target: Option<String>,
    /// What changed; empty changes write no entry for updates, see [`Changes::is_empty`].
    pub changes: Changes,
    /// Facts of some types; values are strings.
    pub options: Option<Value>,
    /// Why, if it was said.
    pub reason: Option<&'a str>,
}

/// The changed fields of an entry.
#[derive(Debug, Default)]
pub struct Changes(Vec<AuditChange>);

impl Changes {
    /// Nothing changed.
    pub fn none() -> Self {
        Self::default()
    }

    /// Notes a field if it differs; JSON null counts as unset.
    pub fn field(&mut self, key: &str, old: impl Into<Value>, new: impl Into<Value>) -> &mut Self {
        let (old, new) = (old.into(), new.into());
        if old != new {
            let set = |value: Value| (!value.is_null()).then_some(value);
            self.0.push(AuditChange { key: key.to_owned(), old_value: set(old), new_value: set(new) });
        }
        self
    }

    /// Notes every field of an object that was made (no old), changed, or deleted (no new). What a new or deleted thing has at null or
    /// empty is left out.
    pub fn objects(&mut self, old: Option<&Value>, new: Option<&Value>) -> &mut Self {
        let is_blank = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        let fields = new.or(old).and_then(Value::as_object);
        for key in fields.into_iter().flat_map(|fields| fields.keys()) {
            let of = |side: Option<&Value>| side.map_or(Value::Null, |side| side[key].clone());
            let (old_value, new_value) = (of(old), of(new));
            if (old.is_some() && new.is_some()) || !(is_blank(&old_value) && is_blank(&new_value)) {
                self.field(key, old_value, new_value);
            }
        }
        self
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Writes an entry and tells those who may read the log.
pub fn record(tx: &mut Tx<'_>, by: &impl Proof, entry: Entry<'_>) -> Result<(), StoreError> {
    let id: AuditEntryId = tx.next_id();
    let Changes(changes) = entry.changes;
    let row = AuditRow {
        action: entry.act as u16,
        user: Some(entry.actor),
        target: entry.target,
        changes: (!changes.is_empty())
            .then(|| serde_json::to_string(&changes).expect("changes are plain JSON values")),
        options: entry.options.map(|options| options.to_string()),
        reason: entry.reason.map(str::to_owned),
    };
    tx.put::<AuditLog>(by, &(entry.guild, id), &row)?;
    tx.emit(
        Audience::GuildHolding(entry.guild, Permissions::VIEW_AUDIT_LOG),
        Dispatch::AuditEntryCreate(AuditEntryEvent {
            guild_id: entry.guild,
            entry: show::audit_entry(id, &row),
        }),
    );
    Ok(())
}

/// Writes an entry that counts acts in a channel, or raises the count of one by the same person, on the same target, in the same
/// channel, not older than five minutes; a joined-up entry is not told again.
pub fn record_counted(
    tx: &mut Tx<'_>,
    by: &impl Proof,
    entry: Entry<'_>,
    channel: ChannelId,
    count: u64,
) -> Result<(), StoreError> {
    let newest_allowed = AuditEntryId::from_ms(tx.now_ms().saturating_sub(JOIN_UP_MS));
    let mut looked_at = 0;
    let mut found = None;
    tx.walk::<AuditLog>(&entry.guild, None, Order::Descending, |(_, id), row| {
        looked_at += 1;
        if id < newest_allowed || looked_at > JOIN_UP_LOOK_BACK {
            return ControlFlow::Break(());
        }
        let options: Option<Value> = row.options.as_deref().and_then(|json| serde_json::from_str(json).ok());
        let same_channel = options.as_ref().is_some_and(|o| o["channel_id"] == channel.to_string().as_str());
        if row.action == entry.act as u16
            && row.user == Some(entry.actor)
            && row.target == entry.target
            && same_channel
        {
            found = Some((id, row, options));
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    if let Some((id, mut row, Some(mut options))) = found {
        let before: u64 = options["count"].as_str().and_then(|count| count.parse().ok()).unwrap_or(0);
        options["count"] = Value::from((before + count).to_string());
        row.options = Some(options.to_string());
        return tx.put::<AuditLog>(by, &(entry.guild, id), &row);
    }
    let options = json!({ "channel_id": channel.to_string(), "count": count.to_string() });
    record(tx, by, Entry { options: Some(options), ..entry })
}
