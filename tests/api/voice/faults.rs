//! Calls on networks and with clients as they are: no UDP, a server that restarts, floods of offers, descriptions beyond measure.

use std::time::Duration;

use hearth::config::MediaPort;
use serde_json::json;

use super::caller::{Caller, Line, join};
use super::gather;
use super::wire::Wire;
use crate::support::Server;

/// Both talk, and each hears twenty packets of the other.
async fn hear_each_other(mut a: Caller, mut b: Caller) {
    let (first, second) = (a.ticket.user.clone(), b.ticket.user.clone());
    let (at_a, at_b) = (a.slot_of(&second).await, b.slot_of(&first).await);
    a.talk(true);
    b.talk(true);
    a.hear(&at_a, 20).await;
    b.hear(&at_b, 20).await;
}

#[tokio::test]
async fn media_goes_over_the_servers_own_port_where_no_udp_does() {
    let server = Server::start_with(|config| config.voice.udp = MediaPort::Off).await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let wire = || Wire::tcp(server.address());
    let a = Caller::call_over(wire().await, &mira, &guild, &voice).await;
    let b = Caller::call_over(wire().await, &bob, &guild, &voice).await;
    hear_each_other(a, b).await;
}

#[tokio::test]
async fn one_is_heard_over_udp_by_another_over_tcp() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let a = Caller::call(&mira, &guild, &voice).await;
    let b = Caller::call_over(Wire::tcp(server.address()).await, &bob, &guild, &voice).await;
    hear_each_other(a, b).await;
}

/// A router that forgets whose port is whose gives a client another one, and nobody tells it. As good a route as the old one is taken
/// once that was not heard of for fifteen seconds.
#[tokio::test]
async fn who_comes_from_another_port_all_at_once_goes_on_hearing() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let a = Caller::call(&mira, &guild, &voice).await;
    let mut b = Caller::call(&bob, &guild, &voice).await;
    let at_b = b.slot_of(&mira.id).await;
    a.talk(true);
    b.hear(&at_b, 20).await;
    b.change_port().await;
    // Nothing reaches it any more but at the new port.
    b.hear_within(Duration::from_secs(40), &at_b, 20).await;
}

/// The client on its new network has another port, and the old one answers no more.
#[tokio::test]
async fn who_restarts_ice_while_both_talk_goes_on_hearing_and_being_heard() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let mut a = Caller::call(&mira, &guild, &voice).await;
    let mut b = Caller::call(&bob, &guild, &voice).await;
    let (at_a, at_b) = (a.slot_of(&bob.id).await, b.slot_of(&mira.id).await);
    a.talk(true);
    b.talk(true);
    a.hear(&at_a, 20).await;
    b.hear(&at_b, 20).await;
    let mut names = Vec::new();
    for moves in [false, true] {
        if moves {
            b.change_port().await;
        }
        names.push(b.restart_ice().await);
        b.hear(&at_b, 20).await;
        a.hear(&at_a, 20).await;
    }
    assert_ne!(names[0], names[1], "each time a new route");
    let heard = a.seqs(&at_a);
    assert!(heard.windows(2).all(|pair| pair[0] < pair[1]), "one stream goes on: {heard:?}");
}

#[tokio::test]
async fn a_restart_asks_callers_back_and_they_hear_each_other_again() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let mut a = Caller::call(&mira, &guild, &voice).await;
    let b = Caller::call(&bob, &guild, &voice).await;
    let slot = a.slot_of(&bob.id).await;
    b.talk(true);
    a.hear(&slot, 5).await;
    let known = [&mira, &bob].map(|person| (person.id.clone(), person.authorization.clone()));
    drop(b);
    let close = async {
        let code = a.line.closed().await;
        drop(a);
        code
    };
    let (server, code) = tokio::join!(server.restart(), close);
    assert_eq!(code, 1012, "a service restart, after which clients come back");
    let [mira, bob] = known.each_ref().map(|(id, authorization)| server.known(id, authorization));
    let mut a = Caller::call(&mira, &guild, &voice).await;
    let b = Caller::call(&bob, &guild, &voice).await;
    let slot = a.slot_of(&bob.id).await;
    b.talk(true);
    a.hear(&slot, 20).await;
}

#[tokio::test]
async fn floods_of_offers_and_endless_descriptions_end_their_own_connection_alone() {
    let server = Server::start().await;
    let (mira, bob, eve) =
        (server.person("mira").await, server.person("bob").await, server.person("eve").await);
    let (guild, _, voice) = gather(&[&mira, &bob, &eve]).await;
    let mut a = Caller::call(&mira, &guild, &voice).await;
    let b = Caller::call(&bob, &guild, &voice).await;
    let slot = a.slot_of(&bob.id).await;
    b.talk(true);
    a.hear(&slot, 5).await;

    let mut gateway = eve.connect().await;
    let ticket = join(&mut gateway, &eve.id, &guild, &voice).await;
    let mut line = Line::open(&ticket.endpoint).await;
    line.identify(&ticket).await;
    for _ in 0..6 {
        line.say(1, json!({ "protocol": "webrtc", "data": "v=0 is no description" })).await;
    }
    assert_eq!(line.closed().await, 4021);
    let mut line = Line::open(&ticket.endpoint).await;
    line.identify(&ticket).await;
    let endless = "a=x\r\n".repeat(16 << 10);
    line.say(1, json!({ "protocol": "webrtc", "data": endless })).await;
    assert_eq!(line.closed().await, 4002);
    a.hear(&slot, 20).await;
}
