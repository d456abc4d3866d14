//! I-1 of SAFETY.md where time is ours: one history with and without what an onlooker may not see gives the same frames, numbers
//! included, to a passive session, to one that looks at a member list, and to one that is told everything.

use serde_json::Value;

use super::fixture::*;
use super::lists::{drowsy, looks_at};
use crate::hub::lifecycle::Activation;
use crate::hub::presence::Showing;
use crate::model::*;

/// Histories of a run; `HEARTH_SEEDS` asks for more.
const SEEDS: u64 = 40;
const STEPS: usize = 120;
/// A member who is there and hides, in one of the worlds.
const CAROL: UserId = UserId::new(103);

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

struct History {
    rig: Rig,
    open: Dice,
    secret: Dice,
    has_secrets: bool,
    owner: Client,
    bob: Option<Client>,
    carol: Option<Client>,
}

impl History {
    fn begin(seed: u64, has_secrets: bool) -> Self {
        let mut rig = Rig::new();
        rig.world.members.insert(CAROL, member(CAROL, &[STAFF]));
        let owner = rig.connect(person(OWNER));
        Self { rig, open: Dice(seed), secret: Dice(!seed), has_secrets, owner, bob: None, carol: None }
    }

    fn act_in_the_open(&mut self) {
        let number = self.open.roll(100);
        match self.open.roll(8) {
            0..3 => self.rig.say(GENERAL, OWNER, &format!("tide {number}")),
            3 => {
                let nick = Some(format!("bob {number}"));
                self.rig.set_member(Member { nick, ..member(BOB, &[]) });
            }
            4 => self.bob = self.bob.is_none().then(|| self.rig.connect(person(BOB))),
            5 => {
                let mut called = self.rig.message(GENERAL, OWNER, "come");
                called.mention_everyone = true;
                self.rig.post(called);
            }
            6 => {
                let hoisted =
                    Role { hoist: number.is_multiple_of(2), ..Role::clone(&role(STAFF, Permissions::NONE)) };
                let event = RoleEvent { guild_id: GUILD, role: hoisted.into() };
                self.rig.dispatch(Audience::Guild(GUILD), Dispatch::RoleUpdate(event));
            }
            _ => {}
        }
        // Lengths of time that passes fall into, and between.
        self.rig.pass([70, 430, 900, 5_300][self.open.roll(4) as usize]);
    }

    fn act_in_secret(&mut self) {
        let what = self.secret.roll(7);
        // Ids are drawn in both worlds, so that they need no renaming.
        let said = self.rig.message(SECRET, OWNER, "the secret");
        if !self.has_secrets {
            return;
        }
        match what {
            0 | 1 => self.rig.post(said),
            2 => {
                let pins = PinsUpdate {
                    guild_id: Some(GUILD),
                    channel_id: SECRET,
                    last_pin_timestamp: Some(said.timestamp),
                };
                self.rig.dispatch(Audience::Channel(GUILD, SECRET), Dispatch::PinsUpdate(pins));
            }
            3 => {
                let mut channel = Channel::clone(&self.rig.world.channels[&SECRET]);
                channel.name = Some(Some(format!("secret {}", self.secret.roll(100))));
                self.rig.set_channel(channel);
            }
            4 => assert!(self.rig.subscribe(&self.owner, &looks_at(&[SECRET]))),
            5 => match self.carol.take() {
                Some(carol) => drop(carol),
                None => {
                    let carol = self.rig.attach(person(CAROL));
                    let showing = Showing { status: Status::Invisible, ..Showing::default() };
                    let activation = Activation { showing, ..self.rig.world.activation(CAROL) };
                    self.rig.activate(&carol, activation);
                    self.carol = Some(carol);
                }
            },
            _ => {
                if let Some(carol) = &self.carol {
                    let name = format!("hiding {}", self.secret.roll(100));
                    let activity = Activity { name, kind: 0, created_at: 1, state: None, url: None };
                    let showing = Showing { status: Status::Invisible, activities: [activity].into() };
                    self.rig.state.show(carol.connection.session().key, showing);
                }
            }
        }
    }
}

/// Plays a history; what three sessions of the onlooker got.
fn play(seed: u64, has_secrets: bool) -> Vec<Vec<(&'static str, Value)>> {
    let mut history = History::begin(seed, has_secrets);
    let mut passive = history.rig.connect_large(drowsy(ALICE));
    let mut looking = history.rig.connect_large(drowsy(ALICE));
    let mut plain = history.rig.connect(person(ALICE));
    history.rig.settle(&mut [&mut passive, &mut looking, &mut plain]);
    assert!(history.rig.subscribe(&looking, &looks_at(&[GENERAL])));
    let mut got = vec![Vec::new(); 3];
    for _ in 0..STEPS {
        history.act_in_secret();
        history.act_in_the_open();
        for (client, got) in [&mut passive, &mut looking, &mut plain].into_iter().zip(&mut got) {
            got.extend(client.take());
        }
    }
    got
}

#[test]
fn i1_what_is_hidden_changes_no_frame() {
    let seeds = std::env::var("HEARTH_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS);
    for seed in 0..seeds {
        let (with, without) = (play(seed, true), play(seed, false));
        for (with, without) in with.iter().zip(&without) {
            for (a, b) in with.iter().zip(without) {
                assert_eq!(a, b, "seed {seed}");
            }
            assert_eq!(with.len(), without.len(), "seed {seed}");
        }
        let names = |at: usize| with[at].iter().map(|(name, _)| *name).collect::<Vec<_>>();
        assert!(names(0).contains(&"PASSIVE_UPDATE_V2"), "seed {seed}: {:?}", names(0));
        assert!(names(1).contains(&"GUILD_MEMBER_LIST_UPDATE"), "seed {seed}");
    }
}
