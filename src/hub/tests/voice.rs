//! Who is in voice, who is told of it, and what changes it.

use super::fixture::*;
use crate::hub::voice::{AWAY_MS, SelfState, VoiceSetup};
use crate::logic::intents::Intents;
use crate::model::*;

const LOUNGE: ChannelId = ChannelId::new(14);
const OPEN: SelfState = SelfState { mute: false, deaf: false, video: false, stream: false };

fn rig() -> Rig {
    let mut rig = Rig::new();
    let lounge = channel(LOUNGE, ChannelKind::Voice, vec![hide_from_everyone(), show_to(STAFF)]);
    rig.world.channels.insert(LOUNGE, lounge.into());
    rig.state.desk.open(VoiceSetup { endpoint: "voice.example:443".into(), members_per_channel: 99 });
    rig
}

impl Rig {
    fn talk(&mut self, client: &Client, channel: ChannelId) {
        let key = client.connection.session().key;
        self.state.join_voice(self.now, key, GUILD, channel, OPEN);
    }
}

/// Voice states told: who, and where; `-` for a leaving.
fn states(client: &mut Client) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    client
        .take()
        .into_iter()
        .filter(|(name, _)| *name == "VOICE_STATE_UPDATE")
        .map(|(_, data)| (text(&data["user_id"]), text(&data["channel_id"])))
        .collect()
}

fn state(user: UserId, channel: Option<ChannelId>) -> (String, String) {
    (user.to_string(), channel.map_or("-".to_owned(), |channel| channel.to_string()))
}

#[test]
fn the_state_comes_before_the_server_and_others_get_the_state_alone() {
    let mut rig = rig();
    let (mut alice, mut bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    rig.settle(&mut [&mut alice, &mut bob]);
    rig.talk(&alice, VOICE);
    let told = alice.take();
    assert_eq!(
        told.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["VOICE_STATE_UPDATE", "VOICE_SERVER_UPDATE", "VOICE_CHANNEL_START_TIME_UPDATE"]
    );
    assert_eq!(told[1].1["endpoint"], "voice.example:443");
    assert_eq!(told[1].1["guild_id"], GUILD.to_string());
    let session = told[0].1["session_id"].as_str().unwrap().to_owned();
    let grant = rig.state.desk.grant(&session).unwrap();
    assert!(grant.token.is(told[1].1["token"].as_str().unwrap()) && !grant.token.is("else"));
    assert!(grant.powers.speak && grant.powers.stream && !grant.is_muted);
    assert_eq!(bob.names(), ["VOICE_STATE_UPDATE", "VOICE_CHANNEL_START_TIME_UPDATE"]);
    // The same again asks for the server again; another face is told alone.
    rig.talk(&alice, VOICE);
    assert_eq!(alice.names(), ["VOICE_STATE_UPDATE", "VOICE_SERVER_UPDATE"]);
    let key = alice.connection.session().key;
    rig.state.join_voice(rig.now, key, GUILD, VOICE, SelfState { mute: true, ..OPEN });
    assert_eq!(alice.names(), ["VOICE_STATE_UPDATE"]);
    assert!(rig.state.desk.grant(&session).unwrap().self_mute);
    rig.state.leave_voice_by(rig.now, key, Some(GUILD));
    bob.take();
    assert_eq!(states(&mut alice), [state(ALICE, None)]);
    assert!(rig.state.desk.grant(&session).is_none());
}

#[test]
fn who_cannot_see_where_somebody_went_hears_that_they_left() {
    let mut rig = rig();
    rig.give_roles(ALICE, &[STAFF]);
    rig.give_roles(OWNER, &[STAFF]);
    let (mut alice, mut bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    let mut owner = rig.connect(person(OWNER));
    rig.settle(&mut [&mut alice, &mut bob, &mut owner]);
    rig.talk(&alice, LOUNGE);
    assert_eq!(bob.names(), [""; 0], "what is hidden stays hidden");
    assert_eq!(states(&mut owner), [state(ALICE, Some(LOUNGE))]);
    rig.talk(&alice, VOICE);
    assert_eq!(states(&mut bob), [state(ALICE, Some(VOICE))]);
    rig.talk(&alice, LOUNGE);
    assert_eq!(states(&mut bob), [state(ALICE, None)]);
    assert_eq!(states(&mut owner), [state(ALICE, Some(VOICE)), state(ALICE, Some(LOUNGE))]);
    // Who comes to see the channel is told who is in it, after the channel.
    rig.give_roles(BOB, &[STAFF]);
    assert_eq!(
        bob.names(),
        ["GUILD_MEMBER_UPDATE", "CHANNEL_CREATE", "CHANNEL_CREATE", "VOICE_STATE_UPDATE"]
    );
    rig.give_roles(BOB, &[]);
    assert_eq!(states(&mut bob), [state(ALICE, None)]);
}

#[test]
fn rights_lost_take_out_of_voice_before_anything_else_is_told() {
    let mut rig = rig();
    let (mut alice, mut bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    rig.talk(&alice, VOICE);
    rig.talk(&bob, VOICE);
    rig.settle(&mut [&mut alice, &mut bob]);
    let deny = overwrite(OverwriteTarget::Member(ALICE), Permissions::NONE, Permissions::CONNECT);
    rig.set_channel(channel(VOICE, ChannelKind::Voice, vec![deny]));
    assert_eq!(states(&mut bob), [state(ALICE, None)]);
    rig.talk(&alice, VOICE);
    assert_eq!(alice.names(), ["CHANNEL_UPDATE", "VOICE_STATE_UPDATE"], "and they can't come back");

    let mut muted = member(BOB, &[]);
    muted.mute = true;
    rig.set_member(muted.clone());
    let told = bob.take();
    assert_eq!(told.last().unwrap().1["mute"], true);
    muted.communication_disabled_until = Some(Timestamp(rig.now.unix_ms + 60_000));
    rig.set_member(muted);
    assert_eq!(states(&mut bob), [state(BOB, None)], "a time-out ends it");
}

#[test]
fn the_removed_leave_voice_before_they_leave_the_guild() {
    let mut rig = rig();
    let (mut alice, mut bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    rig.talk(&alice, VOICE);
    rig.settle(&mut [&mut alice, &mut bob]);
    rig.remove(ALICE);
    assert_eq!(bob.names(), ["VOICE_STATE_UPDATE", "VOICE_CHANNEL_START_TIME_UPDATE", "GUILD_MEMBER_REMOVE"]);
    rig.talk(&bob, VOICE);
    bob.take();
    rig.delete_channel(VOICE);
    assert!(states(&mut bob).contains(&state(BOB, None)), "with its channel everybody leaves");
    assert!(rig.state.board.voice_states(GUILD).is_empty());
}

#[test]
fn a_full_channel_lets_in_only_who_may_move_others() {
    let mut rig = rig();
    let full = Channel { user_limit: Some(1), ..channel(VOICE, ChannelKind::Voice, vec![]) };
    rig.world.channels.insert(VOICE, full.into());
    let (mut alice, mut bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    let mut owner = rig.connect(person(OWNER));
    rig.settle(&mut [&mut alice, &mut bob, &mut owner]);
    rig.talk(&alice, VOICE);
    rig.talk(&bob, VOICE);
    assert_eq!(states(&mut bob), [state(ALICE, Some(VOICE))]);
    rig.talk(&owner, VOICE);
    assert_eq!(states(&mut bob), [state(OWNER, Some(VOICE))]);
}

#[test]
fn who_is_away_for_a_minute_leaves_and_who_comes_back_stays() {
    let mut rig = rig();
    let (alice, mut bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    rig.talk(&alice, VOICE);
    rig.settle(&mut [&mut bob]);
    let (id, auth, seq) =
        (alice.connection.session().id().to_string(), person(ALICE).auth, alice.last_seq + 1);
    drop(alice);
    rig.pass(AWAY_MS - 1);
    let back = rig.state.resume(rig.now, &id, ALICE, auth, seq).unwrap();
    rig.pass(AWAY_MS);
    assert_eq!(states(&mut bob), []);
    drop(back);
    rig.pass(1);
    rig.pass(AWAY_MS);
    assert_eq!(states(&mut bob), [state(ALICE, None)]);
}

#[test]
fn moderators_move_and_take_out_and_bots_always_hear_of_themselves() {
    let mut rig = rig();
    let mut bot = rig.connect(bot(Intents::GUILDS));
    let mut alice = rig.connect(person(ALICE));
    rig.talk(&bot, VOICE);
    rig.settle(&mut [&mut alice]);
    let first = bot.take();
    let first = first.iter().find(|(name, _)| *name == "VOICE_SERVER_UPDATE").unwrap();
    let key = bot.connection.session().key;
    assert!(rig.state.move_voice(rig.now, GUILD, BOT, Some(LOUNGE)));
    let moved = bot.take();
    assert_eq!((moved[0].0, moved[1].0), ("VOICE_STATE_UPDATE", "VOICE_SERVER_UPDATE"));
    assert_ne!(moved[1].1["token"], first.1["token"]);
    assert_eq!(states(&mut alice), [state(BOT, None)]);
    assert!(rig.state.move_voice(rig.now, GUILD, BOT, None));
    assert_eq!(states(&mut bot), [state(BOT, None)]);
    assert!(!rig.state.move_voice(rig.now, GUILD, BOT, None));
    rig.state.leave_voice_by(rig.now, key, None);
}

#[test]
fn the_absent_are_moved_and_only_listen() {
    let mut rig = rig();
    rig.world.afk = Some((LOUNGE, 300));
    let open = channel(LOUNGE, ChannelKind::Voice, vec![]);
    rig.world.channels.insert(LOUNGE, open.into());
    let mut alice = rig.connect(person(ALICE));
    rig.talk(&alice, VOICE);
    let session = rig.state.desk.take_changed(0).pop().unwrap().1.unwrap();
    assert_eq!(session.afk_after_ms, Some(300_000));
    rig.state.idle_voice(rig.now, &session.session);
    let told = alice.take();
    let last = told.iter().rfind(|(name, _)| *name == "VOICE_STATE_UPDATE").unwrap();
    let last = &last.1;
    assert_eq!((&last["channel_id"], &last["suppress"]), (&LOUNGE.to_string().into(), &true.into()));
    let changed = rig.state.desk.take_changed(0);
    let grant = changed.iter().find_map(|(_, grant)| grant.as_ref()).unwrap();
    assert!(grant.is_muted && grant.afk_after_ms.is_none());
}

#[test]
fn what_happens_while_a_ready_is_built_is_caught_up() {
    let mut rig = rig();
    let alice = rig.connect(person(ALICE));
    let mut bob = rig.attach(person(BOB));
    let activation = rig.world.activation(BOB);
    rig.talk(&alice, VOICE);
    rig.activate(&bob, activation);
    assert_eq!(states(&mut bob), [state(ALICE, Some(VOICE))]);
    let mut owner = rig.attach(person(OWNER));
    let activation = rig.world.activation(OWNER);
    rig.state.leave_voice_by(rig.now, alice.connection.session().key, None);
    rig.activate(&owner, activation);
    assert_eq!(states(&mut owner), [state(ALICE, None)]);
}
