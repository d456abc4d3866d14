//! Who is told what: rights, intents, forms of a message, and rights that change.

use super::fixture::*;
use crate::logic::intents::Intents;
use crate::model::*;

const MESSAGES: Intents = Intents::GUILD_MESSAGES;

fn contents(client: &mut Client) -> Vec<String> {
    client.take().into_iter().map(|(_, data)| data["content"].as_str().unwrap_or("-").to_owned()).collect()
}

#[test]
fn a_channel_is_told_to_those_who_see_it() {
    let mut rig = Rig::new();
    rig.give_roles(ALICE, &[STAFF]);
    let (mut owner, mut alice, mut bob) =
        (rig.connect(person(OWNER)), rig.connect(person(ALICE)), rig.connect(person(BOB)));
    rig.settle(&mut [&mut owner, &mut alice, &mut bob]);
    rig.say(SECRET, ALICE, "psst");
    rig.say(GENERAL, BOB, "hello");
    assert_eq!(contents(&mut owner), ["psst", "hello"]);
    assert_eq!(contents(&mut alice), ["psst", "hello"]);
    assert_eq!(contents(&mut bob), ["hello"]);
}

#[test]
fn rights_held_in_the_guild_or_a_channel_narrow_the_audience() {
    let mut rig = Rig::new();
    rig.set_role(STAFF, Permissions::BAN_MEMBERS.union(Permissions::MANAGE_CHANNELS));
    rig.give_roles(ALICE, &[STAFF]);
    let (mut alice, mut bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    rig.settle(&mut [&mut alice, &mut bob]);
    let banned = GuildUser { guild_id: GUILD, user: user(UserId::new(7)) };
    let holding = Audience::GuildHolding(GUILD, Permissions::BAN_MEMBERS | Permissions::VIEW_AUDIT_LOG);
    rig.dispatch(holding.clone(), Dispatch::BanAdd(banned.clone()));
    let invite = InviteDeleted { channel_id: GENERAL, guild_id: GUILD, code: "x".into() };
    let managing = Audience::ChannelHolding(GUILD, GENERAL, Permissions::MANAGE_CHANNELS);
    rig.dispatch(managing, Dispatch::InviteDelete(invite));
    assert_eq!(alice.names(), ["GUILD_BAN_ADD", "INVITE_DELETE"]);
    assert_eq!(bob.names(), [""; 0]);

    let mut muted = member(ALICE, &[STAFF]);
    muted.communication_disabled_until = Some(Timestamp(rig.now.unix_ms + 60_000));
    rig.set_member(muted);
    rig.dispatch(holding.clone(), Dispatch::BanAdd(banned.clone()));
    assert_eq!(alice.names(), ["GUILD_MEMBER_UPDATE"], "a time-out takes the right");
    rig.pass(60_000);
    alice.take();
    rig.dispatch(holding, Dispatch::BanAdd(banned));
    assert_eq!(alice.names(), ["GUILD_BAN_ADD"], "and its end gives it back without an event");
}

#[test]
fn a_voice_channel_without_connect_has_no_text() {
    let mut rig = Rig::new();
    let mut alice = rig.connect(person(ALICE));
    rig.settle(&mut [&mut alice]);
    rig.say(VOICE, BOB, "loud");
    let deny = overwrite(OverwriteTarget::Member(ALICE), Permissions::NONE, Permissions::CONNECT);
    rig.set_channel(channel(VOICE, ChannelKind::Voice, vec![deny]));
    rig.say(VOICE, BOB, "quiet");
    assert_eq!(alice.names(), ["MESSAGE_CREATE", "CHANNEL_UPDATE"]);
}

#[test]
fn intents_gate_events_and_a_bot_hears_of_itself() {
    let mut rig = Rig::new();
    let mut bot_client = rig.connect(bot(MESSAGES));
    rig.settle(&mut [&mut bot_client]);
    rig.set_role(STAFF, Permissions::NONE);
    rig.give_roles(ALICE, &[STAFF]);
    rig.give_roles(BOT, &[BOT_ROLE, STAFF]);
    rig.say(SECRET, ALICE, "now visible");
    assert_eq!(bot_client.names(), ["GUILD_MEMBER_UPDATE", "MESSAGE_CREATE"]);
}

#[test]
fn content_is_left_out_for_bots_without_the_intent_but_for_what_concerns_them() {
    let mut rig = Rig::new();
    let mut bare = rig.connect(bot(MESSAGES));
    let mut full = rig.connect(bot(MESSAGES | Intents::MESSAGE_CONTENT));
    rig.say(GENERAL, ALICE, "a secret");
    rig.say(GENERAL, BOT, "my own");
    let mut by_name = rig.message(GENERAL, ALICE, "hey bot");
    by_name.mentions.push(MentionedUser { user: user(BOT), member: None });
    rig.post(by_name);
    let mut by_role = rig.message(GENERAL, ALICE, "hey role");
    by_role.mention_roles.push(BOT_ROLE);
    rig.post(by_role);
    let mut answer_to_bot = rig.message(GENERAL, ALICE, "no ping");
    answer_to_bot.referenced_message = Some(Some(Box::new(rig.message(GENERAL, BOT, "bot's words"))));
    rig.post(answer_to_bot);
    let mut answer_to_other = rig.message(GENERAL, BOT, "quoting");
    answer_to_other.referenced_message = Some(Some(Box::new(rig.message(GENERAL, BOB, "bob's words"))));
    rig.post(answer_to_other);

    let events = bare.take();
    let told: Vec<_> = events.iter().map(|(_, data)| data["content"].as_str().unwrap()).collect();
    assert_eq!(told, ["", "my own", "hey bot", "hey role", "", "quoting"]);
    assert_eq!(events[4].1["referenced_message"]["content"], "bot's words");
    assert_eq!(events[5].1["referenced_message"]["content"], "");
    let events = full.take();
    assert_eq!(events[0].1["content"], "a secret");
    assert_eq!(events[5].1["referenced_message"]["content"], "bob's words");
}

#[test]
fn a_dm_reaches_its_people_with_content_and_shard_zero_only() {
    let mut rig = Rig::new();
    let mut zero = bot(Intents::DIRECT_MESSAGES);
    zero.shard = crate::logic::session::Shard::check([0, 2]);
    let mut one = zero.clone();
    one.shard = crate::logic::session::Shard::check([1, 2]);
    let (mut zero, mut one) = (rig.connect(zero), rig.connect(one));
    let (mut alice, mut bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    rig.settle(&mut [&mut zero, &mut one, &mut alice, &mut bob]);
    let message = rig.message(ChannelId::new(900), ALICE, "between us");
    let event = MessageEvent { guild_id: None, channel_type: ChannelKind::Dm, ..message_event(message) };
    rig.dispatch(Audience::Users([ALICE, BOT].into()), Dispatch::MessageCreate(event));
    assert_eq!(contents(&mut zero), ["between us"]);
    assert_eq!(contents(&mut alice), ["between us"]);
    assert_eq!(one.names(), [""; 0]);
    assert_eq!(bob.names(), [""; 0]);
}

#[test]
fn the_nonce_is_for_the_author_alone() {
    let mut rig = Rig::new();
    let (mut alice, mut bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    rig.settle(&mut [&mut alice, &mut bob]);
    let mut message = rig.message(GENERAL, ALICE, "hi");
    message.nonce = Some(Nonce::Text("mark".into()));
    rig.post(message);
    assert_eq!(alice.take()[0].1["nonce"], "mark");
    assert!(bob.take()[0].1.get("nonce").is_none());
}

#[test]
fn all_receivers_of_a_form_share_its_bytes() {
    let mut rig = Rig::new();
    let (mut alice, mut bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    rig.settle(&mut [&mut alice, &mut bob]);
    rig.say(GENERAL, OWNER, "once");
    let (_, of_alice) = alice.poll().unwrap();
    let (_, of_bob) = bob.poll().unwrap();
    assert_eq!(of_alice[0].1.text().as_ptr(), of_bob[0].1.text().as_ptr());
}

#[test]
fn gaining_and_losing_sight_follows_the_event_that_caused_it() {
    let mut rig = Rig::new();
    let mut alice = rig.connect(person(ALICE));
    rig.settle(&mut [&mut alice]);
    rig.say(SECRET, OWNER, "before");
    rig.give_roles(ALICE, &[STAFF]);
    let told = alice.take();
    assert_eq!(
        told.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["GUILD_MEMBER_UPDATE", "CHANNEL_CREATE"]
    );
    assert_eq!(told[1].1["last_message_id"], "1001", "the newest message, though it was hidden");

    rig.set_role(STAFF, Permissions::KICK_MEMBERS);
    assert_eq!(alice.names(), ["GUILD_ROLE_UPDATE"], "nothing to see changed");
    rig.delete_role(STAFF);
    let about: Vec<_> = alice.about().into_iter().map(|(name, _)| name).collect();
    assert_eq!(about, ["GUILD_ROLE_DELETE", "CHANNEL_DELETE"]);
    rig.say(SECRET, OWNER, "after");
    assert_eq!(alice.names(), [""; 0]);
}

#[test]
fn a_channel_update_is_a_creation_or_deletion_to_some_never_both() {
    let mut rig = Rig::new();
    rig.give_roles(ALICE, &[STAFF]);
    let (mut alice, mut bob, mut owner) =
        (rig.connect(person(ALICE)), rig.connect(person(BOB)), rig.connect(person(OWNER)));
    rig.settle(&mut [&mut alice, &mut bob, &mut owner]);
    let mut renamed = channel(GENERAL, ChannelKind::Text, vec![hide_from_everyone()]);
    renamed.name = Some(Some("plans".into()));
    rig.set_channel(renamed);
    let told = bob.take();
    assert_eq!((told.len(), told[0].0), (1, "CHANNEL_DELETE"));
    assert_eq!(told[0].1["name"], "channel11", "the new name is not for those who lost it");
    assert_eq!(owner.names(), ["CHANNEL_UPDATE"]);
    alice.take();

    let shown = channel(GENERAL, ChannelKind::Text, vec![]);
    rig.set_channel(shown);
    assert_eq!(bob.names(), ["CHANNEL_CREATE"]);
    assert_eq!(owner.names(), ["CHANNEL_UPDATE"]);
}

#[test]
fn a_category_is_seen_with_any_child() {
    let mut rig = Rig::new();
    rig.set_channel(channel(CATEGORY, ChannelKind::Category, vec![hide_from_everyone()]));
    rig.set_channel(channel(VOICE, ChannelKind::Voice, vec![hide_from_everyone()]));
    let mut alice = rig.connect(person(ALICE));
    rig.settle(&mut [&mut alice]);
    let pair = |name, id: ChannelId| (name, id.to_string());
    rig.set_channel(channel(GENERAL, ChannelKind::Text, vec![hide_from_everyone()]));
    assert_eq!(alice.about(), [pair("CHANNEL_DELETE", GENERAL), pair("CHANNEL_DELETE", CATEGORY)]);
    rig.create_channel(channel(ChannelId::new(14), ChannelKind::Text, vec![]));
    assert_eq!(alice.about(), [pair("CHANNEL_CREATE", ChannelId::new(14)), pair("CHANNEL_CREATE", CATEGORY)]);
    rig.delete_channel(ChannelId::new(14));
    assert_eq!(alice.about(), [pair("CHANNEL_DELETE", ChannelId::new(14)), pair("CHANNEL_DELETE", CATEGORY)]);
}

#[test]
fn what_waits_of_a_lost_channel_is_dropped() {
    let mut rig = Rig::new();
    rig.give_roles(ALICE, &[STAFF]);
    let mut alice = rig.connect(person(ALICE));
    rig.settle(&mut [&mut alice]);
    for n in 0..50 {
        rig.say(SECRET, OWNER, &format!("secret {n}"));
        rig.say(GENERAL, OWNER, &format!("open {n}"));
    }
    rig.give_roles(ALICE, &[]);
    rig.say(SECRET, OWNER, "too late");
    rig.say(GENERAL, OWNER, "marker");
    let told = alice.take();
    assert_eq!(told.len(), 50 + 2 + 1);
    assert!(told.iter().all(|(_, data)| data["channel_id"] != SECRET.to_string()));
    assert_eq!(told[50].0, "GUILD_MEMBER_UPDATE");
    assert_eq!(told[51].0, "CHANNEL_DELETE");
}

#[test]
fn who_is_removed_hears_nothing_more_of_the_guild() {
    let mut rig = Rig::new();
    let (mut alice, mut bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    rig.settle(&mut [&mut alice, &mut bob]);
    rig.say(GENERAL, BOB, "waiting");
    rig.remove(ALICE);
    rig.say(GENERAL, BOB, "later");
    rig.dispatch(Audience::Guild(GUILD), Dispatch::IntegrationsUpdate(GuildRef { guild_id: GUILD }));
    assert_eq!(alice.names(), ["GUILD_DELETE"]);
    let expected = ["MESSAGE_CREATE", "GUILD_MEMBER_REMOVE", "MESSAGE_CREATE", "GUILD_INTEGRATIONS_UPDATE"];
    assert_eq!(bob.names(), expected);
    assert_eq!(rig.state.board.online_count(GUILD), 1);
}

#[test]
fn who_joins_gets_the_guild_even_when_nobody_else_is_there() {
    let mut rig = Rig::new();
    rig.world.members.remove(&ALICE);
    let mut alice = rig.connect(person(ALICE));
    rig.settle(&mut [&mut alice]);
    assert!(!rig.state.board.holds(GUILD));
    rig.join(ALICE);
    rig.say(GENERAL, OWNER, "welcome");
    assert_eq!(alice.names(), ["GUILD_CREATE", "MESSAGE_CREATE"]);

    rig.set_role(STAFF, Permissions::NONE);
    rig.give_roles(ALICE, &[STAFF]);
    assert_eq!(
        alice.names(),
        ["GUILD_ROLE_UPDATE", "GUILD_MEMBER_UPDATE", "CHANNEL_CREATE"],
        "hidden ones are known"
    );
}

#[test]
fn a_guild_that_is_gone_is_told_once_and_forgotten() {
    let mut rig = Rig::new();
    let (mut alice, mut bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    rig.settle(&mut [&mut alice, &mut bob]);
    rig.say(GENERAL, BOB, "waiting");
    let gone = Dispatch::GuildDelete(UnavailableGuild { id: GUILD, unavailable: None });
    rig.commit(vec![Event::Dispatch(Audience::Guild(GUILD), gone), Event::GuildGone(GUILD)]);
    rig.say(GENERAL, BOB, "echo");
    assert_eq!(alice.names(), ["GUILD_DELETE"]);
    assert_eq!(bob.names(), ["GUILD_DELETE"]);
    assert!(rig.state.guilds.is_empty() && !rig.state.board.holds(GUILD));
}

#[test]
fn typing_does_not_overtake_a_revocation() {
    let mut rig = Rig::new();
    rig.give_roles(ALICE, &[STAFF]);
    let (mut alice, mut owner) = (rig.connect(person(ALICE)), rig.connect(person(OWNER)));
    rig.settle(&mut [&mut alice, &mut owner]);
    let typing = |user_id| TypingStart {
        channel_id: SECRET,
        guild_id: Some(GUILD),
        user_id,
        timestamp: 0,
        member: Some(member(user_id, &[])),
    };
    let audience = Audience::Channel(GUILD, SECRET);
    rig.state.typing(rig.now, &audience, typing(ALICE));
    assert_eq!(owner.names(), ["TYPING_START"]);
    rig.give_roles(ALICE, &[]);
    rig.state.typing(rig.now, &audience, typing(OWNER));
    rig.state.typing(rig.now, &audience, typing(ALICE));
    assert_eq!(alice.names(), ["GUILD_MEMBER_UPDATE", "CHANNEL_DELETE"]);
    assert_eq!(owner.names(), ["GUILD_MEMBER_UPDATE", "TYPING_START"], "nor may one type where one can't be");
}

#[test]
fn a_changed_account_is_told_once_in_each_guild() {
    let mut rig = Rig::new();
    let (mut alice, mut alice_too, mut bob) =
        (rig.connect(person(ALICE)), rig.connect(person(ALICE)), rig.connect(person(BOB)));
    rig.settle(&mut [&mut alice, &mut alice_too, &mut bob]);
    let renamed = User { username: "alice2".into(), ..User::clone(&user(ALICE)) };
    rig.commit(vec![Event::UserChanged(renamed.into())]);
    let told = bob.take();
    assert_eq!((told.len(), told[0].0), (1, "GUILD_MEMBER_UPDATE"));
    assert_eq!(told[0].1["user"]["username"], "alice2");
    assert_eq!(alice.names(), ["GUILD_MEMBER_UPDATE"]);
}
