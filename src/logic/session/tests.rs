//! What clients say, and what the machine makes of it.

use serde_json::{Value, json};

use crate::logic::intents::Intents;
use crate::logic::session::client_frame::{
    ClientFrame, Fault, GuildSubscription, MAX_DEPTH, RequestMembers, Rows, VoiceStateUpdate, WhichMembers,
};
use crate::logic::session::machine::{
    ALL_MEMBERS_EVERY_MS, HEARTBEAT_WITHIN_MS, IDENTIFY_WITHIN_MS, MAX_PAYLOAD_BYTES, MAX_PAYLOADS,
    MAX_PRESENCES, PAYLOAD_WINDOW_MS, PRESENCE_WINDOW_MS,
};
use crate::logic::session::{
    Admitted, Close, CloseCode, Command, HEARTBEAT_ACK, Identify, Machine, Shard, Step, Who,
};
use crate::model::{ChannelId, GuildId, Status, UserId};

const BOT: Who = Who::Bot { application_flags: 0 };

fn frame(op: u64, d: Value) -> Vec<u8> {
    json!({ "op": op, "d": d }).to_string().into_bytes()
}

fn parse(op: u64, d: Value) -> Result<ClientFrame, Fault> {
    ClientFrame::parse(&frame(op, d), 1 << 20)
}

fn identify(d: Value) -> Box<Identify> {
    match parse(2, d) {
        Ok(ClientFrame::Identify(identify)) => identify,
        other => panic!("{other:?}"),
    }
}

fn identified(who: Who) -> Machine {
    let mut machine = Machine::new(0);
    machine.admit(who, &identify(json!({ "token": "t", "intents": 0 }))).unwrap();
    machine
}

fn closed(step: Step) -> Option<CloseCode> {
    match step {
        Step::Close(close) => Some(close.code),
        _ => None,
    }
}

#[test]
fn identify_is_read_as_each_library_writes_it() {
    let discord_py = identify(json!({
        "token": "Bot abc.def.ghi",
        "properties": { "os": "linux", "browser": "discord.py", "device": "discord.py" },
        "compress": true, "large_threshold": 1000, "intents": 53_608_447,
        "shard": [1, 4],
        "presence": { "status": null, "game": { "name": "dice", "type": 0 }, "since": 0, "afk": false },
    }));
    assert_eq!(discord_py.token.reveal(), "abc.def.ghi");
    assert_eq!((discord_py.large_threshold, discord_py.compress), (250, true));
    assert_eq!(discord_py.intents, Some(Intents::ALL.bits()));
    assert_eq!(discord_py.shard, Some([1, 4]));
    let presence = discord_py.presence.unwrap();
    assert_eq!(
        (presence.status, presence.since_ms, presence.activities[0].name.as_str()),
        (Status::Online, None, "dice")
    );

    let old = identify(json!({
        "token": "Bearer x", "presence": null, "capabilities": 1 << 14, "client_state": { "guild_versions": {} },
        "properties": { "$os": "windows", "$browser": "b".repeat(500), "os": "win", "client_build_number": 9 },
    }));
    assert_eq!((old.token.reveal(), old.intents, old.large_threshold), ("x", None, 50));
    assert_eq!((old.properties.os.as_str(), old.properties.browser.len()), ("win", 128));
    assert_eq!((old.capabilities, old.presence), (1 << 14, None));

    assert_eq!(format!("{:?}", old.token), "GatewayToken");
    assert_eq!(parse(2, json!({ "token": "t", "intents": -1 })).unwrap_err(), Fault::BadIntents);
    assert_eq!(parse(2, json!({ "token": "t", "intents": 1.5 })).unwrap_err(), Fault::BadIntents);
    assert_eq!(parse(2, json!({ "intents": 1 })).unwrap_err(), Fault::BadData);
    assert_eq!(parse(2, Value::Null).unwrap_err(), Fault::BadData);
}

#[test]
fn snowflakes_come_as_strings_and_integers() {
    for guild_id in [json!("41771983423143937"), json!(41_771_983_423_143_937_u64)] {
        let Ok(ClientFrame::VoiceState(voice)) =
            parse(4, json!({ "guild_id": guild_id, "channel_id": null }))
        else {
            panic!("a voice state");
        };
        let expected = VoiceStateUpdate {
            guild_id: Some(GuildId::new(41_771_983_423_143_937)),
            channel_id: None,
            self_mute: false,
            self_deaf: false,
            self_video: false,
            flags: None,
        };
        assert_eq!(voice, expected);
    }
}

#[test]
fn member_requests_take_every_shape() {
    let read = |d| match parse(8, d) {
        Ok(ClientFrame::RequestMembers(request)) => Ok(request),
        Ok(other) => panic!("{other:?}"),
        Err(fault) => Err(fault),
    };
    let all =
        read(json!({ "guild_id": "7", "query": "", "limit": 0, "presences": true, "nonce": "n1" })).unwrap();
    let expected = RequestMembers {
        guild_ids: vec![GuildId::new(7)],
        which: WhichMembers::All,
        presences: true,
        nonce: Some("n1".into()),
    };
    assert_eq!(all, expected);
    let several = read(json!({ "guild_id": ["7", 8], "query": "ti", "limit": 500, "nonce": 5 })).unwrap();
    assert_eq!(several.guild_ids, [GuildId::new(7), GuildId::new(8)]);
    assert_eq!(several.which, WhichMembers::Prefix { query: "ti".into(), limit: 100 });
    assert_eq!(several.nonce.as_deref(), Some("5"));
    let one = read(json!({ "guild_id": 7, "user_ids": "9", "limit": 0, "nonce": "x".repeat(33) })).unwrap();
    assert_eq!((one.which, one.nonce), (WhichMembers::Users(vec![UserId::new(9)]), None));
    assert_eq!(read(json!({ "guild_id": 7, "user_ids": vec!["9"; 101] })), Err(Fault::BadData));
    assert_eq!(read(json!({ "guild_id": 7 })), Err(Fault::BadData));
    assert_eq!(read(json!({ "query": "" })), Err(Fault::BadData));
}

#[test]
fn subscriptions_hold_ranges_that_can_be() {
    let one = json!({ "guild_id": "7", "channels": { "3": [[0, 99], [100, 199]] }, "members": [5], "typing": true });
    let Ok(ClientFrame::Subscribe(guilds)) = parse(14, one) else { panic!("a subscription") };
    let rows = vec![Rows { first: 0, last: 99 }, Rows { first: 100, last: 199 }];
    let expected = GuildSubscription {
        guild_id: GuildId::new(7),
        channels: vec![(ChannelId::new(3), rows)],
        members: vec![UserId::new(5)],
        typing: Some(true),
        activities: None,
        threads: None,
    };
    assert_eq!(guilds, [expected]);
    let many = json!({ "subscriptions": { "7": {}, "8": { "channels": {} } } });
    assert!(matches!(parse(37, many), Ok(ClientFrame::Subscribe(guilds)) if guilds.len() == 2));
    for wrong in [json!([[0, 100]]), json!([[5, 4]]), json!([[-1, 4]]), json!(vec![[0, 1]; 6]), json!("0-99")]
    {
        assert_eq!(
            parse(14, json!({ "guild_id": 7, "channels": { "3": wrong } })).unwrap_err(),
            Fault::BadData
        );
    }
}

#[test]
fn presences_are_cut_to_size() {
    let activity =
        json!({ "name": "n".repeat(500), "type": 4, "state": "é".repeat(500), "emoji": { "name": "x" } });
    let d = json!({ "since": 1.5e12, "activities": vec![activity; 20], "status": "dnd", "afk": true });
    let Ok(ClientFrame::Presence(presence)) = parse(3, d) else { panic!("a presence") };
    assert_eq!(
        (presence.status, presence.since_ms, presence.is_afk),
        (Status::Dnd, Some(1_500_000_000_000), true)
    );
    assert_eq!(presence.activities.len(), 8);
    assert_eq!(presence.activities[0].name.len(), 128);
    assert_eq!(presence.activities[0].state.as_ref().unwrap().chars().count(), 128);
    assert_eq!(parse(3, json!({ "status": "loud" })).unwrap_err(), Fault::BadData);
}

#[test]
fn garbage_has_its_code_and_never_panics() {
    let nested = |depth: usize| format!(r#"{{"op":1,"d":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let cases: [(&[u8], Fault); 8] = [
        (b"", Fault::Undecodable),
        (b"\xff\xfe", Fault::Undecodable),
        (b"[]", Fault::Undecodable),
        (br#"{"d":1}"#, Fault::Undecodable),
        (br#"{"op":"2"}"#, Fault::Undecodable),
        (br#"{"op":-1}"#, Fault::UnknownOpcode),
        (br#"{"op":0,"d":{}}"#, Fault::UnknownOpcode),
        (br#"{"op":1,"d":"x"}"#, Fault::BadData),
    ];
    for (bytes, fault) in cases {
        assert_eq!(
            ClientFrame::parse(bytes, 4096).unwrap_err(),
            fault,
            "{:?}",
            String::from_utf8_lossy(bytes)
        );
    }
    assert_eq!(ClientFrame::parse(nested(MAX_DEPTH).as_bytes(), 4096).unwrap_err(), Fault::Undecodable);
    assert_eq!(ClientFrame::parse(nested(MAX_DEPTH - 1).as_bytes(), 4096).unwrap_err(), Fault::BadData);
    let brackets_in_text = json!({ "op": 1, "d": null, "x": format!("\"{}", "[".repeat(500)) }).to_string();
    assert!(matches!(
        ClientFrame::parse(brackets_in_text.as_bytes(), 4096),
        Ok(ClientFrame::Heartbeat(None))
    ));
    let valid = frame(8, json!({ "guild_id": "7", "query": "", "limit": 0 }));
    for cut in 0..valid.len() {
        assert!(ClientFrame::parse(&valid[..cut], 4096).is_err());
    }
    for at in 0..valid.len() {
        for byte in [0, b'"', b'{', b'9', 0xff] {
            let mut mutant = valid.clone();
            mutant[at] = byte;
            let _read_or_refused = ClientFrame::parse(&mutant, 4096);
        }
    }
}

#[test]
fn heartbeats_are_answered_before_identify_and_push_the_deadline() {
    let mut machine = Machine::new(1_000);
    assert_eq!(machine.next_deadline(), 1_000 + IDENTIFY_WITHIN_MS);
    assert!(matches!(machine.on_frame(2_000, &frame(1, Value::Null)), Step::Reply(HEARTBEAT_ACK)));
    assert_eq!(machine.on_time(30_999), None);
    let late = machine.on_time(31_000).unwrap();
    assert_eq!((late.code, late.reason), (CloseCode::SessionTimeout, "no identify within 30 seconds"));

    let mut machine = identified(BOT);
    assert_eq!(machine.next_deadline(), 61_875);
    machine.on_frame(60_000, &frame(1, json!(12)));
    assert_eq!(machine.last_heartbeat_seq(), Some(12));
    assert_eq!(machine.on_time(60_000 + HEARTBEAT_WITHIN_MS - 1), None);
    assert_eq!(
        machine.on_time(60_000 + HEARTBEAT_WITHIN_MS).map(|close| close.code),
        Some(CloseCode::SessionTimeout)
    );
}

#[test]
fn what_comes_before_and_after_identify_is_held_apart() {
    let mut machine = Machine::new(0);
    assert_eq!(closed(machine.on_frame(0, &frame(3, json!({})))), Some(CloseCode::NotAuthenticated));
    assert_eq!(closed(machine.on_frame(0, &frame(40, json!({})))), Some(CloseCode::NotAuthenticated));
    assert_eq!(closed(machine.on_frame(0, &frame(99, json!({})))), Some(CloseCode::UnknownOpcode));
    let Step::Resume(resume) =
        machine.on_frame(0, &frame(6, json!({ "token": "t", "session_id": "s", "seq": 4 })))
    else {
        panic!("a resume");
    };
    assert_eq!((resume.session_id.as_str(), resume.seq), ("s", 4));
    let negative = frame(6, json!({ "token": "t", "session_id": "s", "seq": -4 }));
    assert_eq!(closed(machine.on_frame(0, &negative)), Some(CloseCode::BadSeq));

    machine.refuse(20_000);
    let Step::Identify(identify) = machine.on_frame(20_000, &frame(2, json!({ "token": "t", "intents": 1 })))
    else {
        panic!("an identify");
    };
    assert_eq!(machine.next_deadline(), 50_000);
    assert_eq!(machine.admit(BOT, &identify), Ok(Admitted { intents: Intents::GUILDS, shard: None }));
    assert!(machine.is_identified());
    let again = frame(2, json!({ "token": "t", "intents": 1 }));
    assert_eq!(closed(machine.on_frame(20_001, &again)), Some(CloseCode::AlreadyIdentified));
}

#[test]
fn sizes_and_opcodes_differ_for_bots_and_people() {
    let long = frame(3, json!({ "status": "idle", "padding": "x".repeat(MAX_PAYLOAD_BYTES) }));
    assert_eq!(closed(Machine::new(0).on_frame(0, &long)), Some(CloseCode::Decode));
    assert_eq!(closed(identified(BOT).on_frame(0, &long)), Some(CloseCode::Decode));
    assert!(matches!(identified(Who::Person).on_frame(0, &long), Step::Forward(Command::Presence(_))));

    let looks = frame(14, json!({ "guild_id": 7 }));
    assert!(matches!(identified(BOT).on_frame(0, &looks), Step::Nothing));
    assert!(matches!(identified(Who::Person).on_frame(0, &looks), Step::Forward(Command::Subscribe(_))));
    let calls = frame(13, json!({ "channel_id": 7 }));
    assert!(matches!(identified(Who::Person).on_frame(0, &calls), Step::Forward(Command::ConnectCall(_))));
    assert_eq!(closed(identified(BOT).on_frame(0, &frame(99, json!({})))), Some(CloseCode::UnknownOpcode));
    assert!(matches!(identified(Who::Person).on_frame(0, &frame(99, json!({}))), Step::Nothing));
    assert!(matches!(identified(BOT).on_frame(0, &frame(40, json!({}))), Step::Nothing));
}

#[test]
fn a_bots_intents_and_shard_must_be_ones_it_may_have() {
    let admit = |flags, d: Value| {
        Machine::new(0)
            .admit(Who::Bot { application_flags: flags }, &identify(d))
            .map_err(|Close { code, .. }| code)
    };
    let asks = |intents: u64| json!({ "token": "t", "intents": intents });
    assert_eq!(admit(0, json!({ "token": "t" })), Err(CloseCode::BadIntents));
    assert_eq!(admit(0, asks(1 << 17)), Err(CloseCode::BadIntents));
    assert_eq!(admit(0, asks(1 << 8)), Err(CloseCode::DisallowedIntents));
    assert_eq!(admit(1 << 13, asks(1 << 8)).unwrap().intents, Intents::GUILD_PRESENCES);
    for [id, count] in [[1, 1], [0, 0], [5, 3]] {
        let d = json!({ "token": "t", "intents": 1, "shard": [id, count] });
        assert_eq!(admit(0, d), Err(CloseCode::BadShard));
    }
    let shard = admit(0, json!({ "token": "t", "intents": 1, "shard": [1, 2] })).unwrap().shard.unwrap();
    assert_eq!(shard, Shard { id: 1, count: 2 });
    assert!(shard.holds(GuildId::new(3 << 22)) && !shard.holds(GuildId::new(4 << 22)));

    let person = Machine::new(0).admit(Who::Person, &identify(json!({ "token": "t" }))).unwrap();
    assert_eq!(person, Admitted { intents: Intents::ALL, shard: None });
}

#[test]
fn too_many_payloads_close_and_too_many_presences_are_dropped() {
    let mut machine = identified(BOT);
    let beat = frame(1, Value::Null);
    for _ in 0..MAX_PAYLOADS {
        assert!(matches!(machine.on_frame(10, &beat), Step::Reply(_)));
    }
    assert_eq!(closed(machine.on_frame(10 + PAYLOAD_WINDOW_MS - 1, &beat)), Some(CloseCode::RateLimited));
    assert!(matches!(machine.on_frame(10 + PAYLOAD_WINDOW_MS, &beat), Step::Reply(_)));

    let mut machine = identified(BOT);
    let presence = frame(3, json!({ "status": "idle", "since": null, "activities": [], "afk": false }));
    for _ in 0..MAX_PRESENCES {
        assert!(matches!(machine.on_frame(5, &presence), Step::Forward(_)));
    }
    assert!(matches!(machine.on_frame(5, &presence), Step::Nothing));
    assert!(matches!(machine.on_frame(5 + PRESENCE_WINDOW_MS, &presence), Step::Forward(_)));
}

#[test]
fn a_bot_may_ask_for_all_members_of_a_guild_twice_a_minute() {
    let all = |guild: u64| frame(8, json!({ "guild_id": guild, "query": "", "limit": 0, "nonce": "n" }));
    let mut machine = identified(BOT);
    assert!(matches!(machine.on_frame(0, &all(7)), Step::Forward(Command::RequestMembers(_))));
    assert!(matches!(machine.on_frame(1, &all(8)), Step::Forward(_)), "another guild has its own limit");
    let Step::Dispatch(limited) = machine.on_frame(18_500, &all(7)) else { panic!("too soon") };
    let frame_text = [&br#"{"op":0,"s":1,"#[..], limited.text()].concat();
    let told: Value = serde_json::from_slice(&frame_text).unwrap();
    assert_eq!(told["t"], "RATE_LIMITED");
    assert_eq!(
        told["d"],
        json!({ "opcode": 8, "retry_after": 11.5, "meta": { "guild_id": "7", "nonce": "n" } })
    );
    let named = frame(8, json!({ "guild_id": 7, "user_ids": [1] }));
    assert!(matches!(machine.on_frame(18_500, &named), Step::Forward(_)), "named members are not limited");
    assert!(matches!(machine.on_frame(ALL_MEMBERS_EVERY_MS, &all(7)), Step::Forward(_)));

    let mut person = identified(Who::Person);
    for _ in 0..2 {
        assert!(matches!(person.on_frame(0, &all(7)), Step::Forward(_)));
    }
    let mut busy = identified(BOT);
    for guild in 0..3_000 {
        let step = busy.on_frame(guild * PAYLOAD_WINDOW_MS, &all(guild));
        assert!(matches!(step, Step::Forward(_)), "the memory of limits is bounded, not the guilds");
    }
}
