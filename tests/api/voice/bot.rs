//! A bot in a call over bare UDP, as Discord's libraries speak it, with somebody in a browser.

use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::{Value, json};
use tokio::net::UdpSocket;

use super::caller::{Caller, Line, PATIENCE, join};
use super::gather;
use crate::support::{Gateway, Person, Server};

const GUILDS_AND_VOICE: u64 = 1 | 1 << 7;

fn nonce(counter: [u8; 4]) -> Nonce {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&counter);
    Nonce::assume_unique_for_key(nonce)
}

/// A bot that is linked to the guild and connected to its voice channel over UDP, before it said that it speaks.
pub struct Jukebox {
    pub line: Line,
    pub socket: UdpSocket,
    pub ready: Value,
    /// What op 4 said.
    pub session: Value,
    pub ssrc: u32,
    key: LessSafeKey,
    /// Kept open: the bot leaves with it.
    _gateway: Gateway,
}

impl Jukebox {
    pub async fn call(owner: &Person<'_>, bot: &Person<'_>, guild: &str, voice: &str) -> Self {
        Self::call_with(owner, bot, guild, voice, async |_: &UdpSocket, _| ()).await
    }

    /// The same; `before` happens once it is identified, and before it selects how media is to flow.
    async fn call_with(
        owner: &Person<'_>,
        bot: &Person<'_>,
        guild: &str,
        voice: &str,
        before: impl AsyncFnOnce(&UdpSocket, u32),
    ) -> Self {
        let body = json!({ "guild_id": guild, "permissions": "0", "authorize": true });
        owner.post(&format!("/oauth2/authorize?client_id={}&scope=bot", bot.id), body).await.ok();
        let mut gateway = bot.connect_with(json!({ "intents": GUILDS_AND_VOICE })).await;
        let ticket = join(&mut gateway, &bot.id, guild, voice).await;
        let mut line = Line::open(&ticket.endpoint).await;
        let ready = line.identify(&ticket).await;
        let ssrc = ready["ssrc"].as_u64().unwrap() as u32;
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(("127.0.0.1", ready["port"].as_u64().unwrap() as u16)).await.unwrap();
        before(&socket, ssrc).await;
        line.say(1, json!({ "protocol": "udp", "data": { "address": "127.0.0.1", "port": 1, "mode": "aead_aes256_gcm_rtpsize" } })).await;
        let session = line.expect(4).await;
        let secret = session["secret_key"].as_array().unwrap();
        let secret: Vec<u8> = secret.iter().map(|byte| byte.as_u64().unwrap() as u8).collect();
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &secret).unwrap());
        Self { line, socket, ready, session, ssrc, key, _gateway: gateway }
    }

    /// Says that it speaks.
    pub async fn speak(&mut self) {
        self.say_speaking(1).await;
    }

    async fn say_speaking(&mut self, bits: u64) {
        self.line.say(5, json!({ "speaking": bits, "delay": 0, "ssrc": self.ssrc })).await;
    }

    /// Sends a frame of sound.
    pub async fn play(&self, seq: u16) {
        let mut packet = vec![0x80, 0x78];
        packet.extend(seq.to_be_bytes());
        packet.extend((u32::from(seq) * 960).to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        let mut sealed = vec![0xfc, 0xff, 0x01];
        let counter = (u32::from(seq) + 1).to_be_bytes();
        self.key.seal_in_place_append_tag(nonce(counter), Aad::from(&packet), &mut sealed).unwrap();
        packet.extend(sealed);
        packet.extend(counter);
        self.socket.send(&packet).await.unwrap();
    }

    /// The next packet of sound, opened: who sends, its number, and the sound.
    async fn hear(&self) -> (u32, u16, Vec<u8>) {
        let mut packet = [0; 2_000];
        let count = tokio::time::timeout(PATIENCE, self.socket.recv(&mut packet)).await.unwrap().unwrap();
        let packet = &packet[..count];
        assert_eq!((packet[0], packet[1]), (0x80, 0x78));
        let counter: [u8; 4] = packet[count - 4..].try_into().unwrap();
        let mut sealed = packet[12..count - 4].to_vec();
        let opened = self.key.open_in_place(nonce(counter), Aad::from(&packet[..12]), &mut sealed).unwrap();
        let ssrc = u32::from_be_bytes(packet[8..12].try_into().unwrap());
        (ssrc, u16::from_be_bytes([packet[2], packet[3]]), opened.to_vec())
    }
}

/// Where am I?
fn question(ssrc: u32) -> Vec<u8> {
    let mut asked = vec![0; 74];
    asked[..4].copy_from_slice(&[0, 1, 0, 70]);
    asked[4..8].copy_from_slice(&ssrc.to_be_bytes());
    asked
}

/// The next packet says where the socket is.
async fn take_answer(socket: &UdpSocket) {
    let mut answer = [0; 2_000];
    let count = tokio::time::timeout(PATIENCE, socket.recv(&mut answer)).await.unwrap().unwrap();
    assert_eq!(count, 74);
    assert!(answer[8..].starts_with(b"127.0.0.1\0"));
    assert_eq!(answer[72..74], socket.local_addr().unwrap().port().to_be_bytes());
}

#[tokio::test]
async fn a_bot_that_missed_where_it_is_is_told_again_and_a_stranger_is_not() {
    let server = Server::start().await;
    let mira = server.person("mira").await;
    let (guild, _, voice) = gather(&[&mira]).await;
    let bot = mira.make_bot("jukebox").await;
    let ask = async |socket: &UdpSocket, ssrc| {
        let stranger = UdpSocket::bind("127.0.0.2:0").await.unwrap();
        stranger.connect(socket.peer_addr().unwrap()).await.unwrap();
        stranger.send(&question(ssrc)).await.unwrap();
        let mut answer = [0; 100];
        tokio::time::timeout(PATIENCE, stranger.recv(&mut answer)).await.unwrap().unwrap();
        assert!(answer[8..].starts_with(b"127.0.0.2\0"));
        let more = tokio::time::timeout(Duration::from_millis(500), stranger.recv(&mut answer)).await;
        assert!(more.is_err(), "the stranger is told again");

        socket.send(&question(ssrc)).await.unwrap();
        take_answer(socket).await;
        take_answer(socket).await;
        take_answer(socket).await;
    };
    let jukebox = Jukebox::call_with(&mira, &bot, &guild, &voice, ask).await;
    assert_eq!(jukebox.session["mode"], "aead_aes256_gcm_rtpsize");
}

#[tokio::test]
async fn a_bot_plays_and_hears_in_one_call_with_a_browser() {
    let server = Server::start().await;
    let (mira, bob) = (server.person("mira").await, server.person("bob").await);
    let (guild, _, voice) = gather(&[&mira, &bob]).await;
    let bot = mira.make_bot("jukebox").await;
    let mut a = Caller::call(&mira, &guild, &voice).await;
    let mut jukebox = Jukebox::call(&mira, &bot, &guild, &voice).await;
    assert_eq!(jukebox.ready["modes"][0], "aead_aes256_gcm_rtpsize");
    jukebox.socket.send(&question(jukebox.ssrc)).await.unwrap();
    take_answer(&jukebox.socket).await;

    jukebox.speak().await;
    let slot = a.slot_of(&bot.id).await;
    let spoken = a.speaking_of(&bot.id).await;
    assert_eq!((&spoken["ssrc"], &spoken["speaking"]), (&json!(jukebox.ssrc), &json!(1)));
    for seq in 0..30u16 {
        jukebox.play(seq).await;
        a.until(|seen| seen.packets.get(&slot).copied().unwrap_or(0) > u64::from(seq)).await;
    }

    a.talk(true);
    let announced: Value = jukebox.line.expect(5).await;
    assert_eq!(announced["user_id"], mira.id);
    let theirs = announced["ssrc"].as_u64().unwrap() as u32;
    let mut last = None;
    for _ in 0..20 {
        let (ssrc, seq, sound) = jukebox.hear().await;
        assert_eq!((ssrc, &sound[..]), (theirs, &[0xfc, 1, 2, 3][..]));
        assert!(last.is_none_or(|last: u16| seq == last.wrapping_add(1)));
        last = Some(seq);
    }
}

/// discord.py says that it is silent once it has its key, and that it speaks only if its player saw that it was away meanwhile.
#[tokio::test]
async fn a_bot_that_said_it_is_silent_and_plays_on_is_made_known_to_another() {
    let server = Server::start().await;
    let mira = server.person("mira").await;
    let (guild, _, voice) = gather(&[&mira]).await;
    let (player, listener) = (mira.make_bot("player").await, mira.make_bot("listener").await);
    let mut hearing = Jukebox::call(&mira, &listener, &guild, &voice).await;
    hearing.socket.send(&question(hearing.ssrc)).await.unwrap();
    take_answer(&hearing.socket).await;
    let mut playing = Jukebox::call(&mira, &player, &guild, &voice).await;
    playing.say_speaking(0).await;
    let playing = async {
        for seq in 0.. {
            playing.play(seq).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let heard = async {
        let announced = hearing.line.expect(5).await;
        assert_eq!(announced["user_id"], player.id);
        (announced["ssrc"].as_u64().unwrap() as u32, hearing.hear().await.0)
    };
    tokio::select! {
        () = playing => unreachable!("it plays without end"),
        (announced, heard) = heard => assert_eq!(announced, heard),
    }
}
