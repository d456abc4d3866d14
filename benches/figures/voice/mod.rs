//! Voice: rooms of real WebRTC peers on the real server. CPU is that of the threads that own media, beside a bare loop that opens and
//! seals the same packets for as many; loss is of numbers that are missing; waits go from a stamp in the payload to its decryption.

mod call;
mod floor;
mod janus;
mod load;
mod mumble;
mod ocb;
mod peer;
mod tally;

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::measure::{Process, fresh, line, median, micros_each, millis, percentile};
use crate::seed::{Plan, Seeded};
use call::{Place, Seat};
pub use floor::serve as serve_floor;
use floor::{Floor, Forwarded, Packets};
pub use janus::run as run_janus;
use load::{Load, Loader};
pub use mumble::run as run_mumble;
use peer::{Content, Role};
use tally::{Tally, Waits};

/// How long a room is measured.
const WINDOW: Duration = Duration::from_secs(10);
/// What the server calls the threads that own media, with a number behind it.
const MEDIA_THREADS: &str = "voice-";
/// Slots of sound that a client offers.
const SLOTS: usize = 12;
/// A room that talks: people and those of them who speak.
const HALL: (usize, usize) = (100, 10);
/// Who comes into it one after the other.
const NEWCOMERS: usize = 11;
/// People who listen to speakers and look at a screen.
const AUDIENCE: usize = 300;
const LARGE_AUDIENCE: usize = 1_000;
const STAGE_SPEAKERS: usize = 2;
/// Idle peers, after a first few that bring in what is there once, however many come.
const FIRST_IDLE: usize = 20;
const IDLE: usize = 100;
/// The time that a server has to come to rest.
const REST: Duration = Duration::from_secs(2);
/// The time in which a receiver of video works its way up to the large layer.
const CLIMB: Duration = Duration::from_secs(10);

/// Prints CPU, memory, loss and waits of rooms.
pub async fn run() {
    idle().await;
    hall().await;
    stage(AUDIENCE).await;
}

/// The same room for more than a small machine can load.
pub async fn run_large() {
    stage(LARGE_AUDIENCE).await;
}

/// A server with people who are logged in to it.
struct House {
    server: Process,
    seeded: Seeded,
    _directory: TempDir,
}

impl House {
    async fn open(people: usize) -> Self {
        let plan = Plan { members: people as u64, channels: 1, messages: 10, logins: people as u64 };
        let (directory, seeded) = fresh(plan).await;
        let most = people.to_string();
        let server = Process::hearth_with(directory.path(), &[("HEARTH_VOICE_MEMBERS_PER_CHANNEL", &most)]);
        Self { server, seeded, _directory: directory }
    }

    async fn seat(&self, person: usize) -> Seat {
        Seat::take(&self.server, &self.seeded.people[person]).await
    }
}

/// Prints memory of a peer that neither sends nor hears.
async fn idle() {
    let house = House::open(FIRST_IDLE + IDLE).await;
    let place = Place::make(&house.server, &house.seeded, "den").await;
    let mut seats = Vec::new();
    for person in 0..FIRST_IDLE + IDLE {
        seats.push(house.seat(person).await);
    }
    let mut load = Load::sweep();
    let role = Role { sounds: SLOTS, ..Role::default() };
    let mut before = 0;
    for (count, seat) in seats.iter_mut().enumerate() {
        if count == FIRST_IDLE {
            load.settled("idle peers").await;
            tokio::time::sleep(REST).await;
            before = house.server.anonymous_kib();
        }
        load.take(seat.join(&place, role, false, None).await);
    }
    load.settled("idle peers").await;
    tokio::time::sleep(REST).await;
    let each = house.server.anonymous_kib().saturating_sub(before) as f64 * 1.024 / IDLE as f64;
    let what = format!("Idle voice peer of {IDLE}, {SLOTS} slots: memory");
    line(&what, &format!("{each:.0} kB"), "", None, "< 200 kB");
}

/// What one window showed.
struct Measured {
    /// CPU of the media threads and of the process.
    media: Duration,
    process: Duration,
    tally: Tally,
    resident_mb: f64,
}

/// Measures once everybody hears what they are to hear, and a rest after it.
async fn measure(server: &Process, crowd: &Load, ear: &Load, rest: Duration) -> Measured {
    crowd.settled("a room").await;
    ear.settled("the ear").await;
    tokio::time::sleep(rest).await;
    let cpu = || (server.cpu_of_threads_named(MEDIA_THREADS), server.cpu_of_threads());
    let before = cpu();
    crowd.begin();
    ear.begin();
    tokio::time::sleep(WINDOW).await;
    let after = cpu();
    let mut tally = crowd.end().await;
    // The crowd looks every few milliseconds: only the ear's waits are the server's.
    tally.waits = Waits::default();
    tally.add(ear.end().await);
    Measured {
        media: after.0.saturating_sub(before.0),
        process: after.1.saturating_sub(before.1),
        tally,
        resident_mb: server.resident_kib() as f64 * 1_024.0 / 1e6,
    }
}

/// How long packets waited to be forwarded.
struct Forwarding {
    p50_ms: f64,
    p99_ms: f64,
}

impl Forwarding {
    fn of(waits: &mut [Duration]) -> Self {
        let [p50_ms, p99_ms] = [0.5, 0.99].map(|share| millis(percentile(waits, share)));
        Self { p50_ms, p99_ms }
    }

    fn shown(&self) -> String {
        format!("{:.2} / {:.2} ms", self.p50_ms, self.p99_ms)
    }
}

/// Prints a room's rows, beside what a bare loop takes for the same packets.
fn print(room: &str, measured: Measured, mut floor: Forwarded, target: &str) {
    let floor_us = floor.cpu_us;
    let Measured { media, process, mut tally, resident_mb } = measured;
    let (each_us, whole_us) = (micros_each(media, tally.came), micros_each(process, tally.came));
    line(
        &format!("{room}: CPU a packet (floor: a loop that opens and seals)"),
        &format!("{each_us:.1} µs"),
        &format!("{floor_us:.1} µs"),
        Some(each_us / floor_us),
        target,
    );
    let rate = tally.came as f64 / WINDOW.as_secs_f64();
    let cores = process.as_secs_f64() / WINDOW.as_secs_f64();
    let figure = format!("{whole_us:.1} µs ({rate:.0} packets/s on {cores:.2} cores)");
    line(&format!("{room}: the whole process"), &figure, "", None, "");
    let figure = format!("{:.1} MB, {:.2} %", resident_mb, tally.lost_percent());
    line(&format!("{room}: resident memory, packets lost"), &figure, "", None, "");
    let (ours, bare) = (&mut tally.waits, &mut floor.waits);
    for (what, ours, bare, target) in [
        ("sounds", &mut ours.sounds, &mut bare.sounds, "< 1 / < 5 ms"),
        ("pictures", &mut ours.pictures, &mut bare.pictures, "< 1 / < 5 ms"),
    ] {
        if ours.is_empty() {
            continue;
        }
        let (ours, bare) = (Forwarding::of(ours), Forwarding::of(bare));
        line(
            &format!("{room}: {what} forwarded, p50 / p99 (floor: that loop; ratio of p99)"),
            &ours.shown(),
            &bare.shown(),
            Some(ours.p99_ms / bare.p99_ms),
            target,
        );
    }
}

/// Prints a room's rows on our server beside another one's. `expected` packets come where none is lost.
fn compare(
    what: &str,
    mut ours: Measured,
    mut theirs: Measured,
    expected: u64,
    [of_cpu, of_waits]: [&str; 2],
) {
    let each = |measured: &Measured| micros_each(measured.process, measured.tally.came);
    let (own_us, other_us) = (each(&ours), each(&theirs));
    line(
        &format!("Voice, {what}: CPU of the process a packet"),
        &format!("{own_us:.1} µs"),
        &format!("{other_us:.1} µs"),
        Some(own_us / other_us),
        of_cpu,
    );
    let lost = |measured: &Measured| {
        format!("{} came, {:.2} % lost", measured.tally.came, measured.tally.lost_percent())
    };
    let row = format!("Voice, {what}: packets (of {expected})");
    line(&row, &lost(&ours), &lost(&theirs), None, "");
    let waits = |measured: &mut Measured| {
        let Waits { sounds, pictures } = &mut measured.tally.waits;
        Forwarding::of(if pictures.is_empty() { sounds } else { pictures })
    };
    let (own, other) = (waits(&mut ours), waits(&mut theirs));
    let row = format!("Voice, {what}: forwarding, p50 / p99 (ratio of p99)");
    line(&row, &own.shown(), &other.shown(), Some(own.p99_ms / other.p99_ms), of_waits);
}

/// People in a room, of whom some speak.
struct Hall {
    crowd: Load,
    ear: Load,
    /// They leave with it.
    _seats: Vec<Seat>,
}

impl Hall {
    /// Everybody comes in, the last one as the ear.
    async fn fill(house: &House, place: &Place) -> Self {
        let (people, speakers) = HALL;
        let (mut seats, mut crowd, mut ear) = (Vec::new(), Load::sweep(), None);
        let began = Instant::now();
        for person in 0..people {
            let speaks = person < speakers;
            let role = Role {
                sends: speaks.then_some(Content::Voice),
                sounds: SLOTS,
                streams: speakers - usize::from(speaks),
                is_whole: person + 1 == people,
                ..Role::default()
            };
            let mut seat = house.seat(person).await;
            let mut peer = seat.join(place, role, false, None).await;
            spread(&mut peer, began, person, speakers);
            if role.is_whole {
                ear = Some(Load::ear(peer));
            } else {
                crowd.take(peer);
            }
            seats.push(seat);
        }
        Self { crowd, ear: ear.expect("the last one is an ear"), _seats: seats }
    }
}

/// Many in a room, of whom some speak.
async fn hall() {
    let (people, speakers) = HALL;
    let house = House::open(people + NEWCOMERS).await;
    let place = Place::make(&house.server, &house.seeded, "hall").await;
    let hall = Hall::fill(&house, &place).await;
    let measured = measure(&house.server, &hall.crowd, &hall.ear, REST).await;
    let floor = Floor::start(people - 1).await.measure(Packets::sounds(speakers), WINDOW).await;
    print(&format!("Room of {people}, {speakers} speak"), measured, floor, "≤ 6 µs");

    let mut joins = Vec::new();
    for person in people..people + NEWCOMERS {
        let mut seat = house.seat(person).await;
        let role = Role { sounds: SLOTS, ..Role::default() };
        let clicked = Instant::now();
        let mut peer = seat.join(&place, role, false, None).await;
        let (heard, first) = channel();
        peer.tell_first(heard);
        let newcomer = Load::ear(peer);
        let at = tokio::task::spawn_blocking(move || first.recv()).await.expect("it waits");
        joins.push(millis(at.expect("somebody speaks") - clicked));
        drop((newcomer, seat));
    }
    let what = format!("Room of {people}, {speakers} speak: from op 4 to the first sound, a bare peer");
    line(&what, &format!("{:.0} ms", median(joins)), "", None, "< 500 ms");
}

/// Speakers speak one after the other within 20 ms, as chance would have it.
fn spread(peer: &mut impl Loader, began: Instant, speaker: usize, speakers: usize) {
    let apart = Duration::from_millis(20) / speakers.max(1) as u32;
    let passed = began.elapsed().as_millis() as u64 / 20 * 20;
    peer.send_from(began + Duration::from_millis(passed) + apart * speaker as u32);
}

/// Few who speak and one who shows a screen, to many.
async fn stage(audience: usize) {
    let people = STAGE_SPEAKERS + 1 + audience;
    let house = House::open(people).await;
    let place = Place::make(&house.server, &house.seeded, "stage").await;
    let (mut seats, mut crowd, mut ear) = (Vec::<Seat>::new(), Load::sweep(), None);
    let began = Instant::now();
    for person in 0..people {
        let role = match person {
            0..STAGE_SPEAKERS => Role {
                sends: Some(Content::Voice),
                sounds: SLOTS,
                streams: STAGE_SPEAKERS - 1,
                ..Role::default()
            },
            STAGE_SPEAKERS => Role {
                sends: Some(Content::LayeredScreen),
                sounds: SLOTS,
                streams: STAGE_SPEAKERS,
                ..Role::default()
            },
            _ => Role {
                sounds: SLOTS,
                videos: 1,
                streams: STAGE_SPEAKERS + 1,
                is_whole: true,
                ..Role::default()
            },
        };
        let mut seat = house.seat(person).await;
        let screen = seats.get(STAGE_SPEAKERS).map(|seat| seat.user.clone());
        let mut peer = seat.join(&place, role, false, screen.as_deref()).await;
        spread(&mut peer, began, person, STAGE_SPEAKERS);
        if person + 1 == people {
            ear = Some(Load::ear(peer));
        } else {
            crowd.take(peer);
        }
        seats.push(seat);
    }
    let ear = ear.expect("the last one is an ear");
    let measured = measure(&house.server, &crowd, &ear, CLIMB).await;
    let floor = Floor::start(audience).await;
    let floor = floor.measure(Packets::sounds(STAGE_SPEAKERS).and_screen(), WINDOW).await;
    let room = format!("Room of {people}, {STAGE_SPEAKERS} speak, a screen of 1.5 Mbps");
    print(&room, measured, floor, "≤ 8 µs");
}
