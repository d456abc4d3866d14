//! The hub's state machine driven without threads: a guild, its people and bots, and what their sessions take.

mod fixture;
mod lifecycle;
mod lists;
mod people;
mod simulator;
mod visibility;
mod voice;
mod worlds;

use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use self::fixture::{ALICE, GENERAL, OWNER, Rig, World, message_event, person};
use crate::hub::{Activated, Hub, Next, NotResumed, RING_BUDGET_BYTES, ResumeRequest};
use crate::logic::session::Packet;
use crate::model::{Audience, Batch, Dispatch, Event};

/// The thread: what is published from the writer's thread wakes a socket that waits, in order; a stop ends it.
#[tokio::test]
async fn the_thread_wakes_sockets_and_stops() {
    let (hub, handle) = Hub::start(RING_BUDGET_BYTES).unwrap();
    let connection = handle.attach(person(ALICE)).await.unwrap();
    let activated = handle.activate(&connection, World::default().activation(ALICE)).await.unwrap();
    assert_eq!(activated, Activated::Live);
    assert!(handle.holds(fixture::GUILD));
    let publisher = handle.clone();
    let writer = std::thread::spawn(move || {
        let mut rig = Rig::new();
        for commit in 1..=100 {
            let event = message_event(rig.message(GENERAL, OWNER, "tide"));
            let audience = Audience::Channel(fixture::GUILD, GENERAL);
            let events = vec![Event::Dispatch(audience, Dispatch::MessageCreate(event))];
            publisher.publish(Batch { commit, events }).unwrap();
        }
    });
    let (mut taken, mut messages) = (Vec::new(), 0);
    while messages < 100 {
        let next = timeout(Duration::from_secs(20), connection.next(16, 1 << 20, &mut taken)).await.unwrap();
        assert!(matches!(next, Next::Events { .. }));
        messages = taken.iter().filter(|(_, packet)| packet.name() == "MESSAGE_CREATE").count();
    }
    assert!(taken.iter().map(|(seq, _)| *seq).eq(1..=taken.len() as u64));
    writer.join().unwrap();

    let owner = connection.session().owner();
    let request = ResumeRequest { session_id: "none".into(), user: ALICE, auth: owner.auth, seq: 0 };
    assert!(matches!(handle.resume(request).await, Err(NotResumed::NotResumable(_))));
    handle.reconnect_all().await.unwrap();
    let next = timeout(Duration::from_secs(20), async {
        loop {
            match connection.next(16, 1 << 20, &mut taken).await {
                Next::Events { .. } => {}
                other => break other,
            }
        }
    });
    assert_eq!(next.await.unwrap(), Next::Reconnect);
    tokio::task::spawn_blocking(|| hub.stop()).await.unwrap().unwrap();
    assert!(handle.attach(person(ALICE)).await.is_err());
}

/// Rings when a socket's task would be woken.
#[derive(Default)]
struct Bell(Notify);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

/// A socket that sleeps is woken once for all that one turn tells it: some libraries wait for ever for the second of two events that
/// belong together where it comes a moment after the first.
#[tokio::test]
async fn what_one_turn_tells_arrives_together() {
    let (hub, handle) = Hub::start(RING_BUDGET_BYTES).unwrap();
    let connection = handle.attach(person(ALICE)).await.unwrap();
    handle.activate(&connection, World::default().activation(ALICE)).await.unwrap();
    let mut taken: Vec<(u64, Packet)> = Vec::new();
    // The last that coming tells, half a second after it.
    while taken.last().is_none_or(|(_, packet)| packet.name() != "SESSIONS_REPLACE") {
        timeout(Duration::from_secs(20), connection.next(usize::MAX, usize::MAX, &mut taken)).await.unwrap();
    }
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(bell.clone());
    let mut rig = Rig::new();
    for commit in 1..=200 {
        taken.clear();
        let events = ["ebb", "flow"].map(|content| {
            let event = message_event(rig.message(GENERAL, OWNER, content));
            let audience = Audience::Channel(fixture::GUILD, GENERAL);
            Event::Dispatch(audience, Dispatch::MessageCreate(event))
        });
        let (publisher, batch) = (handle.clone(), Batch { commit, events: events.into() });
        let mut cx = Context::from_waker(&waker);
        assert!(connection.poll_next(&mut cx, usize::MAX, usize::MAX, &mut taken).is_pending());
        tokio::task::spawn_blocking(move || publisher.publish(batch)).await.unwrap().unwrap();
        timeout(Duration::from_secs(20), bell.0.notified()).await.unwrap();
        assert!(connection.poll_next(&mut cx, usize::MAX, usize::MAX, &mut taken).is_ready());
        assert_eq!(taken.iter().map(|(_, packet)| packet.name()).collect::<Vec<_>>(), ["MESSAGE_CREATE"; 2]);
    }
    tokio::task::spawn_blocking(|| hub.stop()).await.unwrap().unwrap();
}
