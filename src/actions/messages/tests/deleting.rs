//! Deleting one and many.

use serde_json::json;

use super::super as messages;
use super::world::*;
use crate::actions::error::Fault;
use crate::model::{Dispatch, MessageId, message_type};
use crate::store::{AuditLog, Mentions, MessageRow, Order, Pins, Reactions};

#[tokio::test]
async fn a_deleted_message_takes_with_it_what_hung_on_it() {
    let world = World::new().await;
    let id = world.say(ann(), GENERAL, "hi <@13>").await;
    messages::pin(&world.app, mia(), GENERAL, id, None).await.unwrap();
    messages::react(&world.app, bob(), GENERAL, id, "👍".to_owned()).await.unwrap();
    world.told();
    messages::delete(&world.app, ann(), GENERAL, id, None).await.unwrap();
    assert_eq!(world.told_names(), ["MESSAGE_DELETE"], "no pins update, no audit entry for one's own");
    assert!(world.row(GENERAL, id).is_none());
    assert!(world.read(|view| view.get::<Mentions>(&(GENERAL, id))).is_none());
    assert!(world.read(|view| view.list::<Pins>(&GENERAL, None, Order::Ascending, 9)).is_empty());
    assert!(world.read(|view| view.list::<Reactions>(&id, None, Order::Ascending, 9)).is_empty());
    assert_eq!(fault(messages::delete(&world.app, ann(), GENERAL, id, None).await), Fault::UnknownMessage);
}

#[tokio::test]
async fn others_need_the_right_and_leave_one_joined_entry() {
    let world = World::new().await;
    let (first, second) = (world.say(ann(), GENERAL, "a").await, world.say(ann(), GENERAL, "b").await);
    assert_eq!(
        fault(messages::delete(&world.app, bob(), GENERAL, first, None).await),
        Fault::MissingPermissions
    );
    let in_dm = world.say(ann(), DM, "mine").await;
    assert_eq!(fault(messages::delete(&world.app, bob(), DM, in_dm, None).await), Fault::NotOnDm);
    messages::delete(&world.app, mia(), GENERAL, first, None).await.unwrap();
    assert_eq!(world.told_names(), ["GUILD_AUDIT_LOG_ENTRY_CREATE", "MESSAGE_DELETE"]);
    messages::delete(&world.app, mia(), GENERAL, second, None).await.unwrap();
    assert_eq!(world.told_names(), ["MESSAGE_DELETE"], "a joined-up entry is not told again");
    let entries = world.read(|view| view.list::<AuditLog>(&GUILD, None, Order::Ascending, 9));
    assert_eq!(entries.len(), 1);
    let entry = &entries[0].1;
    assert_eq!((entry.action, entry.target.as_deref()), (72, Some("12")));
    let options: serde_json::Value = serde_json::from_str(entry.options.as_deref().unwrap()).unwrap();
    assert_eq!(options, json!({ "channel_id": GENERAL, "count": "2" }));
}

#[tokio::test]
async fn messages_of_the_server_in_groups_stay() {
    let world = World::new().await;
    world
        .change(|tx| {
            let by = tx.internal();
            messages::post_system(tx, &by, GROUP, message_type::RECIPIENT_ADD, ann().user, &[eve().user])
        })
        .await;
    let id = messages::page(&world.app, ann(), GROUP, checked(json!({}))).unwrap()[0].id;
    assert_eq!(fault(messages::delete(&world.app, ann(), GROUP, id, None).await), Fault::NotOnSystemMessage);
}

#[tokio::test]
async fn bulk_deletion_takes_all_or_for_one_too_old_none() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(world.say(ann(), GENERAL, &format!("{n}")).await);
    }
    let delete = async |actor, channel, ids: Vec<MessageId>| {
        messages::delete_many(&world.app, actor, channel, checked(json!({ "messages": ids })), None).await
    };
    assert_eq!(fault(delete(ann(), GENERAL, ids.clone()).await), Fault::MissingPermissions);
    assert_eq!(fault(delete(ann(), DM, ids.clone()).await), Fault::NotOnDm);
    assert_eq!(fault(delete(mia(), GENERAL, vec![ids[0], ids[0]]).await), Fault::BulkDeleteCount);
    let many = (0..101).map(|n| MessageId::new(ids[3].get() + n)).collect();
    assert_eq!(fault(delete(mia(), GENERAL, many).await), Fault::BulkDeleteCount);
    let old = MessageId::from_ms(START_MS - 15 * 24 * 3_600_000);
    world
        .change(move |tx| {
            tx.insert_message(&tx.internal(), Some(GUILD), GENERAL, old, &MessageRow::default())
        })
        .await;
    assert_eq!(fault(delete(mia(), GENERAL, vec![ids[0], old]).await), Fault::TooOldForBulkDelete);
    assert!(world.row(GENERAL, ids[0]).is_some());
    delete(mia(), GENERAL, vec![ids[2], ids[0], MessageId::new(ids[3].get() + 50)]).await.unwrap();
    let told = world.dispatches();
    let [Dispatch::AuditEntryCreate(entry), Dispatch::MessageDeleteBulk(event)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!((entry.entry.action_type, &event.ids), (73, &vec![ids[0], ids[2]]));
    assert_eq!(entry.entry.options, Some(json!({ "count": "2" })));
    delete(mia(), GENERAL, vec![ids[0], ids[2]]).await.unwrap();
    assert!(world.told().is_empty(), "ids that name nothing are fine");
}
