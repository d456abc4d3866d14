//! I-11 of SAFETY.md: whatever bytes strangers and members send, they are refused in the words of the contract, and the server stays.
//! `HEARTH_TEST_GARBAGE` asks for more rounds than the usual ones; what a round sends follows from its number.

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Gateway, MULTIPART, Person, Server, multipart};
use crate::voice::{Line, join};
use crate::worlds::Dice;

/// Rounds for which one account's identifications last: so many in five seconds are let through (API.md §3.2).
const IDENTIFIED_ROUNDS: u64 = 5 * 12;

fn rounds(usual: u64) -> u64 {
    std::env::var("HEARTH_TEST_GARBAGE").ok().and_then(|count| count.parse().ok()).unwrap_or(usual)
}

/// Changes a few bytes, cuts, repeats or inserts: what comes out is nearly right, which reaches deeper than noise does.
fn mutate(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(bytes.len() as u64 + 1) as usize;
        let rest = bytes.len() - at;
        match dice.roll(6) {
            0 => bytes.truncate(at),
            1 => bytes.extend_from_within(at..),
            2 => drop(bytes.drain(at..at + dice.roll(rest as u64 + 1) as usize)),
            3 => {
                let odd: [&[u8]; 8] = [
                    b"null",
                    b"-1",
                    b"1e999",
                    b"\"\"",
                    b"[[[[",
                    b"\xff\xfe",
                    b"\\ud800",
                    b"18446744073709551616",
                ];
                bytes.splice(at..at, odd[dice.roll(8) as usize].iter().copied());
            }
            _ if rest > 0 => bytes[at] = dice.roll(256) as u8,
            _ => bytes.push(dice.roll(256) as u8),
        }
    }
    bytes
}

async fn still_talks(person: &Person<'_>, channel: &str) {
    assert_eq!(person.say(channel, "still here").await["content"], "still here");
}

#[tokio::test]
async fn i11_no_frame_of_the_gateway_does_more_than_close_its_own_socket() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let (guild, channel) = mira.make_guild("Maple House").await;
    let frames = [
        json!({ "op": 1, "d": 5 }),
        json!({ "op": 2, "d": { "token": mira.authorization, "properties": { "os": "x" }, "shard": [0, 1], "presence": { "status": "idle", "activities": [{ "name": "soup", "type": 0 }], "since": null, "afk": false } } }),
        json!({ "op": 3, "d": { "status": "dnd", "activities": [], "since": 91_879_201, "afk": false } }),
        json!({ "op": 4, "d": { "guild_id": guild, "channel_id": channel, "self_mute": true, "self_deaf": false } }),
        json!({ "op": 6, "d": { "token": mira.authorization, "session_id": "x", "seq": 3 } }),
        json!({ "op": 8, "d": { "guild_id": guild, "query": "m", "limit": 3, "presences": true, "nonce": "n" } }),
        json!({ "op": 13, "d": { "channel_id": channel } }),
        json!({ "op": 14, "d": { "guild_id": guild, "channels": { channel.clone(): [[0, 99]] }, "members": ["1"], "typing": true } }),
        json!({ "op": 37, "d": { "subscriptions": { guild.clone(): { "channels": { channel.clone(): [[0, 99], [100, 199]] } } } } }),
    ];
    let mut dice = Dice(11);
    let mut guest = mira.clone();
    for round in 0..rounds(60) {
        if round % IDENTIFIED_ROUNDS == IDENTIFIED_ROUNDS - 1 {
            guest = server.person(&format!("guest{round}")).await;
            mira.bring(&channel, &[&guest]).await;
        }
        // Some sockets have identified, so that what needs a session is reached too.
        let mut gateway = match round % 5 {
            0 => guest.connect().await,
            _ => Gateway::open(&server.origin, "?v=10&encoding=json").await,
        };
        for _ in 0..4 {
            let frame = frames[dice.roll(frames.len() as u64) as usize].to_string();
            // The server may have closed already.
            let _ = gateway.try_send_binary(mutate(frame.as_bytes(), &mut dice)).await;
        }
        let _ = gateway.try_send_binary(b"{\"op\":77}".to_vec()).await;
        let _ = gateway.try_send_binary(b"{".to_vec()).await;
        let code = loop {
            if let Err(code) = gateway.frame().await {
                break code;
            }
        };
        assert!((4000..=4015).contains(&code), "round {round}: closed with {code}");
    }
    still_talks(&mira, &channel).await;
}

#[tokio::test]
async fn i11_no_message_to_voice_does_more_than_close_its_own_socket() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let (guild, channel) = mira.make_guild("Maple House").await;
    let channels = mira.get(&format!("/guilds/{guild}/channels")).await.ok();
    let voice = channels.as_array().unwrap().iter().find(|one| one["type"] == 2).unwrap();
    let mut gateway = mira.connect().await;
    let ticket = join(&mut gateway, &mira.id, &guild, voice["id"].as_str().unwrap()).await;
    let sdp = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
        c=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=setup:actpass\r\n\
        a=fingerprint:sha-256 00:11\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n";
    let messages = [
        json!({ "op": 1, "d": { "protocol": "udp", "data": { "address": "127.0.0.1", "port": 9, "mode": "aead_aes256_gcm_rtpsize" } } }),
        json!({ "op": 1, "d": { "protocol": "webrtc", "data": sdp, "tracks": { "0": "mic" } } }),
        json!({ "op": 3, "d": { "t": 1, "seq_ack": 1 } }),
        json!({ "op": 5, "d": { "speaking": 1, "delay": 0, "ssrc": 5 } }),
        json!({ "op": 7, "d": { "server_id": guild, "session_id": "x", "token": "y", "seq_ack": 1 } }),
        json!({ "op": 100, "d": { "sdp": sdp, "tracks": {} } }),
        json!({ "op": 103, "d": { "wants": [] } }),
    ];
    let mut dice = Dice(13);
    for round in 0..rounds(40) {
        let mut line = Line::open(&ticket.endpoint).await;
        line.identify(&ticket).await;
        for _ in 0..4 {
            let message = messages[dice.roll(messages.len() as u64) as usize].to_string();
            let _ = line.try_send_binary(mutate(message.as_bytes(), &mut dice)).await;
        }
        let _ = line.try_send_binary(b"{".to_vec()).await;
        let code = line.closed().await;
        assert!((4000..=4022).contains(&code), "round {round}: closed with {code}");
    }
    still_talks(&mira, &channel).await;
}

#[tokio::test]
async fn i11_no_body_with_files_breaks_anything_or_leaves_anything() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let (_, channel) = mira.make_guild("Maple House").await;
    let payload = json!({ "content": "look", "attachments": [{ "id": 0, "description": "x" }], "nonce": 1 })
        .to_string();
    let whole = multipart(&[
        ("payload_json", "", payload.as_bytes()),
        ("files[0]", "a.png", b"\x89PNG\r\n\x1a\n"),
        ("file", "b.txt", b"bbb"),
    ]);
    let url = format!("{}/api/v10/channels/{channel}/messages", server.origin);
    let headers = [("authorization", mira.authorization.as_str()), ("content-type", MULTIPART)];
    let mut dice = Dice(17);
    for round in 0..rounds(150) {
        let answer = server.send(Method::POST, &url, &headers, mutate(&whole, &mut dice)).await;
        let status = answer.status.as_u16();
        assert!(status == 200 || (400..500).contains(&status), "round {round}: {status} {}", answer.body);
        assert!(status == 200 || answer.body["message"].is_string(), "round {round}: {}", answer.body);
    }
    assert_eq!(server.unfinished_files(), [""; 0]);
    still_talks(&mira, &channel).await;
}

#[tokio::test]
async fn i11_no_bytes_on_a_socket_stop_the_listener() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let (_, channel) = mira.make_guild("Maple House").await;
    let body = json!({ "content": "soup" }).to_string();
    let (address, token) = (server.address(), &mira.authorization);
    let request = format!(
        "POST /api/v10/channels/{channel}/messages HTTP/1.1\r\nHost: {address}\r\nAuthorization: {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let upgrade = format!(
        "GET /?v=10&encoding=json HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x02\x10"
    );
    let mut dice = Dice(19);
    for round in 0..rounds(150) {
        let seed = if round % 2 == 0 { &request } else { &upgrade };
        let mut stream = TcpStream::connect(address).await.unwrap();
        // It may close before it has read all.
        let _ = stream.write_all(&mutate(seed.as_bytes(), &mut dice)).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let text = String::from_utf8_lossy(&answer);
        let status: u16 = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(400);
        // Without a built web client its page is a 503.
        assert_ne!(status, 500, "round {round}: {text}");
    }
    still_talks(&mira, &channel).await;
}
