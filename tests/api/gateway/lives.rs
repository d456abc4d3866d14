//! How sessions live on over dropped sockets, how they end, and how many there may be.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::seed::server_with_bot;
use super::socket::Socket;
use crate::support::{Person, Server};

/// A token bare, as most libraries send it.
fn bare<'a>(person: &'a Person<'_>) -> &'a str {
    person.authorization.trim_start_matches("Bot ")
}

#[tokio::test]
async fn a_dropped_socket_resumes_without_losing_an_event() {
    let server = Server::start().await;
    let mira = server.person("mira").await;
    let mut first = Socket::greeted(&server).await;
    first.identify(&mira.authorization, json!({})).await;
    let session = first.event("READY").await["d"]["session_id"].clone();
    let mut seq = first.event("SESSIONS_REPLACE").await["s"].as_u64().unwrap();
    drop(first);
    let set = |n: u64| mira.patch("/users/@me/settings", json!({ "afk_timeout": n }));
    for n in 1..=5 {
        set(n).await.ok();
    }
    for round in 0..3 {
        let mut socket = Socket::greeted(&server).await;
        socket.say(6, json!({ "token": bare(&mira), "session_id": session, "seq": seq })).await;
        let mut expected = seq + 1;
        let mut values = Vec::new();
        loop {
            let frame = socket.next().await.unwrap();
            assert_eq!(frame["s"], expected, "with the numbers of old, in order");
            expected += 1;
            match frame["t"].as_str().unwrap() {
                "USER_SETTINGS_UPDATE" => values.push(frame["d"]["afk_timeout"].as_u64().unwrap()),
                "RESUMED" => break,
                _ => {}
            }
        }
        if round == 0 {
            assert_eq!(values, [1, 2, 3, 4, 5]);
            // A live connection of the same session makes way: next round resumes while this socket is open.
            set(6).await.ok();
            let frame = socket.event("USER_SETTINGS_UPDATE").await;
            assert_eq!(frame["d"]["afk_timeout"], 6);
            seq = frame["s"].as_u64().unwrap();
            let mut thief = Socket::greeted(&server).await;
            thief.say(6, json!({ "token": bare(&mira), "session_id": session, "seq": seq })).await;
            thief.event("RESUMED").await;
            assert_eq!(socket.closed().await, 4000);
            seq += 1;
        }
    }
}

#[tokio::test]
async fn what_cannot_be_resumed_is_told_by_op_9_and_strangers_by_4004() {
    let server = Server::start().await;
    let mira = server.person("mira").await;
    let eve = server.person("eve").await;
    let mut owner = Socket::greeted(&server).await;
    owner.identify(&mira.authorization, json!({})).await;
    let session = owner.event("READY").await["d"]["session_id"].clone();
    let mut socket = Socket::greeted(&server).await;
    for (session, seq) in [(json!("feedfacefeedfacefeedfacefeedface"), 1), (session.clone(), 10_000)] {
        socket.say(6, json!({ "token": bare(&mira), "session_id": session, "seq": seq })).await;
        assert_eq!(socket.next().await.unwrap(), json!({ "op": 9, "s": null, "t": null, "d": false }));
    }
    socket.identify(&mira.authorization, json!({})).await;
    socket.event("READY").await;
    let mut stranger = Socket::greeted(&server).await;
    stranger.say(6, json!({ "token": bare(&eve), "session_id": session, "seq": 1 })).await;
    assert_eq!(stranger.closed().await, 4004);
    let mut forged = Socket::greeted(&server).await;
    forged.say(6, json!({ "token": "a.b.c", "session_id": session, "seq": 1 })).await;
    assert_eq!(forged.closed().await, 4004);
    // A close with 1000 ends the session; any other code leaves it.
    let bye = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    owner.stream.close(Some(bye)).await.unwrap();
    assert_eq!(owner.closed().await, 1000);
    let mut late = Socket::greeted(&server).await;
    late.say(6, json!({ "token": bare(&mira), "session_id": session, "seq": 1 })).await;
    assert_eq!(late.next().await.unwrap()["op"], 9);
}

#[tokio::test]
async fn tickets_identify_once_and_logout_closes_the_socket() {
    let server = Server::start().await;
    let mira = server.person("mira").await;
    let ticket = mira.post("/hearth/gateway-ticket", json!({})).await.ok();
    let ticket = ticket["ticket"].as_str().unwrap();
    let mut socket = Socket::greeted(&server).await;
    socket.identify(ticket, json!({})).await;
    socket.event("READY").await;
    let mut again = Socket::greeted(&server).await;
    again.identify(ticket, json!({})).await;
    assert_eq!(again.closed().await, 4004);
    mira.call(Method::POST, "/auth/logout", Some(json!({}))).await.ok();
    assert_eq!(socket.closed().await, 4004);
}

#[tokio::test]
async fn a_slow_reader_is_cut_off_and_resumes_with_all_it_missed() {
    let server = Server::start().await;
    let mira = server.person("mira").await;
    let mut fast = Socket::greeted(&server).await;
    fast.identify(&mira.authorization, json!({})).await;
    fast.event("SESSIONS_REPLACE").await;
    let mut slow = Socket::greeted(&server).await;
    slow.identify(&mira.authorization, json!({})).await;
    let session = slow.event("READY").await["d"]["session_id"].clone();
    // 50 KiB an event: the socket's buffers fill, then a mebibyte of what waits.
    let note = "x".repeat(48 << 10);
    let mut sent = 0;
    for n in 0..400 {
        mira.patch("/hearth/users/@me/prefs", json!({ "blob": note, "n": n })).await.ok();
        sent = n;
        fast.event("HEARTH_PREFS_UPDATE").await;
        if n >= 150 {
            break;
        }
    }
    let mut last_seq = 0;
    let code = loop {
        match slow.next().await {
            Ok(frame) => last_seq = frame["s"].as_u64().unwrap_or(last_seq),
            Err(code) => break code,
        }
    };
    assert!(code == 4000 || code == 1006, "cut off, resumably: {code}");
    let mut again = Socket::greeted(&server).await;
    again.say(6, json!({ "token": bare(&mira), "session_id": session, "seq": last_seq })).await;
    let mut last = 0;
    loop {
        let frame = again.next().await.unwrap();
        assert_eq!(frame["op"], 0, "resumed");
        last_seq += 1;
        assert_eq!(frame["s"], last_seq, "without a gap");
        match frame["t"].as_str().unwrap() {
            "HEARTH_PREFS_UPDATE" => last = frame["d"]["n"].as_u64().unwrap(),
            "RESUMED" => break,
            _ => {}
        }
    }
    assert_eq!(last, sent);
}

#[tokio::test]
async fn only_so_many_sockets_of_an_address_wait_to_identify() {
    let server = Server::start_with(|config| {
        config.limits.requests_per_address = "1000/s".parse_rate();
        config.limits.gateway_connections_per_address = 3;
    })
    .await;
    let mira = server.person("mira").await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(Socket::greeted(&server).await);
    }
    let url = server.origin.replace("http://", "ws://");
    let refused = tokio_tungstenite::connect_async(&url).await;
    assert!(
        matches!(refused, Err(tokio_tungstenite::tungstenite::Error::Http(answer)) if answer.status() == 429)
    );
    open[0].identify(&mira.authorization, json!({})).await;
    open[0].event("READY").await;
    Socket::greeted(&server).await;
}

trait ParseRate {
    fn parse_rate(&self) -> hearth::config::Rate;
}

impl ParseRate for str {
    fn parse_rate(&self) -> hearth::config::Rate {
        <hearth::config::Rate as hearth::config::Kind>::parse(self).unwrap()
    }
}

#[tokio::test]
async fn a_stop_asks_clients_to_reconnect_and_leaves_their_sessions() {
    let server = Server::start().await;
    let mira = server.person("mira").await;
    let mut socket = Socket::greeted(&server).await;
    socket.identify(&mira.authorization, json!({})).await;
    socket.event("READY").await;
    let mut silent = Socket::greeted(&server).await;
    let stop = tokio::spawn(server.stop());
    loop {
        let frame = socket.next().await.unwrap();
        if frame["op"] == 7 {
            assert_eq!(frame, json!({ "op": 7, "s": null, "t": null, "d": null }));
            break;
        }
    }
    assert_eq!(socket.closed().await, 4000);
    assert_eq!(silent.closed().await, 4000);
    tokio::time::timeout(Duration::from_secs(5), stop).await.expect("within five seconds").unwrap();
}

#[tokio::test]
async fn bots_are_told_where_to_connect_and_how_often_they_may() {
    let (server, token) = server_with_bot(2, 0).await;
    let authorization = format!("Bot {token}");
    let headers = [("authorization", authorization.as_str())];
    let ask = async || server.call_with(Method::GET, "/gateway/bot", None, &headers).await.ok();
    let told = ask().await;
    assert_eq!((&told["url"], &told["shards"]), (&json!(server.origin.replace("http", "ws")), &json!(1)));
    let limit = &told["session_start_limit"];
    assert_eq!(
        (&limit["total"], &limit["remaining"], &limit["max_concurrency"]),
        (&json!(1_000), &json!(1_000), &json!(16))
    );
    let mut socket = Socket::greeted(&server).await;
    socket.identify(&token, json!({ "intents": 0 })).await;
    socket.event("READY").await;
    assert_eq!(ask().await["session_start_limit"]["remaining"], 999);
}

#[tokio::test]
async fn a_seventeenth_identify_within_five_seconds_is_an_invalid_session() {
    let (server, token) = server_with_bot(2, 0).await;
    let mut sockets = Vec::new();
    let mut invalid = 0;
    for _ in 0..20 {
        let mut socket = Socket::greeted(&server).await;
        socket.identify(&token, json!({ "intents": 0 })).await;
        let first = socket.next().await.unwrap();
        invalid += usize::from(first["op"] == 9);
        sockets.push(socket);
    }
    assert!((1..=4).contains(&invalid), "{invalid} of 20");
}

#[tokio::test]
async fn a_person_has_at_most_25_sessions() {
    let server = Server::start().await;
    let mira = server.person("mira").await;
    let mut sockets = Vec::new();
    while sockets.len() < 25 {
        let mut socket = Socket::greeted(&server).await;
        loop {
            socket.identify(&mira.authorization, json!({})).await;
            // Beyond 16 at once the client is told to come again, and comes at the rate it may.
            if socket.next().await.unwrap()["t"] == "READY" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(320)).await;
        }
        sockets.push(socket);
    }
    let mut one_more = Socket::greeted(&server).await;
    let code = loop {
        one_more.identify(&mira.authorization, json!({})).await;
        match one_more.next().await {
            Ok(frame) => assert_eq!(frame["op"], 9),
            Err(code) => break code,
        }
        tokio::time::sleep(Duration::from_millis(320)).await;
    };
    assert_eq!(code, 4015);
}
