//! A server and a client over a link that loses what is under way, stalls and is cut. The client must see every event once and
//! in order, or be told by op 9 that it can't. A failure prints its seed.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::logic::session::{
    HEARTBEAT_INTERVAL_MS, INVALID_SESSION, Machine, Packet, Replay, Ring, Step, Who,
};
use crate::logic::stream::{Compression, Outbound};

/// SplitMix64: a seed gives one run, always the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

/// A socket, as both ends see it until it is cut.
struct Link {
    machine: Machine,
    out: Outbound,
    up: VecDeque<Vec<u8>>,
    down: VecDeque<Vec<u8>>,
    beat_at_ms: u64,
}

struct Server {
    ring: Ring,
    session: u64,
    /// The last event there is; events are numbered for the test, apart from sequence numbers.
    last_event: u64,
}

#[derive(Default)]
struct Client {
    session: Option<u64>,
    seq: u64,
    last_event: u64,
    resumes: u64,
    invalidated: u64,
}

struct World {
    seed: u64,
    dice: Dice,
    now_ms: u64,
    server: Server,
    client: Client,
    link: Option<Link>,
}

impl World {
    fn new(seed: u64) -> Self {
        let server = Server { ring: Ring::new(), session: 0, last_event: 0 };
        Self { seed, dice: Dice(seed), now_ms: 0, server, client: Client::default(), link: None }
    }

    fn step(&mut self) {
        self.now_ms += self.dice.roll(2_000);
        match self.dice.roll(100) {
            0..40 => self.events(1),
            40 if self.dice.roll(5) == 0 => self.events(3_000),
            41..43 => self.cut(),
            43 => self.now_ms += self.dice.roll(2) * 70_000,
            44..62 => self.write(),
            62..80 => self.deliver_down(),
            _ => self.deliver_up(),
        }
        self.client_acts();
        self.time_passes();
    }

    fn events(&mut self, count: u64) {
        for _ in 0..count {
            self.server.last_event += 1;
            let event = json!({ "event": self.server.last_event }).to_string();
            self.server.ring.push(Packet::of("MESSAGE_CREATE", &event));
        }
        if self.server.ring.is_overrun() {
            self.lose(true);
        }
    }

    /// The network fails; the server hears of it at once, or only when the client is back.
    fn cut(&mut self) {
        let noticed = self.dice.roll(2) == 0;
        self.lose(noticed);
    }

    fn lose(&mut self, noticed: bool) {
        if self.link.take().is_some() && noticed {
            self.server.ring.detach();
        }
    }

    fn write(&mut self) {
        let Some(link) = &mut self.link else { return };
        if !link.machine.is_identified() {
            return;
        }
        let mut batch = Vec::new();
        self.server.ring.take_unsent(1 + self.dice.roll(50) as usize, 1 << 16, &mut batch);
        for (seq, packet) in batch {
            let delivery = link.out.dispatch(seq, &packet);
            link.down.push_back([&delivery.head, &delivery.body[..]].concat());
        }
    }

    fn deliver_down(&mut self) {
        for _ in 0..1 + self.dice.roll(40) {
            let Some(frame) = self.link.as_mut().and_then(|link| link.down.pop_front()) else { return };
            self.client_hears(&frame);
        }
    }

    fn deliver_up(&mut self) {
        for _ in 0..1 + self.dice.roll(3) {
            let Some(link) = &mut self.link else { return };
            let Some(payload) = link.up.pop_front() else { return };
            let step = link.machine.on_frame(self.now_ms, &payload);
            self.server_does(step);
        }
    }

    fn server_does(&mut self, step: Step) {
        let link = self.link.as_mut().expect("a step comes of a link");
        let mut say = |text: &str| {
            let delivery = link.out.own(text.as_bytes());
            link.down.push_back([&delivery.head, &delivery.body[..]].concat());
        };
        match step {
            Step::Reply(text) => say(text),
            Step::Identify(identify) => {
                link.machine.admit(Who::Person, &identify).unwrap();
                self.server.session += 1;
                self.server.ring = Ring::new();
                let ready =
                    json!({ "session_id": self.server.session.to_string(), "event": self.server.last_event });
                self.server.ring.push_answer(Packet::of("READY", &ready.to_string()));
            }
            Step::Resume(resume) => {
                let is_known = resume.session_id == self.server.session.to_string();
                match is_known.then(|| self.server.ring.resume_from(resume.seq)) {
                    Some(Replay::Events(_)) => {
                        link.machine.resumed(Who::Person);
                        self.server.ring.push_answer(Packet::of("RESUMED", r#"{"_trace":[]}"#));
                    }
                    Some(Replay::Evicted) => {
                        say(INVALID_SESSION);
                        link.machine.refuse(self.now_ms);
                    }
                    refused => panic!("seed {}: {refused:?} for seq {}", self.seed, resume.seq),
                }
            }
            step => panic!("seed {}: {step:?}", self.seed),
        }
    }

    fn client_hears(&mut self, frame: &[u8]) {
        let payload = &frame[frame.iter().position(|byte| *byte == b'{').expect("JSON follows the header")..];
        let message: Value = serde_json::from_slice(payload).expect("every frame is whole");
        match message["op"].as_u64().unwrap() {
            0 => self.client_hears_event(&message),
            9 => {
                self.client.invalidated += 1;
                self.client.session = None;
                let link = self.link.as_mut().expect("heard over it");
                link.up.push_back(json!({ "op": 2, "d": { "token": "t" } }).to_string().into_bytes());
            }
            11 => {}
            op => panic!("seed {}: op {op}", self.seed),
        }
    }

    fn client_hears_event(&mut self, message: &Value) {
        let (seq, seed) = (message["s"].as_u64().unwrap(), self.seed);
        let client = &mut self.client;
        match message["t"].as_str().unwrap() {
            "READY" => {
                assert_eq!(seq, 1, "seed {seed}");
                client.session = message["d"]["session_id"].as_str().unwrap().parse().ok();
                client.last_event = message["d"]["event"].as_u64().unwrap();
            }
            name => {
                assert_eq!(
                    seq,
                    client.seq + 1,
                    "seed {seed}: sequence numbers have no gap and no repetition"
                );
                if name == "MESSAGE_CREATE" {
                    let event = message["d"]["event"].as_u64().unwrap();
                    assert_eq!(event, client.last_event + 1, "seed {seed}: every event once, in order");
                    client.last_event = event;
                } else {
                    client.resumes += 1;
                }
            }
        }
        client.seq = seq;
    }

    fn client_acts(&mut self) {
        if let Some(link) = &mut self.link {
            if link.beat_at_ms <= self.now_ms {
                link.up.push_back(json!({ "op": 1, "d": self.client.seq }).to_string().into_bytes());
                link.beat_at_ms = self.now_ms + HEARTBEAT_INTERVAL_MS;
            }
        } else if self.dice.roll(8) == 0 {
            let hello = match self.client.session {
                Some(session) => json!({ "op": 6, "d": {
                    "token": "t", "session_id": session.to_string(), "seq": self.client.seq } }),
                None => json!({ "op": 2, "d": { "token": "t" } }),
            };
            self.link = Some(Link {
                machine: Machine::new(self.now_ms),
                out: Outbound::new(Compression::None),
                up: [hello.to_string().into_bytes()].into(),
                down: VecDeque::new(),
                beat_at_ms: self.now_ms + HEARTBEAT_INTERVAL_MS,
            });
        }
    }

    fn time_passes(&mut self) {
        if self.link.as_ref().is_some_and(|link| link.machine.on_time(self.now_ms).is_some()) {
            self.lose(true);
        }
    }

    /// Nothing fails any more: the client must come to know all there is.
    fn settle(&mut self) {
        for _ in 0..20_000 {
            self.now_ms += 1;
            self.client_acts();
            self.deliver_up();
            self.write();
            self.deliver_down();
            if self.client.last_event == self.server.last_event && self.client.session.is_some() {
                return;
            }
        }
        panic!(
            "seed {}: the client stopped at {} of {}",
            self.seed, self.client.last_event, self.server.last_event
        );
    }
}

#[test]
fn a_client_over_a_bad_link_sees_every_event_once_and_in_order() {
    let (mut resumes, mut invalidated) = (0, 0);
    for seed in 0..150 {
        let mut world = World::new(seed);
        for _ in 0..1_500 {
            world.step();
        }
        world.settle();
        resumes += world.client.resumes;
        invalidated += world.client.invalidated;
    }
    assert!(
        resumes > 100 && invalidated > 20,
        "the runs must meet both ends: {resumes} resumes, {invalidated} op 9"
    );
}
