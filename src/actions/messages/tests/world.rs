//! A small guild: an owner, a moderator, two members, a bot, and a handful of channels.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use redb::backends::InMemoryBackend;
use serde_json::Value;

use crate::actions::actor::{Actor, ActorKind};
use crate::actions::error::{ActionError, Fault};
use crate::app::App;
use crate::config::Config;
use crate::logic::form::{self, Checked, Form, FormError};
use crate::model::{
    AuthSessionId, ChannelId, ChannelKind, Dispatch, Event, GuildId, Message, MessageId, Overwrite,
    OverwriteTarget, Permissions, RoleId, UserId,
};
use crate::store::*;

/// When every test begins, milliseconds of Unix time.
pub const START_MS: u64 = 1_800_000_000_000;
pub const GUILD: GuildId = GuildId::new(1_000);
pub const GENERAL: ChannelId = ChannelId::new(2_001);
pub const MUTED: ChannelId = ChannelId::new(2_002);
pub const HIDDEN: ChannelId = ChannelId::new(2_003);
pub const CATEGORY: ChannelId = ChannelId::new(2_004);
pub const FORUM: ChannelId = ChannelId::new(2_005);
pub const NO_HISTORY: ChannelId = ChannelId::new(2_006);
pub const DM: ChannelId = ChannelId::new(2_007);
pub const BOT_DM: ChannelId = ChannelId::new(2_008);
pub const GROUP: ChannelId = ChannelId::new(2_009);
pub const MODS: RoleId = RoleId::new(3_001);
pub const PINGABLE: RoleId = RoleId::new(3_002);

pub struct World {
    pub app: App,
    told: Arc<Mutex<Vec<Event>>>,
    clock: Arc<AtomicU64>,
    _directory: tempfile::TempDir,
}

fn person(id: u64) -> Actor {
    Actor { user: UserId::new(id), kind: ActorKind::Human { session: AuthSessionId::new(id) } }
}

pub fn owner() -> Actor {
    person(10)
}
/// Holds every right of a moderator.
pub fn mia() -> Actor {
    person(11)
}
pub fn ann() -> Actor {
    person(12)
}
/// In the role that everybody may mention.
pub fn bob() -> Actor {
    person(13)
}
/// In no guild.
pub fn eve() -> Actor {
    person(14)
}
pub fn bot() -> Actor {
    Actor { user: UserId::new(15), kind: ActorKind::Bot { application: UserId::new(15).cast() } }
}

fn everyone() -> Permissions {
    Permissions::from_bits(
        (Permissions::DEFAULT_EVERYONE.bits() & !Permissions::MENTION_EVERYONE.bits())
            | Permissions::SEND_TTS_MESSAGES.bits(),
    )
}

fn without(denied: Permissions) -> Vec<Overwrite> {
    let target = OverwriteTarget::Role(GUILD.cast());
    vec![Overwrite { target, allow: Permissions::NONE, deny: denied }]
}

impl World {
    pub async fn new() -> Self {
        Self::with(Config::default()).await
    }

    pub async fn with(config: Config) -> Self {
        let told: Arc<Mutex<Vec<Event>>> = Arc::default();
        let clock = Arc::new(AtomicU64::new(START_MS));
        let (heard, read) = (told.clone(), clock.clone());
        let options = Options { clock: Arc::new(move || read.load(Ordering::SeqCst)), ..Options::default() };
        let opened = Store::open_with_backend(InMemoryBackend::new(), options).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let app = App::for_test_on(config, &directory, opened, move |batch| {
            heard.lock().unwrap().extend(batch.events.iter().cloned());
        });
        let world = Self { app, told, clock, _directory: directory };
        world.change(seed).await;
        world
    }

    /// Writes rows as the server itself.
    pub async fn change(&self, work: impl Fn(&mut Tx<'_>) -> Result<(), StoreError> + Send + 'static) {
        self.app.store.write::<_, StoreError, _>(move |tx| work(tx)).await.unwrap();
        self.told();
    }

    pub async fn change_channel(&self, id: ChannelId, change: impl Fn(&mut ChannelRow) + Send + 'static) {
        self.change(move |tx| {
            let mut row = tx.get::<Channels>(&id)?.unwrap();
            change(&mut row);
            tx.put::<Channels>(&tx.internal(), &id, &row)
        })
        .await;
    }

    pub async fn change_guild(&self, change: impl Fn(&mut GuildRow) + Send + 'static) {
        self.change(move |tx| {
            let mut row = tx.get::<Guilds>(&GUILD)?.unwrap();
            change(&mut row);
            tx.put::<Guilds>(&tx.internal(), &GUILD, &row)
        })
        .await;
    }

    pub fn read<T>(&self, look: impl FnOnce(&View<'static>) -> Result<T, StoreError>) -> T {
        self.app.store.read(look).unwrap()
    }

    pub fn row(&self, channel: ChannelId, id: MessageId) -> Option<MessageRow> {
        self.read(|view| view.get::<Messages>(&(channel, id)))
    }

    /// Lets time pass.
    pub fn wait_s(&self, seconds: u64) {
        self.clock.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    pub fn now_ms(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    /// What was told since the last question.
    pub fn told(&self) -> Vec<Event> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    /// Names of the dispatches since the last question.
    pub fn told_names(&self) -> Vec<&'static str> {
        self.dispatches().iter().map(Dispatch::name).collect()
    }

    pub fn dispatches(&self) -> Vec<Dispatch> {
        let dispatch = |event| match event {
            Event::Dispatch(_, dispatch) => Some(dispatch),
            _ => None,
        };
        self.told().into_iter().filter_map(dispatch).collect()
    }

    pub async fn try_post(
        &self,
        actor: Actor,
        channel: ChannelId,
        body: Value,
    ) -> Result<Arc<Message>, ActionError> {
        super::super::post(&self.app, actor, channel, checked(body), Vec::new()).await
    }

    pub async fn post(&self, actor: Actor, channel: ChannelId, body: Value) -> Arc<Message> {
        self.try_post(actor, channel, body).await.unwrap()
    }

    /// Posts a text and gives its id; what was told is forgotten.
    pub async fn say(&self, actor: Actor, channel: ChannelId, text: &str) -> MessageId {
        let id = self.post(actor, channel, serde_json::json!({ "content": text })).await.id;
        self.told();
        id
    }
}

pub fn checked<F: Form>(body: Value) -> Checked<F> {
    Checked::from(form::read_value(&body).map_err(FormError::Fields))
}

/// The fault of a refusal.
pub fn fault<T: std::fmt::Debug>(answer: Result<T, ActionError>) -> Fault {
    match answer.unwrap_err() {
        ActionError::Fault(fault) => fault,
        other => panic!("another error: {other:?}"),
    }
}

/// The first leaf code under a field of a refused form.
pub fn leaf<T: std::fmt::Debug>(answer: Result<T, ActionError>, field: &str) -> &'static str {
    match answer.unwrap_err() {
        ActionError::Form(FormError::Fields(tree)) => tree.below(field).unwrap().here()[0].code,
        other => panic!("another error: {other:?}"),
    }
}

fn seed(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let server = tx.internal();
    for (actor, name) in
        [(owner(), "olga"), (mia(), "mia"), (ann(), "ann"), (bob(), "bob"), (eve(), "eve"), (bot(), "helper")]
    {
        let row = UserRow { username: name.to_owned(), bot: actor.is_bot(), ..UserRow::default() };
        tx.put::<Users>(&server, &actor.user, &row)?;
    }
    tx.put::<Applications>(&server, &bot().user.cast(), &ApplicationRow::default())?;
    let guild = GuildRow { name: "Home".to_owned(), owner: owner().user, ..GuildRow::default() };
    tx.put::<Guilds>(&server, &GUILD, &guild)?;
    let role = |permissions, mentionable| RoleRow { permissions, mentionable, ..RoleRow::default() };
    tx.put::<Roles>(&server, &(GUILD, GUILD.cast()), &role(everyone(), false))?;
    let mods = Permissions::MANAGE_MESSAGES
        | Permissions::PIN_MESSAGES
        | Permissions::MENTION_EVERYONE
        | Permissions::BYPASS_SLOWMODE
        | Permissions::BAN_MEMBERS;
    tx.put::<Roles>(&server, &(GUILD, MODS), &RoleRow { position: 2, ..role(mods, false) })?;
    tx.put::<Roles>(&server, &(GUILD, PINGABLE), &RoleRow { position: 1, ..role(Permissions::NONE, true) })?;
    let joined_ms = START_MS - 3_600_000;
    for (actor, roles) in
        [(owner(), vec![]), (mia(), vec![MODS]), (ann(), vec![]), (bob(), vec![PINGABLE]), (bot(), vec![])]
    {
        let row = MemberRow { roles, joined_ms, ..MemberRow::default() };
        tx.put::<Members>(&server, &(GUILD, actor.user), &row)?;
        tx.put::<UserGuilds>(&server, &(actor.user, GUILD), &())?;
    }
    let view = Permissions::VIEW_CHANNEL;
    for (id, kind, overwrites) in [
        (GENERAL, ChannelKind::Text, vec![]),
        (MUTED, ChannelKind::Text, without(Permissions::SEND_MESSAGES)),
        (HIDDEN, ChannelKind::Text, without(view)),
        (CATEGORY, ChannelKind::Category, vec![]),
        (FORUM, ChannelKind::Forum, vec![]),
        (NO_HISTORY, ChannelKind::Text, without(Permissions::READ_MESSAGE_HISTORY)),
    ] {
        let row = ChannelRow { kind, guild: Some(GUILD), overwrites, ..ChannelRow::default() };
        tx.put::<Channels>(&server, &id, &row)?;
        tx.put::<GuildChannels>(&server, &(GUILD, id), &())?;
    }
    for (id, kind, people) in [
        (DM, ChannelKind::Dm, vec![ann(), bob()]),
        (BOT_DM, ChannelKind::Dm, vec![ann(), bot()]),
        (GROUP, ChannelKind::GroupDm, vec![ann(), bob(), eve()]),
    ] {
        let recipients: Vec<UserId> = people.iter().map(|actor| actor.user).collect();
        for recipient in &recipients {
            let open = *recipient == ann().user;
            // No strangers to each other.
            let listed = UserDmRow { open, accepted: kind == ChannelKind::Dm, ..UserDmRow::default() };
            tx.put::<UserDms>(&server, &(*recipient, id), &listed)?;
        }
        tx.put::<Channels>(&server, &id, &ChannelRow { kind, recipients, ..ChannelRow::default() })?;
        tx.put::<ChannelStates>(&server, &id, &ChannelStateRow::default())?;
    }
    Ok(())
}
