//! What a person sets for themself: the settings object, notification settings per guild, notes, client preferences.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::actor::Actor;
use super::error::{ActionError, Fault};
use crate::app::App;
use crate::logic::content;
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::{json_value, text};
use crate::logic::form::{Checked, FaultTree, Fields, Form};
use crate::model::settings::with;
use crate::model::{
    Audience, ChannelOverride, Dispatch, FriendSources, GuildId, NoteUpdate, SettingsChange,
    UserGuildSettings, UserId, UserSettings,
};
use crate::store::{self, JsonRow, Members, Notes, Order, Prefs, StoreError, TextRow, Tx, Users, View};

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

fn parse(row: Option<JsonRow>) -> Map<String, Value> {
    row.and_then(|row| serde_json::from_str(&row.json).ok()).unwrap_or_default()
}

/// Stored keys over `settings`. One that an earlier version took and this one does not is as if it were not there.
fn over<T: Serialize + DeserializeOwned>(settings: T, stored: Map<String, Value>) -> T {
    stored.into_iter().fold(settings, |all, (key, value)| with(&all, &key, value).unwrap_or(all))
}

/// Those of `changes` that are among `settings`, each as it is kept.
///
/// # Errors
/// A fault on each key whose setting does not take the value.
fn checked<T: Serialize + DeserializeOwned>(
    settings: &T,
    changes: &Map<String, Value>,
) -> Result<Map<String, Value>, FaultTree> {
    let known = json!(settings);
    let (mut kept, mut faults) = (Map::new(), FaultTree::default());
    for (key, value) in changes.iter().filter(|(key, _)| known.get(*key).is_some()) {
        match with(settings, key, value.clone()) {
            Some(changed) => drop(kept.insert(key.clone(), json!(changed)[key].take())),
            None => faults.add(key, other_value()),
        }
    }
    if faults.is_empty() { Ok(kept) } else { Err(faults) }
}

fn other_value() -> FieldFault {
    FieldFault::new("BASE_TYPE_CHOICES", "This value is not one of those this setting takes.")
}

/// The settings of an account: what was set, over the defaults.
pub fn settings_of(view: &View<'_>, user: UserId) -> Result<UserSettings, StoreError> {
    Ok(over(UserSettings::default(), parse(view.get::<store::UserSettings>(&user)?)))
}

/// Whether an account wants cards for links.
pub fn wants_embeds(view: &View<'_>, user: UserId) -> Result<bool, StoreError> {
    let own = parse(view.get::<store::UserSettings>(&user)?);
    Ok(own.get("render_embeds").and_then(Value::as_bool).unwrap_or(true))
}

/// Who may ask an account to be a friend, by its settings.
pub fn friend_sources(view: &View<'_>, user: UserId) -> Result<FriendSources, StoreError> {
    Ok(settings_of(view, user)?.friend_source_flags)
}

/// Whether an account takes direct messages of a guild's members, by its settings.
pub fn takes_messages_of(view: &View<'_>, user: UserId, guild: GuildId) -> Result<bool, StoreError> {
    let own = parse(view.get::<store::UserSettings>(&user)?);
    let restricted = own.get("restricted_guilds").and_then(Value::as_array);
    Ok(!restricted.into_iter().flatten().any(|id| is_id(id, guild)))
}

/// Most guilds that are restricted for a newcomer's sake; more are open until they are restricted by hand.
const MAX_RESTRICTED: usize = 1_000;

/// Restricts a guild that somebody just joined, if they want that of every new one, and tells their sessions.
pub(super) fn restrict_new_guild(tx: &mut Tx<'_>, user: UserId, guild: GuildId) -> Result<(), StoreError> {
    let Some(row) = tx.get::<store::UserSettings>(&user)? else { return Ok(()) };
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
    let changed = Map::from_iter([("restricted_guilds".to_owned(), json!(restricted))]);
    let row = JsonRow { json: Value::Object(own).to_string() };
    tx.put::<store::UserSettings>(&tx.own(user), &user, &row)?;
    tx.emit(Audience::User(user), Dispatch::UserSettingsUpdate(SettingsChange(changed)));
    Ok(())
}

fn is_id(value: &Value, id: GuildId) -> bool {
    match value {
        Value::String(text) => text.parse() == Ok(id.get()),
        _ => value.as_u64() == Some(id.get()),
    }
}

/// The caller's settings.
pub fn get(app: &App, actor: Actor) -> Result<UserSettings, ActionError> {
    actor.session()?;
    Ok(app.store.read(|view| settings_of(view, actor.user))?)
}

/// Most bytes of a theme's or a language's name.
const MAX_NAME_BYTES: usize = 64;

/// Changes keys of the caller's settings; unknown keys are dropped.
///
/// # Errors
/// A fault on each key whose setting does not take the value.
pub async fn edit(app: &App, actor: Actor, form: Checked<AnyObject>) -> Result<UserSettings, ActionError> {
    actor.session()?;
    let user = actor.user;
    let changes = checked(&UserSettings::default(), &form.take()?.0)?;
    for (key, value) in &changes {
        if value.as_str().is_some_and(|text| text.len() > MAX_NAME_BYTES || text == "offline") {
            return Err(ActionError::field(key, other_value()));
        }
    }
    app.store
        .write(move |tx| -> Result<UserSettings, ActionError> {
            let mut own = parse(tx.get::<store::UserSettings>(&user)?);
            own.extend(changes.clone());
            let row = bounded(&own)?;
            tx.put::<store::UserSettings>(&tx.own(user), &user, &row)?;
            tx.emit(Audience::User(user), Dispatch::UserSettingsUpdate(SettingsChange(changes.clone())));
            Ok(settings_of(tx, user)?)
        })
        .await
}

/// Locale and theme of an account, which a login answers.
pub fn of_login(app: &App, user: UserId) -> Result<(String, String), ActionError> {
    let settings = app.store.read(|view| settings_of(view, user))?;
    Ok((settings.locale, settings.theme))
}

fn bounded(map: &Map<String, Value>) -> Result<JsonRow, ActionError> {
    let json = serde_json::to_string(map).map_err(ActionError::internal)?;
    if json.len() > MAX_SETTINGS_BYTES {
        return Err(Fault::BodyTooLarge.into());
    }
    Ok(JsonRow { json })
}

/// The caller's client preferences.
pub fn prefs(app: &App, actor: Actor) -> Result<Map<String, Value>, ActionError> {
    actor.session()?;
    Ok(parse(app.store.read(|view| view.get::<Prefs>(&actor.user))?))
}

/// Merges top-level keys into the caller's client preferences; `null` removes one.
pub async fn edit_prefs(
    app: &App,
    actor: Actor,
    form: Checked<AnyObject>,
) -> Result<Map<String, Value>, ActionError> {
    actor.session()?;
    let user = actor.user;
    let AnyObject(changes) = form.take()?;
    app.store
        .write(move |tx| -> Result<Map<String, Value>, ActionError> {
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
            tx.emit(Audience::User(user), Dispatch::PrefsUpdate(changes.clone()));
            Ok(own)
        })
        .await
}

/// Notification settings of an account, one object per guild that has any.
pub fn guild_settings_of(view: &View<'_>, user: UserId) -> Result<Vec<UserGuildSettings>, StoreError> {
    let rows = view.list::<store::UserGuildSettings>(&user, None, Order::Ascending, 1_000)?;
    Ok(rows.into_iter().map(|((_, guild), row)| shown_guild_settings(guild, parse(Some(row)))).collect())
}

/// The key under which the settings of channels are kept, as an object by their ids.
const OVERRIDES: &str = "channel_overrides";

fn shown_guild_settings(guild: GuildId, mut own: Map<String, Value>) -> UserGuildSettings {
    let kept = own.remove(OVERRIDES);
    let kept = kept.as_ref().and_then(Value::as_object).into_iter().flatten();
    let channel_overrides = kept
        .filter_map(|(channel, own)| {
            Some(over(ChannelOverride::of(channel.parse().ok()?), own.as_object()?.clone()))
        })
        .collect();
    let guild = (guild.get() != 0).then_some(guild);
    UserGuildSettings { channel_overrides, ..over(UserGuildSettings::of(guild), own) }
}

/// Changes notification settings of a guild, or of DMs (guild 0).
pub async fn edit_guild_settings(
    app: &App,
    actor: Actor,
    guild: GuildId,
    form: Checked<AnyObject>,
) -> Result<UserGuildSettings, ActionError> {
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
) -> Result<Vec<UserGuildSettings>, ActionError> {
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
) -> Result<UserGuildSettings, ActionError> {
    let mut own = parse(tx.get::<store::UserGuildSettings>(&(user, guild))?);
    let mut changes = changes.clone();
    changes.retain(|key, _| key != "guild_id" && key != "version");
    if let Some(Value::Object(overrides)) = changes.remove(OVERRIDES) {
        merge_overrides(&mut own, &overrides)?;
    }
    own.extend(checked(&UserGuildSettings::of(None), &changes)?);
    let version = own.get("version").and_then(Value::as_u64).unwrap_or(0);
    own.insert("version".to_owned(), Value::from(version + 1));
    let row = bounded(&own)?;
    tx.put::<store::UserGuildSettings>(&tx.own(user), &(user, guild), &row)?;
    let shown = shown_guild_settings(guild, own);
    tx.emit(Audience::User(user), Dispatch::UserGuildSettingsUpdate(Box::new(shown.clone())));
    Ok(shown)
}

fn merge_overrides(own: &mut Map<String, Value>, changes: &Map<String, Value>) -> Result<(), ActionError> {
    let slot = own.entry(OVERRIDES).or_insert_with(|| json!({}));
    let Some(slot) = slot.as_object_mut() else { return Ok(()) };
    for (channel, settings) in changes {
        let (Ok(id), Some(settings)) = (channel.parse(), settings.as_object()) else { continue };
        let mut settings = settings.clone();
        settings.remove("channel_id");
        let kept = checked(&ChannelOverride::of(id), &settings)
            .map_err(|faults| below(OVERRIDES, below(channel, faults)))?;
        let held = slot.entry(channel.clone()).or_insert_with(|| json!({}));
        if let Some(held) = held.as_object_mut() {
            held.extend(kept);
        }
    }
    Ok(())
}

fn below(name: &str, faults: FaultTree) -> FaultTree {
    let mut tree = FaultTree::default();
    tree.merge_below(name.to_owned(), faults);
    tree
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
            tx.emit(Audience::User(user), Dispatch::UserNoteUpdate(NoteUpdate { id: about, note }));
            Ok(())
        })
        .await
}
