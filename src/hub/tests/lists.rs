//! Member lists by ranges and passive guilds: who is told what, when, and who no longer is.

use serde_json::{Value, json};

use super::fixture::*;
use crate::hub::passive::PASSIVE_EVERY_MS;
use crate::hub::session::Owner;
use crate::hub::subscriptions::{LISTS_EVERY_MS, Roster};
use crate::logic::session::client_frame::{GuildSubscription, Rows};
use crate::model::*;

/// A session whose client lets big guilds be passive.
pub fn drowsy(user: UserId) -> Owner {
    Owner { capabilities: 1 << 14, ..person(user) }
}

pub fn looks_at(channels: &[ChannelId]) -> GuildSubscription {
    GuildSubscription {
        guild_id: GUILD,
        channels: channels.iter().map(|id| (*id, vec![Rows { first: 0, last: 99 }])).collect(),
        members: Vec::new(),
        typing: None,
        activities: None,
        threads: None,
    }
}

impl Rig {
    /// A live session that was shown the guild without its members.
    pub fn connect_large(&mut self, owner: Owner) -> Client {
        let user = owner.user;
        let mut client = self.attach(owner);
        let activation = crate::hub::Activation { large: vec![GUILD], ..self.world.activation(user) };
        assert_eq!(self.activate(&client, activation), crate::hub::Activated::Live);
        assert_eq!(client.names()[0], "READY");
        client
    }

    pub fn roster(&self) -> Roster {
        let members = self.world.members.values().cloned().collect();
        Roster { guild: GUILD, commit: self.world.commit, members }
    }

    /// Sends a subscription, with the members if they are asked for; whether it was taken, the session's READY not being ahead.
    pub fn subscribe(&mut self, client: &Client, subscription: &GuildSubscription) -> bool {
        let key = client.connection.session().key;
        let asked = std::slice::from_ref(subscription);
        self.state.subscribe(self.now, key, asked, Vec::new()).is_empty() || {
            let rosters = vec![self.roster()];
            self.state.subscribe(self.now, key, asked, rosters).is_empty()
        }
    }
}

/// The list's id, its groups and its rows, after what a client was told of it.
#[derive(Default, Debug)]
pub struct Held {
    pub id: String,
    pub groups: Vec<(String, u64)>,
    pub rows: Vec<String>,
}

impl Held {
    /// Applies an update as clients do.
    pub fn apply(&mut self, update: &Value) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let row = |item: &Value| match item.get("group") {
            Some(group) => text(&group["id"]),
            None => {
                text(&item["member"]["user"]["id"])
                    + ":"
                    + item["member"]["presence"]["status"].as_str().unwrap()
            }
        };
        if self.id != text(&update["id"]) {
            *self = Self { id: text(&update["id"]), ..Self::default() };
        }
        for op in update["ops"].as_array().unwrap() {
            let index = op["index"].as_u64().unwrap_or(0) as usize;
            match op["op"].as_str().unwrap() {
                "SYNC" => self.rows = op["items"].as_array().unwrap().iter().map(row).collect(),
                "INSERT" => self.rows.insert(index, row(&op["item"])),
                "UPDATE" => self.rows[index] = row(&op["item"]),
                "DELETE" => _ = self.rows.remove(index),
                "INVALIDATE" => self.rows.clear(),
                other => panic!("{other}"),
            }
        }
        let groups = update["groups"].as_array().unwrap().iter();
        self.groups = groups.map(|group| (text(&group["id"]), group["count"].as_u64().unwrap())).collect();
    }

    pub fn take(&mut self, client: &mut Client) -> usize {
        let updates = client.take().into_iter().filter(|(name, _)| *name == "GUILD_MEMBER_LIST_UPDATE");
        updates.inspect(|(_, update)| self.apply(update)).count()
    }
}

fn row(user: UserId, status: &str) -> String {
    format!("{user}:{status}")
}

#[test]
fn a_list_holds_who_may_view_the_channel_and_follows_them() {
    let mut rig = Rig::new();
    let mut alice = rig.connect(person(ALICE));
    rig.settle(&mut [&mut alice]);
    assert!(rig.subscribe(&alice, &looks_at(&[GENERAL])));
    let mut held = Held::default();
    assert_eq!(held.take(&mut alice), 1, "the rows come at once");
    assert_eq!(held.id, "everyone");
    let offline = [OWNER, BOB, BOT].map(|user| row(user, "offline"));
    let mut rows = vec!["online".to_owned(), row(ALICE, "online"), "offline".to_owned()];
    rows.extend(offline);
    assert_eq!(held.rows, rows);
    assert_eq!(held.groups, [("online".to_owned(), 1), ("offline".to_owned(), 3)]);

    let _bob = rig.connect(person(BOB));
    rig.pass(LISTS_EVERY_MS);
    rig.pass(LISTS_EVERY_MS);
    assert_eq!(held.take(&mut alice), 1, "all changes of half a second in one update");
    assert_eq!(held.rows[..3], ["online".to_owned(), row(ALICE, "online"), row(BOB, "online")]);
    rig.set_member(Member { nick: Some("aardvark".into()), ..member(BOB, &[]) });
    rig.set_member(Member { nick: Some("aaa".into()), ..member(BOB, &[]) });
    rig.pass(LISTS_EVERY_MS);
    assert_eq!(held.take(&mut alice), 1);
    assert_eq!(held.rows[1], row(BOB, "online"), "by the name shown");
    rig.pass(10 * LISTS_EVERY_MS);
    assert_eq!(held.take(&mut alice), 0, "nothing changed");
    rig.remove(BOB);
    rig.pass(LISTS_EVERY_MS);
    held.take(&mut alice);
    assert!(!held.rows.iter().any(|held| held.starts_with(&BOB.to_string())));
}

#[test]
fn hoisted_roles_are_groups_and_a_hidden_channel_has_a_list_of_its_own() {
    let mut rig = Rig::new();
    rig.give_roles(ALICE, &[STAFF]);
    let (mut alice, mut bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    rig.settle(&mut [&mut alice, &mut bob]);
    assert!(rig.subscribe(&bob, &looks_at(&[SECRET])));
    assert!(bob.take().is_empty(), "who does not view the channel does not see its list");
    assert!(rig.subscribe(&alice, &looks_at(&[SECRET])));
    let mut held = Held::default();
    held.take(&mut alice);
    let owner = row(OWNER, "offline");
    assert_eq!(held.rows, ["online", &row(ALICE, "online"), "offline", &owner]);
    assert_ne!(held.id, "everyone");

    let hoisted = Role { hoist: true, ..Role::clone(&role(STAFF, Permissions::NONE)) };
    let event = RoleEvent { guild_id: GUILD, role: hoisted.into() };
    rig.dispatch(Audience::Guild(GUILD), Dispatch::RoleUpdate(event));
    rig.pass(LISTS_EVERY_MS);
    held.take(&mut alice);
    assert_eq!(held.rows, [&STAFF.to_string(), &row(ALICE, "online"), "offline", &owner]);
    rig.delete_role(STAFF);
    assert_eq!(rig.state.guilds[&GUILD].listed(), 0, "nobody looks any more");
}

#[test]
fn who_loses_the_channel_loses_its_list_in_the_same_step() {
    let mut rig = Rig::new();
    let staff = [STAFF];
    rig.give_roles(ALICE, &staff);
    let (mut alice, _bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    rig.settle(&mut [&mut alice]);
    assert!(rig.subscribe(&alice, &looks_at(&[SECRET])));
    alice.take();
    // One update waits unsent, one is not made yet.
    rig.give_roles(BOB, &staff);
    rig.pass(LISTS_EVERY_MS);
    rig.set_member(Member { nick: Some("b".into()), ..member(BOB, &staff) });
    rig.give_roles(ALICE, &[]);
    rig.pass(10 * LISTS_EVERY_MS);
    let told = alice.names();
    assert!(told.contains(&"CHANNEL_DELETE"));
    assert!(!told.contains(&"GUILD_MEMBER_LIST_UPDATE"), "{told:?}");
    assert!(rig.state.guilds[&GUILD].lists.is_none());
}

#[test]
fn who_is_invisible_stands_among_those_offline() {
    let mut rig = Rig::new();
    let mut alice = rig.connect(person(ALICE));
    let mut hidden = rig.attach(person(BOB));
    let showing = crate::hub::Showing { status: Status::Invisible, ..Default::default() };
    let activation = crate::hub::Activation { showing, ..rig.world.activation(BOB) };
    rig.activate(&hidden, activation);
    rig.settle(&mut [&mut alice, &mut hidden]);
    assert!(rig.subscribe(&alice, &looks_at(&[GENERAL])));
    let mut held = Held::default();
    held.take(&mut alice);
    assert!(held.rows.contains(&row(BOB, "offline")), "{held:?}");
    let showing = crate::hub::Showing {
        status: Status::Invisible,
        activities: [Activity { name: "away".into(), kind: 0, created_at: 1, state: None, url: None }].into(),
    };
    rig.state.show(hidden.connection.session().key, showing);
    rig.pass(4 * LISTS_EVERY_MS);
    drop(hidden);
    rig.pass(60_000);
    assert_eq!(held.take(&mut alice), 0, "neither what they do nor that they go is told");
}

#[test]
fn a_big_guild_lists_those_online_only() {
    let mut rig = Rig::new();
    for user in 1_000..2_000 {
        let id = UserId::new(user);
        rig.world.members.insert(id, member(id, &[]));
    }
    let mut alice = rig.connect_large(drowsy(ALICE));
    rig.settle(&mut [&mut alice]);
    let key = alice.connection.session().key;
    let missing = rig.state.subscribe(rig.now, key, &[looks_at(&[GENERAL])], Vec::new());
    assert!(missing.is_empty(), "no members are read for it");
    let mut held = Held::default();
    held.take(&mut alice);
    assert_eq!(held.rows, ["online", &row(ALICE, "online")]);
    let _bob = rig.connect(person(BOB));
    rig.settle(&mut []);
    rig.pass(LISTS_EVERY_MS);
    held.take(&mut alice);
    assert_eq!(held.rows, ["online", &row(ALICE, "online"), &row(BOB, "online")]);
}

#[test]
fn a_passive_session_hears_of_mentions_and_now_and_then_of_channels() {
    let mut rig = Rig::new();
    let mut alice = rig.connect_large(drowsy(ALICE));
    let mut wide_awake = rig.connect_large(person(BOB));
    rig.settle(&mut [&mut alice, &mut wide_awake]);
    for _ in 0..50 {
        rig.say(GENERAL, OWNER, "tide");
        rig.say(SECRET, OWNER, "unseen");
    }
    rig.give_roles(BOB, &[STAFF]);
    assert!(alice.take().is_empty(), "no frame per message");
    assert_eq!(wide_awake.names().iter().filter(|name| **name == "MESSAGE_CREATE").count(), 50);
    let mut mention = rig.message(GENERAL, OWNER, "hey");
    mention.mentions = vec![MentionedUser { user: user(ALICE), member: None }];
    let newest = mention.id;
    rig.post(mention);
    assert_eq!(alice.about(), [("MESSAGE_CREATE", GENERAL.to_string())]);
    rig.pass(PASSIVE_EVERY_MS);
    let told = alice.take();
    let channels = json!([{ "id": GENERAL, "last_message_id": newest }]);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].0, &told[0].1["updated_channels"]), ("PASSIVE_UPDATE_V2", &channels));
    rig.say(SECRET, OWNER, "unseen");
    rig.pass(2 * PASSIVE_EVERY_MS);
    assert!(alice.take().is_empty(), "what is hidden is no reason to be told");
    rig.give_roles(ALICE, &[]);
    assert_eq!(alice.names(), ["GUILD_MEMBER_UPDATE"], "its own membership");
}

#[test]
fn who_wakes_is_told_first_what_it_missed_and_sleeps_again_when_it_looks_at_nothing() {
    let mut rig = Rig::new();
    let mut alice = rig.connect_large(drowsy(ALICE));
    rig.settle(&mut [&mut alice]);
    rig.say(GENERAL, OWNER, "missed");
    let awake = GuildSubscription { typing: Some(true), ..looks_at(&[]) };
    assert!(rig.subscribe(&alice, &awake));
    rig.say(GENERAL, OWNER, "heard");
    assert_eq!(alice.names(), ["PASSIVE_UPDATE_V2", "MESSAGE_CREATE"]);
    assert!(rig.subscribe(&alice, &looks_at(&[])));
    rig.say(GENERAL, OWNER, "missed");
    assert!(alice.take().is_empty());
    // A waiting update goes with the right to a channel it names; the rest is told anew.
    rig.say(VOICE, OWNER, "there");
    rig.pass(PASSIVE_EVERY_MS);
    let mut hidden = Channel::clone(&rig.world.channels[&GENERAL]);
    hidden.permission_overwrites = Some(vec![hide_from_everyone()]);
    rig.set_channel(hidden);
    let told = alice.take();
    assert!(
        told.iter().all(|(_, data)| !data["updated_channels"].to_string().contains(&GENERAL.to_string()))
    );
    let updates: Vec<_> = told.iter().filter(|(name, _)| *name == "PASSIVE_UPDATE_V2").collect();
    assert_eq!(updates.len(), 1);
    assert!(updates[0].1.to_string().contains(&VOICE.to_string()));
}

#[test]
fn a_session_that_does_not_ask_for_it_is_never_passive() {
    let mut rig = Rig::new();
    let mut plain = rig.connect_large(person(ALICE));
    let mut small = rig.connect(drowsy(BOB));
    rig.settle(&mut [&mut plain, &mut small]);
    rig.say(GENERAL, OWNER, "tide");
    assert_eq!(plain.names(), ["MESSAGE_CREATE"]);
    assert_eq!(small.names(), ["MESSAGE_CREATE"], "a guild it was shown whole stays awake");
}
