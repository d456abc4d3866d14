//! Pins.

use serde_json::json;

use super::super as messages;
use super::world::*;
use crate::actions::error::Fault;
use crate::model::{Dispatch, message_type};
use crate::store::{AuditLog, Order, Pins};

#[tokio::test]
async fn a_pin_changes_the_message_and_the_channel_hears_of_it() {
    let world = World::new().await;
    let id = world.say(ann(), GENERAL, "rules").await;
    assert_eq!(fault(messages::pin(&world.app, bob(), GENERAL, id, None).await), Fault::MissingPermissions);
    messages::pin(&world.app, mia(), GENERAL, id, None).await.unwrap();
    let told = world.dispatches();
    let [
        Dispatch::AuditEntryCreate(entry),
        Dispatch::MessageUpdate(update),
        Dispatch::PinsUpdate(pins),
        Dispatch::MessageCreate(notice),
    ] = told.as_slice()
    else {
        panic!("{told:?}")
    };
    assert_eq!((entry.entry.action_type, entry.entry.target_id.as_deref()), (74, Some("12")));
    assert_eq!(entry.entry.options, Some(json!({ "channel_id": GENERAL, "message_id": id })));
    assert!(update.message.pinned && update.message.edited_timestamp.is_none());
    assert_eq!(pins.last_pin_timestamp.unwrap().0, START_MS);
    assert_eq!((notice.message.kind, notice.message.author.id), (message_type::PINNED, mia().user));
    assert_eq!(notice.message.message_reference.as_ref().unwrap().message_id, Some(id));
    messages::pin(&world.app, mia(), GENERAL, id, None).await.unwrap();
    assert!(world.told().is_empty());
    messages::unpin(&world.app, mia(), GENERAL, id, None).await.unwrap();
    messages::unpin(&world.app, mia(), GENERAL, id, None).await.unwrap();
    assert_eq!(world.told_names(), ["GUILD_AUDIT_LOG_ENTRY_CREATE", "MESSAGE_UPDATE", "CHANNEL_PINS_UPDATE"]);
    let acts: Vec<u16> = world
        .read(|view| view.list::<AuditLog>(&GUILD, None, Order::Ascending, 9))
        .iter()
        .map(|(_, row)| row.action)
        .collect();
    assert_eq!(acts, [74, 75]);
    assert!(!messages::get(&world.app, ann(), GENERAL, id).unwrap().pinned);
}

#[tokio::test]
async fn pins_are_listed_newest_first_in_pages() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(world.say(ann(), GENERAL, &format!("{n}")).await);
    }
    for id in [ids[1], ids[0], ids[2]] {
        world.wait_s(1);
        messages::pin(&world.app, mia(), GENERAL, id, None).await.unwrap();
    }
    let first = messages::list_pins(&world.app, ann(), GENERAL, checked(json!({ "limit": 2 }))).unwrap();
    let listed: Vec<_> = first.items.iter().map(|pin| pin.message.id).collect();
    assert_eq!((listed, first.has_more), (vec![ids[2], ids[0]], true));
    let before = first.items[1].pinned_at.to_string();
    let rest = messages::list_pins(&world.app, ann(), GENERAL, checked(json!({ "before": before }))).unwrap();
    assert_eq!((rest.items.len(), rest.items[0].message.id, rest.has_more), (1, ids[1], false));
    let older_route: Vec<_> =
        messages::newest_pins(&world.app, ann(), GENERAL).unwrap().iter().map(|message| message.id).collect();
    assert_eq!(older_route, [ids[2], ids[0], ids[1]]);
    world
        .change_channel(GENERAL, |row| {
            let target = crate::model::OverwriteTarget::Role(GUILD.cast());
            let (allow, deny) = (Default::default(), crate::model::Permissions::READ_MESSAGE_HISTORY);
            row.overwrites = vec![crate::model::Overwrite { target, allow, deny }];
        })
        .await;
    assert!(messages::newest_pins(&world.app, ann(), GENERAL).unwrap().is_empty());
}

#[tokio::test]
async fn a_channel_holds_so_many_pins_and_in_dms_anybody_pins() {
    let world = World::new().await;
    let id = world.say(ann(), DM, "ours").await;
    messages::pin(&world.app, bob(), DM, id, None).await.unwrap();
    assert_eq!(world.told_names(), ["MESSAGE_UPDATE", "CHANNEL_PINS_UPDATE", "MESSAGE_CREATE"]);
    let one_more = world.say(ann(), GENERAL, "one more").await;
    world
        .change(|tx| {
            let by = tx.internal();
            for n in 0..250 {
                tx.put::<Pins>(&by, &(GENERAL, n, crate::model::MessageId::new(n)), &())?;
            }
            Ok(())
        })
        .await;
    assert_eq!(fault(messages::pin(&world.app, mia(), GENERAL, one_more, None).await), Fault::TooManyPins);
}
