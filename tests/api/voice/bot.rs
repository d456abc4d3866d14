//! A bot in a call over bare UDP, as Discord's libraries speak it, with somebody in a browser.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::{Value, json};
use tokio::net::UdpSocket;

use super::caller::{Caller, Line, PATIENCE, join};
use super::gather;
use crate::support::Server;

const GUILDS_AND_VOICE: u64 = 1 | 1 << 7;

fn nonce(counter: [u8; 4]) -> Nonce {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&counter);
    Nonce::assume_unique_for_key(nonce)
}

#[tokio::test]
async fn a_bot_plays_and_hears_in_one_call_with_a_browser() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let bot = mira.make_bot("jukebox").await;
    let body = json!({ "guild_id": guild, "permissions": "0", "authorize": true });
    mira.post(&format!("/oauth2/authorize?client_id={}&scope=bot", bot.id), body).await.ok();
    let mut a = Caller::call(&mira, &guild, &voice).await;

    let mut gateway = bot.connect_with(json!({ "intents": GUILDS_AND_VOICE })).await;
    let ticket = join(&mut gateway, &bot.id, &guild, &voice).await;
    let mut line = Line::open(&ticket.endpoint).await;
    let ready = line.identify(&ticket).await;
    assert_eq!(ready["ip"], "127.0.0.1");
    assert_eq!(ready["modes"][0], "aead_aes256_gcm_rtpsize");
    let ssrc = ready["ssrc"].as_u64().unwrap() as u32;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(("127.0.0.1", ready["port"].as_u64().unwrap() as u16)).await.unwrap();
    let mut asked = vec![0; 74];
    asked[..4].copy_from_slice(&[0, 1, 0, 70]);
    asked[4..8].copy_from_slice(&ssrc.to_be_bytes());
    socket.send(&asked).await.unwrap();
    let mut answer = [0; 2_000];
    let count = tokio::time::timeout(PATIENCE, socket.recv(&mut answer)).await.unwrap().unwrap();
    assert_eq!(count, 74);
    assert!(answer[8..].starts_with(b"127.0.0.1\0"));
    assert_eq!(answer[72..74], socket.local_addr().unwrap().port().to_be_bytes());

    line.say(1, json!({ "protocol": "udp", "data": { "address": "127.0.0.1", "port": 1, "mode": "aead_aes256_gcm_rtpsize" } })).await;
    let session = line.expect(4).await;
    let key: Vec<u8> =
        session["secret_key"].as_array().unwrap().iter().map(|byte| byte.as_u64().unwrap() as u8).collect();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap());
    line.say(5, json!({ "speaking": 1, "delay": 0, "ssrc": ssrc })).await;
    let slot = a.slot_of(&bot.id).await;
    let spoken = loop {
        let told = a.line.expect(5).await;
        if told["user_id"] == bot.id {
            break told;
        }
    };
    assert_eq!((&spoken["ssrc"], &spoken["speaking"]), (&json!(ssrc), &json!(1)));
    for seq in 0..30u16 {
        let mut packet = vec![0x80, 0x78];
        packet.extend(seq.to_be_bytes());
        packet.extend((u32::from(seq) * 960).to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        let mut sealed = vec![0xfc, 0xff, 0x01];
        let counter = (u32::from(seq) + 1).to_be_bytes();
        key.seal_in_place_append_tag(nonce(counter), Aad::from(&packet), &mut sealed).unwrap();
        packet.extend(sealed);
        packet.extend(counter);
        socket.send(&packet).await.unwrap();
        a.until(|seen| seen.packets.get(&slot).copied().unwrap_or(0) > u64::from(seq)).await;
    }

    a.talk(true);
    let announced: Value = line.expect(5).await;
    assert_eq!(announced["user_id"], mira.id);
    let theirs = announced["ssrc"].as_u64().unwrap() as u32;
    let (mut heard, mut last) = (0, None);
    while heard < 20 {
        let count = tokio::time::timeout(PATIENCE, socket.recv(&mut answer)).await.unwrap().unwrap();
        let packet = &answer[..count];
        assert_eq!((packet[0], packet[1]), (0x80, 0x78));
        assert_eq!(packet[8..12], theirs.to_be_bytes());
        let counter: [u8; 4] = packet[count - 4..].try_into().unwrap();
        let mut sealed = packet[12..count - 4].to_vec();
        let opened = key.open_in_place(nonce(counter), Aad::from(&packet[..12]), &mut sealed).unwrap();
        assert_eq!(opened, [0xfc, 1, 2, 3]);
        let seq = u16::from_be_bytes([packet[2], packet[3]]);
        assert!(last.is_none_or(|last: u16| seq == last.wrapping_add(1)));
        last = Some(seq);
        heard += 1;
    }
}
