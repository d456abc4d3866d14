//! READY and what follows it is the state (SAFETY.md §2, I-6): sessions attach at random commits, take snapshots that are ahead of
//! the hub or behind it, lose connections and resume, while roles, overwrites and memberships change. What each client has made of
//! it equals the world. A failure prints its seed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::fixture::*;
use super::lists::{Held, drowsy, looks_at};
use crate::hub::lifecycle::{Activated, Activation};
use crate::hub::passive::PASSIVE_EVERY_MS;
use crate::logic::permissions::{Standing, channel_permissions, guild_permissions};
use crate::logic::session::Packet;
use crate::logic::session::client_frame::GuildSubscription;
use crate::model::*;

/// Histories of a run; `HEARTH_SEEDS` asks for more.
const SEEDS: u64 = 150;
const STEPS: usize = 250;
const MAX_CLIENTS: usize = 5;
const PEOPLE: [UserId; 3] = [OWNER, ALICE, BOB];

/// Whether a person views a channel by its own overwrites.
fn views(world: &World, user: UserId, channel: ChannelId) -> bool {
    let alone = world.channels.get(&channel).cloned().into_iter().map(|channel| (channel.id, channel));
    let world = World {
        channels: alone.collect(),
        roles: world.roles.clone(),
        members: world.members.clone(),
        posts: BTreeMap::new(),
        ..*world
    };
    !visible(&world, user).is_empty()
}

/// What a person sees of the world: the rule without any cache.
pub fn visible(world: &World, user: UserId) -> BTreeSet<ChannelId> {
    let Some(member) = world.members.get(&user) else { return BTreeSet::new() };
    let rights = |role: &RoleId| world.roles.get(role).map(|role| role.permissions);
    let everyone = rights(&GUILD.cast()).unwrap();
    let is_owner = world.owner == user;
    let base = guild_permissions(is_owner, everyone, member.roles.iter().filter_map(rights), false, false);
    let roles = &member.roles;
    let standing = Standing {
        guild: GUILD,
        member: user,
        roles,
        base,
        is_owner,
        is_timed_out: false,
        is_pending: false,
    };
    let sees = |channel: &Channel| {
        channel_permissions(&standing, channel.permission_overwrites.as_deref().unwrap())
            .contains(Permissions::VIEW_CHANNEL)
    };
    let in_it = |id: ChannelId| world.channels.values().any(|of| of.parent_id == Some(Some(id)) && sees(of));
    world
        .channels
        .values()
        .filter(|channel| sees(channel) || in_it(channel.id))
        .map(|channel| channel.id)
        .collect()
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// A client and what it has made of what it was told: the channels it knows, each with its name and newest message.
struct Viewer {
    user: UserId,
    client: Option<Client>,
    snapshot: Option<Activation>,
    is_live: bool,
    /// Whether the guild may be passive for it.
    is_drowsy: bool,
    channels: BTreeMap<String, (Value, Value)>,
    /// The channel whose member list it looks at, and its rows.
    list: Option<(ChannelId, Held)>,
}

impl Viewer {
    fn know(&mut self, channel: &Value) {
        let id = channel["id"].as_str().unwrap().to_owned();
        self.channels.insert(id, (channel["name"].clone(), channel["last_message_id"].clone()));
    }

    fn take(&mut self, posts: &BTreeMap<String, Vec<String>>) {
        let Some(client) = &mut self.client else { return };
        if client.closes_with().is_some() {
            // Told to start over: another session is another viewer.
            self.client = None;
            return;
        }
        for (name, data) in client.take() {
            match name {
                "READY" | "GUILD_CREATE" => {
                    self.list = None;
                    self.channels.clear();
                    data["channels"].as_array().unwrap().iter().for_each(|channel| self.know(channel));
                }
                "GUILD_DELETE" => {
                    self.list = None;
                    self.channels.clear();
                }
                "CHANNEL_CREATE" => {
                    assert!(
                        !self.channels.contains_key(data["id"].as_str().unwrap()),
                        "created twice: {data}"
                    );
                    self.know(&data);
                }
                "CHANNEL_UPDATE" => {
                    let known =
                        self.channels.get_mut(data["id"].as_str().unwrap()).expect("updated, so known");
                    known.0 = data["name"].clone();
                }
                "CHANNEL_DELETE" => {
                    let id = data["id"].as_str().unwrap();
                    self.list.take_if(|(channel, _)| channel.to_string() == id);
                    self.channels.remove(id);
                }
                "PASSIVE_UPDATE_V2" => {
                    for updated in data["updated_channels"].as_array().unwrap() {
                        let id = updated["id"].as_str().unwrap();
                        let known = self.channels.get_mut(id).expect("a channel that is seen");
                        known.1 = updated["last_message_id"].clone();
                    }
                }
                "GUILD_MEMBER_LIST_UPDATE" => {
                    let (_, held) = self.list.as_mut().expect("a list of a channel that is seen");
                    held.apply(&data);
                }
                "MESSAGE_CREATE" => self.read(&data, posts),
                _ => {}
            }
        }
    }

    fn read(&mut self, message: &Value, posts: &BTreeMap<String, Vec<String>>) {
        let channel = message["channel_id"].as_str().unwrap();
        let known = self.channels.get_mut(channel).expect("a message of a channel that is seen");
        let posts = &posts[channel];
        let place = posts.iter().position(|id| message["id"] == id.as_str()).unwrap();
        let before = place.checked_sub(1).map_or(Value::Null, |before| posts[before].as_str().into());
        assert_eq!(known.1, before, "no gap and no repeat");
        known.1 = message["id"].clone();
    }
}

struct Simulation {
    random: Random,
    rig: Rig,
    viewers: Vec<Viewer>,
    /// Everything ever posted, by channel.
    posts: BTreeMap<String, Vec<String>>,
    next_channel: u64,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut rig = Rig::new();
        rig.untold = Some(VecDeque::new());
        Self { random: Random(seed), rig, viewers: Vec::new(), posts: BTreeMap::new(), next_channel: 20 }
    }

    fn run(&mut self) {
        for _ in 0..STEPS {
            match self.random.below(23) {
                0..6 => self.change(),
                6 => {
                    let before = self.rig.world.commit;
                    self.change();
                    self.rig.is_joined = self.rig.world.commit > before;
                    self.change();
                    self.change();
                    self.rig.is_joined = false;
                }
                7..13 => self.tell_one(),
                13 => self.attach(),
                14 => self.read_snapshot(),
                15..17 => self.activate(),
                17 => self.reconnect(),
                18 => self.look(),
                19 => self.rig.pass(self.random.below(600) as u64),
                20 => self.rig.pass(PASSIVE_EVERY_MS),
                _ => self.take(),
            }
        }
        while self.rig.untold.as_ref().is_some_and(|untold| !untold.is_empty()) {
            self.tell_one();
        }
        for place in 0..self.viewers.len() {
            self.come_back(place);
        }
        self.rig.pass(PASSIVE_EVERY_MS);
        self.rig.pass(PASSIVE_EVERY_MS);
        self.take_all();
        self.compare();
    }

    fn change(&mut self) {
        let channels: Vec<ChannelId> = self.rig.world.channels.keys().copied().collect();
        let channel = self.random.pick(&channels);
        let person = self.random.pick(&PEOPLE);
        match self.random.below(12) {
            0..5 => {
                // What is said in voice channels takes CONNECT beside sight; that has a test of its own.
                if channel != CATEGORY && channel != VOICE {
                    self.rig.say(channel, OWNER, "tide");
                    let id = self.rig.world.posts[&channel].last().unwrap().to_string();
                    self.posts.entry(channel.to_string()).or_default().push(id);
                }
            }
            5..7 => self.overwrite(channel),
            7 => {
                if self.rig.world.members.contains_key(&person) {
                    let roles = self.random.pick(&[&[][..], &[STAFF], &[STAFF, BOT_ROLE]]);
                    self.rig.give_roles(person, roles);
                }
            }
            8 => {
                let role = self.random.pick(&[STAFF, BOT_ROLE, GUILD.cast()]);
                let rights = [
                    Permissions::NONE,
                    Permissions::VIEW_CHANNEL,
                    Permissions::ADMINISTRATOR,
                    Permissions::SPEAK,
                ];
                let rights = self.random.pick(&rights);
                if self.rig.world.roles.contains_key(&role) {
                    self.rig.set_role(role, rights);
                }
            }
            9 => self.come_or_go(person),
            10 => self.make_or_delete(channel),
            _ => self.reorder(person),
        }
    }

    fn overwrite(&mut self, id: ChannelId) {
        let mut channel = Channel::clone(&self.rig.world.channels[&id]);
        let targets = [
            OverwriteTarget::Role(GUILD.cast()),
            OverwriteTarget::Role(STAFF),
            OverwriteTarget::Member(ALICE),
        ];
        let sides = [(true, false), (false, true), (false, false)];
        let mut overwrites = Vec::new();
        for target in targets {
            let side = |is_set: bool| if is_set { Permissions::VIEW_CHANNEL } else { Permissions::NONE };
            let (allow, deny) = self.random.pick(&sides);
            overwrites.push(overwrite(target, side(allow), side(deny)));
        }
        channel.permission_overwrites = Some(overwrites);
        channel.name = Some(Some(format!("name{}", self.random.below(1_000))));
        self.rig.set_channel(channel);
    }

    fn come_or_go(&mut self, person: UserId) {
        if !self.rig.world.members.contains_key(&person) {
            self.rig.join(person);
        } else if self.rig.world.owner != person {
            self.rig.remove(person);
        }
    }

    fn make_or_delete(&mut self, channel: ChannelId) {
        if self.random.below(2) == 0 && channel != CATEGORY {
            self.rig.delete_channel(channel);
        } else {
            self.next_channel += 1;
            let hidden = if self.random.below(2) == 0 { vec![hide_from_everyone()] } else { vec![] };
            self.rig.create_channel(channel_of(self.next_channel, hidden));
        }
    }

    fn reorder(&mut self, person: UserId) {
        let has_staff = self.rig.world.roles.contains_key(&STAFF);
        if !has_staff {
            let new = role(STAFF, Permissions::VIEW_CHANNEL);
            self.rig.world.roles.insert(STAFF, new.clone());
            let event = RoleEvent { guild_id: GUILD, role: new };
            self.rig.dispatch(Audience::Guild(GUILD), Dispatch::RoleCreate(event));
        } else if self.random.below(2) == 0 {
            self.rig.delete_role(STAFF);
        } else if self.rig.world.members.contains_key(&person) {
            self.rig.world.owner = person;
            let guild = guild(&self.rig.world);
            self.rig.dispatch(Audience::Guild(GUILD), Dispatch::GuildUpdate(guild.into()));
        }
    }

    fn tell_one(&mut self) {
        if let Some(batch) = self.rig.untold.as_mut().and_then(VecDeque::pop_front) {
            self.rig.state.publish(self.rig.now, batch);
        }
    }

    fn attach(&mut self) {
        if self.viewers.len() < MAX_CLIENTS {
            let user = self.random.pick(&PEOPLE);
            let is_drowsy = self.random.below(2) == 0;
            let owner = if is_drowsy { drowsy(user) } else { person(user) };
            let client = Some(self.rig.attach(owner));
            self.viewers.push(Viewer {
                user,
                client,
                snapshot: None,
                is_live: false,
                is_drowsy,
                channels: BTreeMap::new(),
                list: None,
            });
        }
    }

    fn waiting(&mut self, wants_snapshot: bool) -> Option<usize> {
        let is_waiting = |viewer: &Viewer| !viewer.is_live && viewer.snapshot.is_none() == wants_snapshot;
        self.viewers.iter().position(is_waiting)
    }

    fn read_snapshot(&mut self) {
        let Some(place) = self.waiting(true) else { return };
        self.viewers[place].snapshot = Some(self.snapshot(place));
    }

    fn snapshot(&mut self, place: usize) -> Activation {
        let Viewer { user, is_drowsy, .. } = self.viewers[place];
        let world = &self.rig.world;
        let shown: Vec<Value> =
            visible(world, user).into_iter().map(|id| json!(&*world.channel(id))).collect();
        let mut activation = world.activation(user);
        activation.ready = vec![Packet::of("READY", &json!({ "channels": shown }).to_string())];
        if self.rig.state.board.holds(GUILD) {
            activation.guilds.clear();
        }
        if is_drowsy {
            activation.large.push(GUILD);
        }
        activation
    }

    fn activate(&mut self) {
        let Some(place) = self.waiting(false) else { return };
        let activation = self.viewers[place].snapshot.take().unwrap();
        let client = self.viewers[place].client.as_ref().unwrap();
        match self.rig.state.activate(self.rig.now, client.connection.session().key, activation) {
            Activated::Live => self.viewers[place].is_live = true,
            Activated::Retry => {}
            Activated::Gone => panic!("nobody ended it"),
        }
    }

    fn reconnect(&mut self) {
        if self.viewers.is_empty() {
            return;
        }
        let place = self.random.below(self.viewers.len());
        let Some(client) = self.viewers[place].client.as_ref().filter(|client| client.last_seq > 0) else {
            return;
        };
        let (session, seq) = (client.connection.session().clone(), client.last_seq);
        let is_takeover = self.random.below(2) == 0;
        let old = self.viewers[place].client.take();
        if !is_takeover {
            drop(old);
            self.rig.state.depart(self.rig.now);
            for _ in 0..self.random.below(4) {
                self.tell_one();
            }
        }
        let owner = session.owner();
        let resumed = self.rig.state.resume(self.rig.now, session.id(), owner.user, owner.auth, seq);
        assert!(resumed.is_ok() || session.is_over());
        self.viewers[place].client = resumed.ok().map(|connection| Client { connection, last_seq: seq });
    }

    /// A live client looks at a channel it knows, at the guild alone, or at nothing.
    fn look(&mut self) {
        let live: Vec<usize> = (0..self.viewers.len()).filter(|at| self.viewers[*at].is_live).collect();
        let Some(place) = (!live.is_empty()).then(|| self.random.pick(&live)) else { return };
        // What came before the answer is taken, so that it is not mistaken for it.
        self.viewers[place].take(&self.posts);
        let Some(client) = &self.viewers[place].client else { return };
        let known = self.viewers[place].channels.keys().map(|id| id.parse().unwrap());
        let known: Vec<ChannelId> = known.filter(|id| *id != CATEGORY).collect();
        let channel = (!known.is_empty()).then(|| self.random.pick(&known));
        let (subscription, list) = match (self.random.below(4), channel) {
            (0..2, Some(channel)) => (looks_at(&[channel]), Some((channel, Held::default()))),
            (2, _) => (GuildSubscription { typing: Some(true), ..looks_at(&[]) }, None),
            _ => (looks_at(&[]), None),
        };
        if self.rig.subscribe(client, &subscription) {
            self.viewers[place].list = list;
        }
    }

    fn take(&mut self) {
        if !self.viewers.is_empty() {
            let place = self.random.below(self.viewers.len());
            self.viewers[place].take(&self.posts);
        }
    }

    fn take_all(&mut self) {
        for viewer in &mut self.viewers {
            viewer.take(&self.posts);
        }
    }

    fn come_back(&mut self, place: usize) {
        for _ in 0..3 {
            if self.viewers[place].is_live {
                return;
            }
            let activation = self.snapshot(place);
            let key = self.viewers[place].client.as_ref().unwrap().connection.session().key;
            self.viewers[place].is_live =
                self.rig.state.activate(self.rig.now, key, activation) == Activated::Live;
        }
        panic!("a snapshot of now is never outdated thrice");
    }

    fn compare(&self) {
        let world = &self.rig.world;
        for viewer in self.viewers.iter().filter(|viewer| viewer.client.is_some()) {
            let shown = visible(world, viewer.user).into_iter().map(|id| {
                let channel = json!(&*world.channel(id));
                (id.to_string(), (channel["name"].clone(), channel["last_message_id"].clone()))
            });
            assert_eq!(viewer.channels, shown.collect(), "what user {} sees", viewer.user);
            if let Some((channel, held)) = &viewer.list {
                let listed = held.rows.iter().filter_map(|row| row.split_once(':')?.0.parse().ok());
                let viewers = world.members.keys().filter(|user| views(world, **user, *channel));
                let (listed, viewers): (BTreeSet<UserId>, _) = (listed.collect(), viewers.copied().collect());
                assert_eq!(listed, viewers, "who views {channel}");
            }
        }
    }
}

fn channel_of(id: u64, overwrites: Vec<Overwrite>) -> Channel {
    channel(ChannelId::new(id), ChannelKind::Text, overwrites)
}

#[test]
fn ready_and_what_follows_is_the_state() {
    let seeds = std::env::var("HEARTH_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS);
    for seed in 0..seeds {
        let failed = std::panic::catch_unwind(|| Simulation::new(seed).run()).is_err();
        assert!(!failed, "seed {seed}");
    }
}
