//! What a person sets for themself: the settings object, notification settings per guild, notes, client preferences.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::actor::Actor;
use super::error::{ActionError, Fault};
use crate::app::App;
use crate::logic::content;
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::{json_value, text};
use crate::logic::form::{Checked, Fields, Form};
use crate::model::{Audience, Dispatch, GuildId, UserId};
use crate::store::{
    JsonRow, Members, Notes, Order, Prefs, StoreError, TextRow, Tx, UserGuildSettings, UserSettings, Users,
    View,
};

/// Most bytes of a settings object, of the settings of one guild, and of all client preferences.
pub const MAX_SETTINGS_BYTES: usize = 64 << 10;
/// Most notes that are listed at once.
const MAX_NOTES: usize = 5_000;

/// Any JSON object.
#[derive(Clone)]
pub struct AnyObject(Map<String, Value>);

impl Form for AnyObject {
    fn read(f: &mut Fields<'_>) -> Self {
        match f.whole(json_value()) {
            Value::Object(map) => Self(map),
            Value::Null => Self(Map::new()),
            _ => {
                f.fault_here(FieldFault::new("DICT_TYPE_CONVERT", "Only objects are accepted."));
                Self(Map::new())
            }
        }
    }
}

fn default_settings() -> Value {
    json!({
        "theme": "dark", "locale": "en-US", "status": "online", "custom_status": null, "guild_folders": [],
        "guild_positions": [], "message_display_compact": false, "developer_mode": false, "render_embeds": true,
        "render_reactions": true, "inline_attachment_media": true, "inline_embed_media": true, "animate_emoji": true,
        "animate_stickers": 0, "gif_auto_play": true, "convert_emoticons": false, "enable_tts_command": true,
        "afk_timeout": 600, "timezone_offset": 0, "show_current_game": true, "default_guilds_restricted": false,
        "restricted_guilds": [], "explicit_content_filter": 0, "detect_platform_accounts": false,
        "disable_games_tab": true, "stream_notifications_enabled": true, "native_phone_integration_enabled": false,
        "contact_sync_enabled": false, "allow_accessibility_detection": false, "view_nsfw_guilds": true,
        "friend_source_flags": { "all": true, "mutual_friends": true, "mutual_guilds": true }
    })
}

fn parse(row: Option<JsonRow>) -> Map<String, Value> {
    row.and_then(|row| serde_json::from_str(&row.json).ok()).unwrap_or_default()
}

/// The settings object of an account: what was set, over the defaults.
pub fn settings_of(view: &View<'_>, user: UserId) -> Result<Value, StoreError> {
    let mut all = default_settings();
    for (key, value) in parse(view.get::<UserSettings>(&user)?) {
        all[key] = value;
    }
    Ok(all)
}

/// Whether an account wants cards for links.
pub fn wants_embeds(view: &View<'_>, user: UserId) -> Result<bool, StoreError> {
    let own = parse(view.get::<UserSettings>(&user)?);
    Ok(own.get("render_embeds").and_then(Value::as_bool).unwrap_or(true))
}

/// Who may ask an account to be a friend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FriendSources {
    /// Everybody.
    pub all: bool,
    /// Friends of friends.
    pub mutual_friends: bool,
    /// Members of the same guilds.
    pub mutual_guilds: bool,
}

/// Who may ask an account to be a friend, by its settings.
pub fn friend_sources(view: &View<'_>, user: UserId) -> Result<FriendSources, StoreError> {
    let settings = settings_of(view, user)?;
    let is_on = |key: &str| settings["friend_source_flags"][key].as_bool() == Some(true);
    Ok(FriendSources {
        all: is_on("all"),
        mutual_friends: is_on("mutual_friends"),
        mutual_guilds: is_on("mutual_guilds"),
    })
}

/// Whether an account takes direct messages of a guild's members, by its settings.
pub fn takes_messages_of(view: &View<'_>, user: UserId, guild: GuildId) -> Result<bool, StoreError> {
    let own = parse(view.get::<UserSettings>(&user)?);
    let restricted = own.get("restricted_guilds").and_then(Value::as_array);
    Ok(!restricted.into_iter().flatten().any(|id| is_id(id, guild)))
}

/// Most guilds that are restricted for a newcomer's sake; more are open until they are restricted by hand.
const MAX_RESTRICTED: usize = 1_000;

/// Restricts a guild that somebody just joined, if they want that of every new one, and tells their sessions.
pub(super) fn restrict_new_guild(tx: &mut Tx<'_>, user: UserId, guild: GuildId) -> Result<(), StoreError> {
    let Some(row) = tx.get::<UserSettings>(&user)? else { return Ok(()) };
    let mut own = parse(Some(row));
    if own.get("default_guilds_restricted").and_then(Value::as_bool) != Some(true) {
        return Ok(());
    }
    let slot = own.entry("restricted_guilds").or_insert_with(|| json!([]));
    let Some(restricted) = slot.as_array_mut() else { return Ok(()) };
    if restricted.len() >= MAX_RESTRICTED || restricted.iter().any(|id| is_id(id, guild)) {
        return Ok(());
    }
    restricted.push(Value::from(guild.to_string()));
    let changed = json!({ "restricted_guilds": restricted });
    let row = JsonRow { json: Value::Object(own).to_string() };
    tx.put::<UserSettings>(&tx.own(user), &user, &row)?;
    tx.emit(Audience::User(user), Dispatch::UserSettingsUpdate(changed));
    Ok(())
}

fn is_id(value: &Value, id: GuildId) -> bool {
    match value {
        Value::String(text) => text.parse() == Ok(id.get()),
        _ => value.as_u64() == Some(id.get()),
    }
}

/// The caller's settings.
pub fn get(app: &App, actor: Actor) -> Result<Value, ActionError> {
    actor.session()?;
    Ok(app.store.read(|view| settings_of(view, actor.user))?)
}

/// Changes keys of the caller's settings; unknown keys are dropped, values keep the type of the default.
///
/// # Errors
/// A fault on each key whose value has another type.
pub async fn edit(app: &App, actor: Actor, form: Checked<AnyObject>) -> Result<Value, ActionError> {
    actor.session()?;
    let user = actor.user;
    let AnyObject(mut changes) = form.take()?;
    let defaults = default_settings();
    changes.retain(|key, _| defaults.get(key).is_some());
    let mut faults = crate::logic::form::FaultTree::default();
    for (key, value) in &changes {
        let is_kind = match &defaults[key.as_str()] {
            Value::Null => value.is_null() || value.is_object(),
            Value::Bool(_) => value.is_boolean(),
            Value::Number(_) => value.is_i64(),
            Value::String(_) => value.as_str().is_some_and(|text| text.len() <= 64),
            Value::Array(_) => value.is_array(),
            Value::Object(_) => value.is_object(),
        };
        let is_status =
            key != "status" || matches!(value.as_str(), Some("online" | "idle" | "dnd" | "invisible"));
        if !is_kind || !is_status {
            faults.add(
                key,
                FieldFault::new("BASE_TYPE_CHOICES", "This value is not one of those this setting takes."),
            );
        }
    }
    if !faults.is_empty() {
        return Err(faults.into());
    }
    app.store
        .write(move |tx| -> Result<Value, ActionError> {
            let mut own = parse(tx.get::<UserSettings>(&user)?);
            own.extend(changes.clone());
            let row = bounded(&own)?;
            tx.put::<UserSettings>(&tx.own(user), &user, &row)?;
            tx.emit(Audience::User(user), Dispatch::UserSettingsUpdate(Value::Object(changes.clone())));
            Ok(settings_of(tx, user)?)
        })
        .await
}

/// Locale and theme of an account, which a login answers.
pub fn of_login(app: &App, user: UserId) -> Result<(String, String), ActionError> {
    let settings = app.store.read(|view| settings_of(view, user))?;
    let word = |key: &str| settings[key].as_str().unwrap_or_default().to_owned();
    Ok((word("locale"), word("theme")))
}

fn bounded(map: &Map<String, Value>) -> Result<JsonRow, ActionError> {
    let json = serde_json::to_string(map).map_err(ActionError::internal)?;
    if json.len() > MAX_SETTINGS_BYTES {
        return Err(Fault::BodyTooLarge.into());
    }
    Ok(JsonRow { json })
}

/// The caller's client preferences.
pub fn prefs(app: &App, actor: Actor) -> Result<Value, ActionError> {
    actor.session()?;
    Ok(Value::Object(parse(app.store.read(|view| view.get::<Prefs>(&actor.user))?)))
}

/// Merges top-level keys into the caller's client preferences; `null` removes one.
pub async fn edit_prefs(app: &App, actor: Actor, form: Checked<AnyObject>) -> Result<Value, ActionError> {
    actor.session()?;
    let user = actor.user;
    let AnyObject(changes) = form.take()?;
    app.store
        .write(move |tx| -> Result<Value, ActionError> {
            let mut own = parse(tx.get::<Prefs>(&user)?);
            for (key, value) in &changes {
                if value.is_null() {
                    own.remove(key);
                } else {
                    own.insert(key.clone(), value.clone());
                }
            }
            let row = bounded(&own)?;
            tx.put::<Prefs>(&tx.own(user), &user, &row)?;
            tx.emit(Audience::User(user), Dispatch::PrefsUpdate(Value::Object(changes.clone())));
            Ok(Value::Object(own))
        })
        .await
}

fn default_guild_settings(guild: Option<GuildId>) -> Map<String, Value> {
    let settings = json!({
        "guild_id": guild, "message_notifications": 3, "muted": false, "mute_config": null, "suppress_everyone": false,
        "suppress_roles": false, "mobile_push": true, "mute_scheduled_events": false, "hide_muted_channels": false,
        "notify_highlights": 0, "flags": 0, "channel_overrides": [], "version": 0
    });
    let Value::Object(map) = settings else { unreachable!("written as an object above") };
    map
}

/// Notification settings of an account, one object per guild that has any.
pub fn guild_settings_of(view: &View<'_>, user: UserId) -> Result<Vec<Value>, StoreError> {
    let rows = view.list::<UserGuildSettings>(&user, None, Order::Ascending, 1_000)?;
    Ok(rows.into_iter().map(|((_, guild), row)| shown_guild_settings(guild, parse(Some(row)))).collect())
}

fn shown_guild_settings(guild: GuildId, own: Map<String, Value>) -> Value {
    let mut all = default_guild_settings((guild.get() != 0).then_some(guild));
    for (key, value) in own {
        if key == "channel_overrides" {
            let overrides = value.as_object().cloned().unwrap_or_default();
            let listed = overrides.into_iter().map(|(channel, mut settings)| {
                settings["channel_id"] = Value::from(channel);
                settings
            });
            all.insert(key, listed.collect());
        } else {
            all.insert(key, value);
        }
    }
    Value::Object(all)
}

/// Changes notification settings of a guild, or of DMs (guild 0).
pub async fn edit_guild_settings(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: Checked<AnyObject>,
) -> Result<Value, ActionError> {
    actor.session()?;
    app.store
        .write(move |tx| {
            require_place(tx, actor.user, guild)?;
            let AnyObject(changes) = form.get()?;
            change_guild_settings(tx, actor.user, guild, changes)
        })
        .await
}

/// Most guilds whose settings one call changes.
const MAX_AT_ONCE: usize = 200;

/// Changes notification settings of several guilds: `{"guilds": {id: changes}}`, `@me` for DMs. Answers the whole of each.
///
/// # Errors
/// 50001 for a guild that is not the caller's: then nothing changes.
pub async fn edit_many_guild_settings(
    app: &App,
    actor: Actor,
    form: Checked<AnyObject>,
) -> Result<Vec<Value>, ActionError> {
    actor.session()?;
    let AnyObject(body) = form.take()?;
    let mut wanted = Vec::new();
    for (key, changes) in
        body.get("guilds").and_then(Value::as_object).into_iter().flatten().take(MAX_AT_ONCE)
    {
        let guild = if key == "@me" { Some(0) } else { key.parse().ok() };
        let (Some(guild), Some(changes)) = (guild, changes.as_object()) else {
            let fault =
                FieldFault::new("DICT_TYPE_CONVERT", "Guilds are named by their ids, each with an object.");
            return Err(ActionError::field("guilds", fault));
        };
        wanted.push((GuildId::new(guild), changes.clone()));
    }
    app.store
        .write(move |tx| {
            for (guild, _) in &wanted {
                require_place(tx, actor.user, *guild)?;
            }
            wanted
                .iter()
                .map(|(guild, changes)| change_guild_settings(tx, actor.user, *guild, changes))
                .collect()
        })
        .await
}

fn require_place(view: &View<'_>, user: UserId, guild: GuildId) -> Result<(), ActionError> {
    if guild.get() != 0 && !view.has::<Members>(&(guild, user))? {
        return Err(Fault::MissingAccess.into());
    }
    Ok(())
}

fn change_guild_settings(
    tx: &mut Tx<'_>,
    user: UserId,
    guild: GuildId,
    changes: &Map<String, Value>,
) -> Result<Value, ActionError> {
    let mut own = parse(tx.get::<UserGuildSettings>(&(user, guild))?);
    let known = default_guild_settings(None);
    for (key, value) in changes.iter().filter(|(key, _)| known.contains_key(*key) && *key != "guild_id") {
        if key == "channel_overrides" {
            merge_overrides(&mut own, value);
        } else {
            own.insert(key.clone(), value.clone());
        }
    }
    let version = own.get("version").and_then(Value::as_u64).unwrap_or(0);
    own.insert("version".to_owned(), Value::from(version + 1));
    let row = bounded(&own)?;
    tx.put::<UserGuildSettings>(&tx.own(user), &(user, guild), &row)?;
    let shown = shown_guild_settings(guild, own);
    tx.emit(Audience::User(user), Dispatch::UserGuildSettingsUpdate(shown.clone()));
    Ok(shown)
}

fn merge_overrides(own: &mut Map<String, Value>, changes: &Value) {
    let slot = own.entry("channel_overrides").or_insert_with(|| json!({}));
    let (Some(slot), Some(changes)) = (slot.as_object_mut(), changes.as_object()) else { return };
    for (channel, settings) in changes.iter().filter(|(channel, _)| channel.parse::<u64>().is_ok()) {
        let held = slot.entry(channel.clone()).or_insert_with(|| json!({}));
        if let (Some(held), Some(settings)) = (held.as_object_mut(), settings.as_object()) {
            held.extend(settings.clone());
        }
    }
}

/// A note on somebody.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Note {
    note: String,
    note_user_id: UserId,
    user_id: UserId,
}

/// Body of `PUT /users/@me/notes/{id}`.
#[derive(Clone)]
pub struct WriteNote {
    note: Option<String>,
}

impl Form for WriteNote {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { note: f.opt("note", text(0..=*content::Note::CHARS.end())) }
    }
}

/// All notes of the caller, by account.
pub fn notes_of(view: &View<'_>, user: UserId) -> Result<BTreeMap<String, String>, StoreError> {
    let rows = view.list::<Notes>(&user, None, Order::Ascending, MAX_NOTES)?;
    Ok(rows.into_iter().map(|((_, about), row)| (about.to_string(), row.text)).collect())
}

/// All notes of the caller.
pub fn notes(app: &App, actor: Actor) -> Result<BTreeMap<String, String>, ActionError> {
    actor.session()?;
    Ok(app.store.read(|view| notes_of(view, actor.user))?)
}

/// The caller's note on somebody.
///
/// # Errors
/// 10013 when there is none.
pub fn note(app: &App, actor: Actor, about: UserId) -> Result<Note, ActionError> {
    actor.session()?;
    let row = app.store.read(|view| view.get::<Notes>(&(actor.user, about)))?.ok_or(Fault::UnknownUser)?;
    Ok(Note { note: row.text, note_user_id: about, user_id: actor.user })
}

/// Writes or removes the caller's note on somebody.
pub async fn write_note(
    app: &App,
    actor: Actor,
    about: UserId,
    form: Checked<WriteNote>,
) -> Result<(), ActionError> {
    actor.session()?;
    let user = actor.user;
    app.store
        .write(move |tx| -> Result<(), ActionError> {
            if !tx.has::<Users>(&about)? {
                return Err(Fault::UnknownUser.into());
            }
            let note = form.get()?.note.clone().unwrap_or_default();
            let by = tx.own(user);
            if note.is_empty() {
                tx.delete::<Notes>(&by, &(user, about))?;
            } else {
                tx.put::<Notes>(&by, &(user, about), &TextRow { text: note.clone() })?;
            }
            tx.emit(Audience::User(user), Dispatch::UserNoteUpdate(json!({ "id": about, "note": note })));
            Ok(())
        })
        .await
}
