//! The hub's state machine driven without threads: a guild, its people and bots, and what their sessions take.

mod fixture;
mod lifecycle;
mod lists;
mod people;
mod simulator;
mod visibility;
mod voice;
mod worlds;

use std::time::Duration;

use tokio::time::timeout;

use self::fixture::{ALICE, GENERAL, OWNER, Rig, World, message_event, person};
use crate::hub::{Activated, Hub, Next, NotResumed, RING_BUDGET_BYTES, ResumeRequest};
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
