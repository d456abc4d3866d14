//! Sessions that wait for their READY, are cut off, resume, end.

use super::fixture::*;
use crate::hub::lifecycle::{
    Activated, MAX_PERSON_SESSIONS, NotResumable, RESUMABLE_MS, TooManySessions, WEIGH_EVERY_MS,
};
use crate::hub::session::{Auth, Connection, Next};
use crate::logic::intents::Intents;
use crate::logic::session::MAX_UNSENT_FRAMES;
use crate::model::*;

fn resume(rig: &mut Rig, client: &Client, seq: u64) -> Result<Connection, NotResumable> {
    let session = client.connection.session();
    let (id, owner) = (session.id().clone(), session.owner().clone());
    rig.state.resume(rig.now, &id, owner.user, owner.auth, seq)
}

#[test]
fn what_happens_after_the_snapshot_follows_ready() {
    let mut rig = Rig::new();
    let mut alice = rig.attach(person(ALICE));
    rig.say(GENERAL, BOB, "in the snapshot");
    let activation = rig.world.activation(ALICE);
    rig.say(GENERAL, BOB, "after it");
    rig.say(SECRET, BOB, "not for alice");
    assert_eq!(rig.activate(&alice, activation), Activated::Live);
    rig.say(GENERAL, BOB, "live");
    let told = alice.take();
    assert_eq!(
        told.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["READY", "MESSAGE_CREATE", "MESSAGE_CREATE"]
    );
    assert_eq!((&told[1].1["content"], &told[2].1["content"]), (&"after it".into(), &"live".into()));
    assert_eq!(
        rig.state.guilds[&GUILD].channel(GENERAL).unwrap().last_message_id,
        Some(Some(MessageId::new(1004)))
    );
}

#[test]
fn a_snapshot_that_is_ahead_of_the_hub_is_not_told_again() {
    let mut rig = Rig::new();
    rig.untold = Some(Default::default());
    rig.say(GENERAL, BOB, "in the snapshot, not told yet");
    let mut alice = rig.attach(person(ALICE));
    let activation = rig.world.activation(ALICE);
    assert_eq!(rig.activate(&alice, activation), Activated::Live);
    for batch in rig.untold.take().unwrap() {
        rig.state.publish(rig.now, batch);
    }
    assert_eq!(alice.names(), ["READY"]);
    rig.say(GENERAL, BOB, "live");
    assert_eq!(alice.names(), ["MESSAGE_CREATE"]);
}

#[test]
fn after_a_restart_typing_does_not_wait_for_a_commit() {
    let mut rig = Rig::new();
    rig.world.commit = 500;
    let mut alice = rig.connect(person(ALICE));
    rig.settle(&mut [&mut alice]);
    let start =
        TypingStart { channel_id: GENERAL, guild_id: Some(GUILD), user_id: BOB, timestamp: 0, member: None };
    rig.state.typing(rig.now, &Audience::Channel(GUILD, GENERAL), start);
    assert_eq!(alice.names(), ["TYPING_START"]);
}

#[test]
fn a_change_of_rights_after_the_snapshot_asks_for_another() {
    let mut rig = Rig::new();
    let mut alice = rig.attach(person(ALICE));
    let old = rig.world.activation(ALICE);
    rig.give_roles(ALICE, &[STAFF]);
    assert_eq!(rig.activate(&alice, old), Activated::Retry);
    rig.say(SECRET, OWNER, "in the second snapshot");
    let new = rig.world.activation(ALICE);
    rig.give_roles(BOB, &[STAFF]);
    rig.say(SECRET, OWNER, "psst");
    assert_eq!(rig.activate(&alice, new), Activated::Live, "another's roles are no reason");
    assert_eq!(alice.names(), ["READY", "GUILD_MEMBER_UPDATE", "MESSAGE_CREATE"]);
}

#[test]
fn a_guild_let_go_meanwhile_asks_for_its_snapshot() {
    let mut rig = Rig::new();
    let bob = rig.connect(person(BOB));
    let alice = rig.attach(person(ALICE));
    let mut activation = rig.world.activation(ALICE);
    activation.guilds.clear();
    bob.connection.end();
    rig.state.depart(rig.now);
    assert!(!rig.state.board.holds(GUILD));
    assert_eq!(rig.activate(&alice, activation), Activated::Retry);
    let whole = rig.world.activation(ALICE);
    assert_eq!(rig.activate(&alice, whole), Activated::Live);
}

#[test]
fn a_login_revoked_while_ready_is_built_gets_nothing() {
    let mut rig = Rig::new();
    let mut alice = rig.attach(person(ALICE));
    let activation = rig.world.activation(ALICE);
    let Auth::Person(login) = alice.connection.session().owner().auth else { panic!() };
    rig.commit(vec![Event::SessionsRevoked([login].into())]);
    assert_eq!(rig.activate(&alice, activation), Activated::Gone);
    assert_eq!(alice.closes_with(), Some(4004));
}

#[test]
fn a_revoked_login_or_bot_closes_and_is_forgotten() {
    let mut rig = Rig::new();
    let (mut alice, mut bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    let mut bot_client = rig.connect(bot(Intents::ALL));
    rig.say(GENERAL, OWNER, "waits");
    let Auth::Person(login) = alice.connection.session().owner().auth else { panic!() };
    rig.commit(vec![Event::SessionsRevoked([login].into()), Event::BotRevoked(BOT.cast())]);
    assert_eq!(alice.closes_with(), Some(4004));
    assert_eq!(bot_client.closes_with(), Some(4004));
    assert_eq!(bob.closes_with(), None);
    assert_eq!(resume(&mut rig, &alice, 1).unwrap_err(), NotResumable::Gone);
}

#[test]
fn a_resume_repeats_what_was_missed_and_says_so() {
    let mut rig = Rig::new();
    let mut alice = rig.connect(person(ALICE));
    rig.settle(&mut [&mut alice]);
    let seen = alice.last_seq;
    rig.say(GENERAL, OWNER, "one");
    assert_eq!(alice.names(), ["MESSAGE_CREATE"]);
    let (id, owner) = {
        let session = alice.connection.session();
        (session.id().clone(), session.owner().clone())
    };
    drop(alice);
    rig.pass(1_000);
    rig.say(GENERAL, OWNER, "two");
    let foreign = rig.state.resume(rig.now, &id, BOB, owner.auth, seen);
    assert_eq!(foreign.unwrap_err(), NotResumable::Foreign);
    let other_login = Auth::Person(AuthSessionId::new(5));
    assert_eq!(rig.state.resume(rig.now, &id, ALICE, other_login, seen).unwrap_err(), NotResumable::Foreign);
    assert_eq!(rig.state.resume(rig.now, &id, ALICE, owner.auth, 99).unwrap_err(), NotResumable::Gone);
    let connection = rig.state.resume(rig.now, &id, ALICE, owner.auth, seen).unwrap();
    let mut back = Client { connection, last_seq: seen };
    assert_eq!(back.names(), ["MESSAGE_CREATE", "SESSIONS_REPLACE", "MESSAGE_CREATE", "RESUMED"]);
    rig.say(GENERAL, OWNER, "three");
    assert_eq!(back.names(), ["MESSAGE_CREATE"]);
}

#[test]
fn a_resume_takes_the_session_from_a_live_connection() {
    let mut rig = Rig::new();
    let mut old = rig.connect(person(ALICE));
    rig.settle(&mut [&mut old]);
    let seq = old.last_seq;
    let connection = resume(&mut rig, &old, seq).unwrap();
    let mut new = Client { connection, last_seq: seq };
    assert_eq!(old.closes_with(), Some(4000));
    drop(old);
    rig.pass(1_000);
    rig.say(GENERAL, OWNER, "still here");
    assert_eq!(new.names(), ["RESUMED", "MESSAGE_CREATE"]);
}

#[test]
fn a_session_is_resumable_for_five_minutes_unless_its_client_ended_it() {
    let mut rig = Rig::new();
    let (alice, bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    let id = alice.connection.session().id().clone();
    drop(alice);
    bob.connection.end();
    rig.pass(0);
    assert_eq!(rig.state.sessions.len(), 1);
    rig.pass(RESUMABLE_MS - 1);
    assert!(rig.state.by_id.contains_key(&id));
    rig.pass(1);
    rig.pass(RESUMABLE_MS);
    rig.pass(WEIGH_EVERY_MS);
    assert!(rig.state.sessions.is_empty() && rig.state.by_id.is_empty() && rig.state.guilds.is_empty());
    assert!(rig.state.accounts.is_empty(), "{:?}", rig.state.accounts);
    assert_eq!(rig.state.next_deadline(), None, "an idle hub sleeps");
}

#[test]
fn a_slow_reader_is_cut_off_and_resumes() {
    let mut rig = Rig::new();
    let (mut alice, mut bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    rig.settle(&mut [&mut alice, &mut bob]);
    let seq = alice.last_seq;
    for n in 0..=MAX_UNSENT_FRAMES {
        rig.say(GENERAL, OWNER, "flood");
        if n % 1_000 == 0 {
            bob.take();
        }
    }
    assert_eq!(alice.closes_with(), Some(4000));
    assert_eq!(bob.closes_with(), None);
    assert_eq!(resume(&mut rig, &alice, seq).unwrap_err(), NotResumable::Gone, "the ring holds 2000");
}

#[test]
fn an_account_has_so_many_sessions_and_the_oldest_lost_one_gives_way() {
    let mut rig = Rig::new();
    let mut clients: Vec<_> = (0..MAX_PERSON_SESSIONS).map(|_| rig.connect(person(ALICE))).collect();
    let refused = rig.state.attach(rig.now, "more".into(), person(ALICE));
    assert_eq!(refused.err(), Some(TooManySessions));
    let lost = clients.remove(3).connection.session().id().clone();
    rig.pass(0);
    assert!(rig.state.attach(rig.now, "more".into(), person(ALICE)).is_ok());
    assert!(!rig.state.by_id.contains_key(&lost));
}

#[test]
fn rings_share_a_budget_and_the_oldest_detached_session_goes_first() {
    let mut rig = Rig::new();
    let (alice, bob) = (rig.connect(person(ALICE)), rig.connect(person(BOB)));
    let (first, second) = (alice.connection.session().id().clone(), bob.connection.session().id().clone());
    drop(alice);
    rig.pass(10);
    drop(bob);
    rig.pass(10);
    for _ in 0..100 {
        rig.say(GENERAL, OWNER, "kept for both");
    }
    let held = rig.state.meter.bytes();
    rig.state.ring_budget_bytes = held + 2_500;
    rig.pass(1_000);
    assert!(!rig.state.by_id.contains_key(&first) && rig.state.by_id.contains_key(&second));
    rig.state.ring_budget_bytes = held / 2;
    rig.say(GENERAL, OWNER, "one more");
    rig.pass(1_000);
    assert!(rig.state.sessions.is_empty());
    assert_eq!(rig.state.meter.bytes(), 0);
}

#[test]
fn a_heartbeat_lets_the_ring_forget_what_was_seen() {
    let mut rig = Rig::new();
    let mut alice = rig.connect(person(ALICE));
    rig.settle(&mut [&mut alice]);
    let session = alice.connection.session().clone();
    let before = session.events();
    rig.say(GENERAL, OWNER, "seen");
    rig.say(GENERAL, OWNER, "seen too");
    alice.take();
    assert_eq!(session.events(), before + 2);
    alice.connection.acknowledge(alice.last_seq);
    assert_eq!(session.events(), 0);
    assert!(resume(&mut rig, &alice, alice.last_seq).is_ok());
}

#[test]
fn everybody_is_asked_to_reconnect_over_two_seconds() {
    let mut rig = Rig::new();
    let mut clients: Vec<_> = [ALICE, BOB, OWNER].map(|user| rig.connect(person(user))).into();
    clients.iter_mut().for_each(|client| _ = client.take());
    rig.state.reconnect_all(rig.now);
    for _ in 0..20 {
        rig.pass(100);
    }
    for client in &mut clients {
        assert_eq!(client.poll().unwrap().0, Next::Reconnect);
        assert_eq!(client.closes_with(), None, "asked once; the socket closes");
    }
}
