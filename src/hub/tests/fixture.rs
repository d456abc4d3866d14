//! A world of a few people and channels, the commits that change it, and clients that take what they are told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use serde_json::{Value, json};

use crate::hub::lifecycle::{Activated, Activation};
use crate::hub::presence::{ClientInfo, ClientKind, Showing};
use crate::hub::session::{Auth, Connection, Next, Owner};
use crate::hub::state::{Now, State};
use crate::logic::intents::Intents;
use crate::logic::session::Packet;
use crate::model::*;

pub const GUILD: GuildId = GuildId::new(1);
pub const OWNER: UserId = UserId::new(100);
pub const ALICE: UserId = UserId::new(101);
pub const BOB: UserId = UserId::new(102);
pub const BOT: UserId = UserId::new(200);
pub const CATEGORY: ChannelId = ChannelId::new(10);
pub const GENERAL: ChannelId = ChannelId::new(11);
pub const SECRET: ChannelId = ChannelId::new(12);
pub const VOICE: ChannelId = ChannelId::new(13);
pub const STAFF: RoleId = RoleId::new(50);
pub const BOT_ROLE: RoleId = RoleId::new(51);

pub fn user(id: UserId) -> Arc<User> {
    Arc::new(User {
        id,
        username: format!("user{id}"),
        discriminator: "0",
        global_name: None,
        avatar: None,
        banner: None,
        accent_color: None,
        bot: id.get() >= 200,
        public_flags: 0,
        avatar_decoration_data: None,
    })
}

pub fn member(id: UserId, roles: &[RoleId]) -> Member {
    Member {
        user: Some(user(id)),
        nick: None,
        avatar: None,
        banner: None,
        roles: roles.to_vec(),
        joined_at: Timestamp(0),
        premium_since: None,
        deaf: false,
        mute: false,
        flags: 0,
        pending: false,
        communication_disabled_until: None,
    }
}

pub fn role(id: RoleId, permissions: Permissions) -> Arc<Role> {
    Arc::new(Role {
        id,
        name: format!("role{id}"),
        color: 0,
        colors: RoleColors { primary_color: 0, secondary_color: None, tertiary_color: None },
        hoist: false,
        icon: None,
        unicode_emoji: None,
        position: u32::from(id != GUILD.cast()),
        permissions,
        managed: id == BOT_ROLE,
        mentionable: false,
        flags: 0,
        tags: (id == BOT_ROLE).then_some(RoleTags { bot_id: BOT }),
    })
}

pub fn channel(id: ChannelId, kind: ChannelKind, overwrites: Vec<Overwrite>) -> Channel {
    Channel {
        id,
        kind,
        guild_id: Some(GUILD),
        name: Some(Some(format!("channel{id}"))),
        permission_overwrites: Some(overwrites),
        parent_id: Some((kind != ChannelKind::Category).then_some(CATEGORY)),
        last_message_id: Some(None),
        ..Channel::default()
    }
}

pub fn overwrite(target: OverwriteTarget, allow: Permissions, deny: Permissions) -> Overwrite {
    Overwrite { target, allow, deny }
}

pub fn hide_from_everyone() -> Overwrite {
    overwrite(OverwriteTarget::Role(GUILD.cast()), Permissions::NONE, Permissions::VIEW_CHANNEL)
}

pub fn show_to(role: RoleId) -> Overwrite {
    overwrite(OverwriteTarget::Role(role), Permissions::VIEW_CHANNEL, Permissions::NONE)
}

/// What the store would hold.
pub struct World {
    pub commit: u64,
    pub owner: UserId,
    pub afk: Option<(ChannelId, u32)>,
    pub roles: BTreeMap<RoleId, Arc<Role>>,
    pub channels: BTreeMap<ChannelId, Arc<Channel>>,
    pub members: BTreeMap<UserId, Member>,
    /// What was posted, by channel, oldest first.
    pub posts: BTreeMap<ChannelId, Vec<MessageId>>,
}

impl Default for World {
    /// GENERAL and VOICE for all, SECRET for STAFF, all in CATEGORY; everybody is a member, nobody is staff.
    fn default() -> Self {
        let everyone = Permissions::DEFAULT_EVERYONE;
        let roles =
            [role(GUILD.cast(), everyone), role(STAFF, Permissions::NONE), role(BOT_ROLE, Permissions::NONE)];
        let channels = [
            channel(CATEGORY, ChannelKind::Category, vec![]),
            channel(GENERAL, ChannelKind::Text, vec![]),
            channel(SECRET, ChannelKind::Text, vec![hide_from_everyone(), show_to(STAFF)]),
            channel(VOICE, ChannelKind::Voice, vec![]),
        ];
        let members = [member(OWNER, &[]), member(ALICE, &[]), member(BOB, &[]), member(BOT, &[BOT_ROLE])];
        Self {
            commit: 0,
            owner: OWNER,
            afk: None,
            roles: roles.into_iter().map(|role| (role.id, role)).collect(),
            channels: channels.into_iter().map(|channel| (channel.id, Arc::new(channel))).collect(),
            members: members.into_iter().map(|member| (member.user.as_ref().unwrap().id, member)).collect(),
            posts: BTreeMap::new(),
        }
    }
}

impl World {
    pub fn snapshot(&self) -> Arc<GuildSnapshot> {
        Arc::new(GuildSnapshot {
            id: GUILD,
            owner_id: self.owner,
            afk: self.afk,
            roles: self.roles.values().cloned().collect(),
            channels: self.channels.keys().map(|id| self.channel(*id)).collect(),
            member_count: self.members.len() as u64,
        })
    }

    /// A channel with its newest message.
    pub fn channel(&self, id: ChannelId) -> Arc<Channel> {
        let mut channel = self.channels[&id].clone();
        Arc::make_mut(&mut channel).last_message_id =
            Some(self.posts.get(&id).and_then(|posts| posts.last()).copied());
        channel
    }

    pub fn activation(&self, user: UserId) -> Activation {
        Activation {
            commit: self.commit,
            ready: vec![Packet::of("READY", "{}")],
            memberships: self.members.get(&user).map(|member| (GUILD, member.clone())).into_iter().collect(),
            large: Vec::new(),
            guilds: vec![self.snapshot()],
            peers: Vec::new(),
            showing: Showing::default(),
        }
    }
}

/// The hub, the world it serves, and the time.
pub struct Rig {
    pub state: State,
    pub world: World,
    pub now: Now,
    /// Batches that are committed and not told yet; `None` tells each at once.
    pub untold: Option<VecDeque<Batch>>,
    /// Whether what is committed joins the last batch.
    pub is_joined: bool,
    sessions: u64,
    messages: u64,
}

impl Rig {
    pub fn new() -> Self {
        let state = State::new(256 << 20, Arc::default(), Default::default(), Arc::default());
        Self {
            state,
            world: World::default(),
            now: Now { unix_ms: 1_000_000, up_ms: 100_000 },
            untold: None,
            is_joined: false,
            sessions: 0,
            messages: 1_000,
        }
    }

    pub fn pass(&mut self, ms: u64) {
        self.now = Now { unix_ms: self.now.unix_ms + ms, up_ms: self.now.up_ms + ms };
        self.state.depart(self.now);
        self.state.tick(self.now);
    }

    pub fn attach(&mut self, owner: Owner) -> Client {
        self.sessions += 1;
        let connection =
            self.state.attach(self.now, format!("session{}", self.sessions).into(), owner).unwrap();
        Client { connection, last_seq: 0 }
    }

    pub fn activate(&mut self, client: &Client, activation: Activation) -> Activated {
        self.state.activate(self.now, client.connection.session().key, activation)
    }

    /// A live session that has taken its READY.
    pub fn connect(&mut self, owner: Owner) -> Client {
        let user = owner.user;
        let mut client = self.attach(owner);
        let activation = self.world.activation(user);
        assert_eq!(self.activate(&client, activation), Activated::Live);
        assert_eq!(client.names()[0], "READY");
        client
    }

    /// A live session after whose coming everybody has settled and forgotten it.
    pub fn settle(&mut self, clients: &mut [&mut Client]) {
        self.pass(1_000);
        clients.iter_mut().for_each(|client| _ = client.take());
    }

    /// Commits events in one batch.
    pub fn commit(&mut self, events: Vec<Event>) {
        if self.is_joined {
            self.untold.as_mut().and_then(VecDeque::back_mut).unwrap().events.extend(events);
            return;
        }
        self.world.commit += 1;
        let batch = Batch { commit: self.world.commit, events };
        match &mut self.untold {
            Some(untold) => untold.push_back(batch),
            None => self.state.publish(self.now, batch),
        }
    }

    pub fn dispatch(&mut self, audience: Audience, dispatch: Dispatch) {
        self.commit(vec![Event::Dispatch(audience, dispatch)]);
    }

    pub fn message(&mut self, channel: ChannelId, author: UserId, content: &str) -> Message {
        self.messages += 1;
        Message {
            id: MessageId::new(self.messages),
            channel_id: channel,
            author: user(author),
            content: content.into(),
            timestamp: Timestamp(0),
            edited_timestamp: None,
            tts: false,
            mention_everyone: false,
            mentions: Vec::new(),
            mention_roles: Vec::new(),
            attachments: Vec::new(),
            sticker_items: Vec::new(),
            embeds: Vec::new(),
            components: Vec::new(),
            reactions: Vec::new(),
            pinned: false,
            kind: 0,
            flags: 0,
            webhook_id: None,
            application_id: None,
            message_reference: None,
            referenced_message: None,
            nonce: None,
        }
    }

    pub fn post(&mut self, message: Message) {
        let channel = message.channel_id;
        self.world.posts.entry(channel).or_default().push(message.id);
        let event = message_event(message);
        self.dispatch(Audience::Channel(GUILD, channel), Dispatch::MessageCreate(event));
    }

    pub fn say(&mut self, channel: ChannelId, author: UserId, content: &str) {
        let message = self.message(channel, author, content);
        self.post(message);
    }

    pub fn set_channel(&mut self, channel: Channel) {
        self.world.channels.insert(channel.id, channel.clone().into());
        let channel = self.world.channel(channel.id);
        self.dispatch(Audience::Channel(GUILD, channel.id), Dispatch::ChannelUpdate(channel));
    }

    pub fn create_channel(&mut self, channel: Channel) {
        let channel = Arc::new(channel);
        self.world.channels.insert(channel.id, channel.clone());
        self.dispatch(Audience::Channel(GUILD, channel.id), Dispatch::ChannelCreate(channel));
    }

    pub fn delete_channel(&mut self, id: ChannelId) {
        let channel = self.world.channels.remove(&id).unwrap();
        self.world.posts.remove(&id);
        self.dispatch(Audience::Channel(GUILD, id), Dispatch::ChannelDelete(channel));
    }

    pub fn set_role(&mut self, id: RoleId, permissions: Permissions) {
        self.world.roles.insert(id, role(id, permissions));
        let event = RoleEvent { guild_id: GUILD, role: role(id, permissions) };
        self.dispatch(Audience::Guild(GUILD), Dispatch::RoleUpdate(event));
    }

    pub fn delete_role(&mut self, id: RoleId) {
        self.world.roles.remove(&id);
        self.world.members.values_mut().for_each(|member| member.roles.retain(|role| *role != id));
        let event = RoleDeleted { guild_id: GUILD, role_id: id };
        self.dispatch(Audience::Guild(GUILD), Dispatch::RoleDelete(event));
    }

    pub fn set_member(&mut self, member: Member) {
        self.world.members.insert(member.user.as_ref().unwrap().id, member.clone());
        let event = MemberEvent { guild_id: GUILD, member };
        self.dispatch(Audience::Guild(GUILD), Dispatch::MemberUpdate(event));
    }

    pub fn give_roles(&mut self, id: UserId, roles: &[RoleId]) {
        self.set_member(member(id, roles));
    }

    pub fn remove(&mut self, id: UserId) {
        self.world.members.remove(&id);
        let gone = UnavailableGuild { id: GUILD, unavailable: None };
        let left = GuildUser { guild_id: GUILD, user: user(id) };
        self.commit(vec![
            Event::Dispatch(Audience::User(id), Dispatch::GuildDelete(gone)),
            Event::Dispatch(Audience::Guild(GUILD), Dispatch::MemberRemove(left)),
        ]);
    }

    pub fn join(&mut self, id: UserId) {
        let joined = member(id, &[]);
        self.world.members.insert(id, joined.clone());
        let create = Dispatch::GuildCreate(Box::new(guild_create(&self.world, joined.clone())));
        let event = MemberEvent { guild_id: GUILD, member: joined };
        self.commit(vec![
            Event::GuildState(self.world.snapshot()),
            Event::Dispatch(Audience::Guild(GUILD), Dispatch::MemberAdd(event)),
            Event::Dispatch(Audience::User(id), create),
        ]);
    }
}

pub fn message_event(message: Message) -> MessageEvent {
    MessageEvent {
        message: Arc::new(message),
        guild_id: Some(GUILD),
        member: None,
        channel_type: ChannelKind::Text,
    }
}

pub fn guild(world: &World) -> Guild {
    Guild {
        id: GUILD,
        name: "guild".into(),
        icon: None,
        splash: None,
        discovery_splash: None,
        banner: None,
        description: None,
        owner_id: world.owner,
        region: None,
        afk_channel_id: None,
        afk_timeout: 300,
        widget_enabled: false,
        widget_channel_id: None,
        verification_level: 0,
        default_message_notifications: 0,
        explicit_content_filter: 0,
        roles: world.roles.values().cloned().collect(),
        emojis: Vec::new(),
        stickers: Vec::new(),
        features: Vec::new(),
        mfa_level: 0,
        application_id: None,
        system_channel_id: None,
        system_channel_flags: 0,
        rules_channel_id: None,
        public_updates_channel_id: None,
        safety_alerts_channel_id: None,
        max_presences: None,
        max_members: 500_000,
        max_video_channel_users: 25,
        max_stage_video_channel_users: 50,
        vanity_url_code: None,
        premium_tier: 3,
        premium_subscription_count: 0,
        premium_progress_bar_enabled: false,
        preferred_locale: "en-US".into(),
        nsfw_level: 0,
        nsfw: false,
        incidents_data: None,
        approximate_member_count: None,
        approximate_presence_count: None,
    }
}

fn guild_create(world: &World, member: Member) -> GuildCreate {
    let user = member.user.as_ref().unwrap().id;
    GuildCreate {
        guild: guild(world),
        joined_at: Timestamp(0),
        large: false,
        unavailable: None,
        member_count: world.members.len() as u64,
        members: vec![member],
        channels: super::simulator::visible(world, user)
            .into_iter()
            .map(|id| world.channel(id))
            .collect::<Vec<_>>()
            .into(),
        threads: Vec::new(),
        presences: Vec::new(),
        voice_states: Vec::new(),
        stage_instances: Vec::new(),
        guild_scheduled_events: Vec::new(),
        soundboard_sounds: Vec::new(),
    }
}

pub fn person(user: UserId) -> Owner {
    Owner {
        user,
        auth: Auth::Person(AuthSessionId::new(user.get() + 1_000)),
        intents: Intents::ALL,
        shard: None,
        capabilities: 0,
        client: ClientInfo { kind: ClientKind::Web, os: "linux".into(), version: 0 },
    }
}

pub fn bot(intents: Intents) -> Owner {
    Owner { auth: Auth::Bot(BOT.cast()), intents, ..person(BOT) }
}

/// A socket that takes all it is told.
pub struct Client {
    pub connection: Connection,
    pub last_seq: u64,
}

impl Client {
    /// What the session has to say next, without waiting.
    pub fn poll(&mut self) -> Option<(Next, Vec<(u64, Packet)>)> {
        let mut out = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        match self.connection.poll_next(&mut cx, usize::MAX, usize::MAX, &mut out) {
            Poll::Ready(next) => Some((next, out)),
            Poll::Pending => None,
        }
    }

    /// Takes all that waits, checking that numbers rise by one.
    pub fn take(&mut self) -> Vec<(&'static str, Value)> {
        let Some((next, events)) = self.poll() else { return Vec::new() };
        assert_eq!(next, Next::Events { is_more: false });
        let data = |(seq, packet): (u64, Packet)| {
            self.last_seq += 1;
            assert_eq!(seq, self.last_seq);
            let text = format!("{{{}", std::str::from_utf8(packet.text()).unwrap());
            let mut whole: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(whole["t"], json!(packet.name()));
            (packet.name(), whole["d"].take())
        };
        events.into_iter().map(data).collect()
    }

    pub fn names(&mut self) -> Vec<&'static str> {
        self.take().into_iter().map(|(name, _)| name).collect()
    }

    /// Names with the channel each is about.
    pub fn about(&mut self) -> Vec<(&'static str, String)> {
        let channel =
            |data: &Value| data.get("channel_id").or(data.get("id")).unwrap_or(&Value::Null).to_string();
        self.take()
            .into_iter()
            .map(|(name, data)| (name, channel(&data).trim_matches('"').to_owned()))
            .collect()
    }

    /// With what the hub closes the connection, without taking events.
    pub fn closes_with(&mut self) -> Option<u16> {
        let mut cx = Context::from_waker(Waker::noop());
        match self.connection.poll_next(&mut cx, 0, 0, &mut Vec::new()) {
            Poll::Ready(Next::Close(close)) => Some(close.code.number()),
            _ => None,
        }
    }
}
