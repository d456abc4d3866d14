//! Posting into conversations.

use serde_json::json;

use super::world::*;
use crate::actions::error::Fault;
use crate::model::{Audience, ChannelId, ChannelKind, Dispatch, Event};
use crate::store::{ChannelRow, Channels, UserDms, Users};

fn told_to(world: &World) -> Vec<(&'static str, Vec<u64>)> {
    let who = |event| match event {
        Event::Dispatch(Audience::User(user), dispatch) => (Dispatch::name(&dispatch), vec![user.get()]),
        Event::Dispatch(Audience::Users(users), dispatch) => {
            (Dispatch::name(&dispatch), users.iter().map(|user| user.get()).collect())
        }
        other => panic!("{other:?}"),
    };
    world.told().into_iter().map(who).collect()
}

#[tokio::test]
async fn a_message_reopens_the_conversation_for_whom_it_was_closed() {
    let world = World::new().await;
    let hello = || json!({ "content": "hello" });
    let posted = world.post(ann(), DM, hello()).await;
    assert_eq!(told_to(&world), [("CHANNEL_CREATE", vec![13]), ("MESSAGE_CREATE", vec![12, 13])]);
    assert!(world.read(|view| view.get::<UserDms>(&(bob().user, DM))).unwrap().open);
    assert!(posted.message_reference.is_none());
    world.post(ann(), DM, hello()).await;
    assert_eq!(told_to(&world), [("MESSAGE_CREATE", vec![12, 13])]);
    world.post(bob(), GROUP, hello()).await;
    let told = told_to(&world);
    assert_eq!(told.len(), 3, "{told:?}");
}

#[tokio::test]
async fn a_bot_hears_of_a_conversation_by_its_messages_alone() {
    let world = World::new().await;
    world
        .change(|tx| {
            tx.put::<UserDms>(&tx.internal(), &(bot().user, BOT_DM), &crate::store::UserDmRow::default())
        })
        .await;
    world.post(bot(), BOT_DM, json!({ "content": "beep" })).await;
    assert_eq!(told_to(&world), [("MESSAGE_CREATE", vec![12, 15])]);
    world.post(ann(), BOT_DM, json!({ "content": "boop" })).await;
    assert_eq!(told_to(&world), [("MESSAGE_CREATE", vec![12, 15])]);
}

#[tokio::test]
async fn bots_do_not_write_to_bots_and_nobody_to_the_deleted() {
    let world = World::new().await;
    let between_bots = ChannelId::new(2_100);
    world
        .change(move |tx| {
            let by = tx.internal();
            let mut other = tx.get::<Users>(&eve().user)?.unwrap();
            other.bot = true;
            tx.put::<Users>(&by, &eve().user, &other)?;
            let recipients = vec![bot().user, eve().user];
            tx.put::<Channels>(
                &by,
                &between_bots,
                &ChannelRow { kind: ChannelKind::Dm, recipients, ..ChannelRow::default() },
            )?;
            let mut gone = tx.get::<Users>(&bob().user)?.unwrap();
            gone.deleted = true;
            tx.put::<Users>(&by, &bob().user, &gone)
        })
        .await;
    let hello = || json!({ "content": "hello" });
    assert_eq!(fault(world.try_post(bot(), between_bots, hello()).await), Fault::CannotMessageUser);
    assert_eq!(fault(world.try_post(ann(), DM, hello()).await), Fault::CannotMessageUser);
    assert!(world.try_post(ann(), GROUP, hello()).await.is_ok(), "a group goes on without one");
}
