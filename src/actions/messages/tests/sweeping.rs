//! Sweeps: what was marked goes in small jobs, and only that.

use super::super as messages;
use super::world::*;
use crate::actions::sweeps;
use crate::model::{Dispatch, Event, message_type};
use crate::store::{
    ChannelStates, DoomedChannels, DoomedPosts, Members, Mentions, Messages, Order, Pins, SlowPosts,
};

#[tokio::test]
async fn a_deleted_channel_is_emptied_and_others_are_not_touched() {
    let world = World::new().await;
    world.change_channel(GENERAL, |row| row.slowmode_s = 1).await;
    for n in 0..250 {
        world.say(mia(), GENERAL, &format!("{n} <@13>")).await;
    }
    let pinned = world.say(ann(), GENERAL, "pin me").await;
    messages::pin(&world.app, mia(), GENERAL, pinned, None).await.unwrap();
    let kept = world.say(ann(), NO_HISTORY, "stays <@13>").await;
    world.change(|tx| tx.put::<DoomedChannels>(&tx.internal(), &GENERAL, &())).await;
    sweeps::sweep_all(&world.app).await.unwrap();
    assert!(world.told().is_empty());
    assert!(world.read(|view| view.list::<Messages>(&GENERAL, None, Order::Ascending, 9)).is_empty());
    assert!(world.read(|view| view.list::<Mentions>(&GENERAL, None, Order::Ascending, 9)).is_empty());
    assert!(world.read(|view| view.list::<Pins>(&GENERAL, None, Order::Ascending, 9)).is_empty());
    assert!(world.read(|view| view.list::<SlowPosts>(&GENERAL, None, Order::Ascending, 9)).is_empty());
    assert!(world.read(|view| view.list::<DoomedChannels>(&(), None, Order::Ascending, 9)).is_empty());
    assert!(world.row(NO_HISTORY, kept).is_some());
    assert!(world.read(|view| view.list::<Mentions>(&NO_HISTORY, None, Order::Ascending, 9)).len() == 1);
}

#[tokio::test]
async fn a_banned_authors_newer_posts_go_in_bulk_and_are_told() {
    let world = World::new().await;
    let old = world.say(ann(), GENERAL, "long ago").await;
    world.wait_s(3_600);
    for n in 0..130 {
        world.say(ann(), GENERAL, &format!("spam {n}")).await;
    }
    let between = world.say(bob(), GENERAL, "stop that").await;
    world.say(ann(), NO_HISTORY, "spam").await;
    let since_ms = world.now_ms() - 600_000;
    world
        .change(move |tx| {
            let by = tx.internal();
            sweeps::doom_posts(tx, &by, GUILD, ann().user, since_ms)
        })
        .await;
    let after = world.say(ann(), GENERAL, "unbanned and back").await;
    sweeps::sweep_all(&world.app).await.unwrap();
    let mut sizes = Vec::new();
    for dispatch in world.dispatches() {
        let Dispatch::MessageDeleteBulk(event) = dispatch else { panic!("{dispatch:?}") };
        sizes.push((event.channel_id, event.ids.len()));
    }
    assert_eq!(sizes, [(GENERAL, 100), (GENERAL, 30), (NO_HISTORY, 1)]);
    let left: Vec<_> = world
        .read(|view| view.list::<Messages>(&GENERAL, None, Order::Ascending, 9))
        .into_iter()
        .map(|((_, id), _)| id)
        .collect();
    assert_eq!(left, [old, between, after]);
    assert!(world.read(|view| view.list::<DoomedPosts>(&(), None, Order::Ascending, 9)).is_empty());
}

#[tokio::test]
async fn the_server_announces_joins_unless_told_not_to() {
    let world = World::new().await;
    let join = |tx: &mut crate::store::Tx<'_>| {
        let by = tx.internal();
        messages::announce_join(tx, &by, GUILD, bob().user)
    };
    world.change(join).await;
    assert!(world.read(|view| view.get::<ChannelStates>(&GENERAL)).is_none(), "no system channel");
    world.change_guild(|row| row.system_channel = Some(GENERAL)).await;
    let told = world.app.store.write(move |tx| join(tx)).await;
    told.unwrap();
    let events = world.told();
    let [Event::Dispatch(_, Dispatch::MessageCreate(event))] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!((event.message.kind, event.message.author.id), (message_type::JOIN, bob().user));
    assert!(world.read(|view| view.has::<Members>(&(GUILD, bob().user))));
    world.change_guild(|row| row.system_channel_flags = 1).await;
    world.app.store.write(move |tx| join(tx)).await.unwrap();
    assert!(world.told().is_empty());
}
