//! Who may change what of a message.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super as messages;
use super::world::*;
use crate::actions::Actor;
use crate::actions::error::{ActionError, Fault};
use crate::model::{Dispatch, Message, MessageId, message_flag};
use crate::store::{Body, Crossposts, Mentions, MessageRow, Messages, WebhookRow};

async fn edit(world: &World, actor: Actor, id: MessageId, body: Value) -> Result<Arc<Message>, ActionError> {
    messages::edit(&world.app, actor, GENERAL, id, checked(body), Vec::new()).await
}

#[tokio::test]
async fn an_edit_mentions_anew_and_notifies_nobody_again() {
    let world = World::new().await;
    let id = world.say(ann(), GENERAL, "hi <@13>").await;
    world.wait_s(5);
    let edited = edit(&world, ann(), id, json!({ "content": " hi <@11> " })).await.unwrap();
    assert_eq!((edited.content.as_str(), edited.mentions[0].user.id), ("hi <@11>", mia().user));
    assert_eq!(edited.edited_timestamp.unwrap().0, world.now_ms());
    let told = world.dispatches();
    let [Dispatch::MessageUpdate(event)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((event.message.content.as_str(), event.message.kind), ("hi <@11>", 0), "the whole of it");
    let counted = world.read(|view| view.get::<Mentions>(&(GENERAL, id))).unwrap();
    assert_eq!(counted.users, [bob().user], "what was notified stays as it was");
    let quiet = edit(&world, ann(), id, json!({ "content": "<@11>", "allowed_mentions": {} })).await.unwrap();
    assert!(quiet.mentions.is_empty());
}

#[tokio::test]
async fn others_change_flags_alone_and_only_with_the_right() {
    let world = World::new().await;
    let id = world.say(ann(), GENERAL, "http://example.org").await;
    let text = || json!({ "content": "other words" });
    let flags = || json!({ "flags": 4 });
    assert_eq!(fault(edit(&world, bob(), id, text()).await), Fault::NotYourMessage);
    assert_eq!(fault(edit(&world, bob(), id, flags()).await), Fault::NotYourMessage);
    assert_eq!(fault(edit(&world, mia(), id, text()).await), Fault::NotYourMessage);
    let suppressed = edit(&world, mia(), id, flags()).await.unwrap();
    assert_eq!((suppressed.flags, suppressed.edited_timestamp), (message_flag::SUPPRESS_EMBEDS, None));
    let shown = edit(&world, ann(), id, json!({ "flags": 4096 })).await.unwrap();
    assert_eq!((shown.flags, shown.edited_timestamp), (0, None), "only embeds are switched later");
    assert_eq!(fault(edit(&world, ann(), MessageId::new(1), text()).await), Fault::UnknownMessage);
    messages::pin(&world.app, mia(), GENERAL, id, None).await.unwrap();
    let notice = messages::page(&world.app, mia(), GENERAL, checked(json!({ "limit": 1 }))).unwrap()[0].id;
    assert_eq!(fault(edit(&world, mia(), notice, text()).await), Fault::NotOnSystemMessage);
}

#[tokio::test]
async fn something_must_remain() {
    let world = World::new().await;
    let id = world.say(ann(), GENERAL, "words").await;
    assert_eq!(fault(edit(&world, ann(), id, json!({ "content": "  " })).await), Fault::EmptyMessage);
    assert_eq!(fault(edit(&world, ann(), id, json!({ "content": null })).await), Fault::EmptyMessage);
    let card =
        edit(&world, ann(), id, json!({ "content": "", "embeds": [{ "title": "card" }] })).await.unwrap();
    assert_eq!((card.content.as_str(), card.embeds.len()), ("", 1));
    assert_eq!(fault(edit(&world, ann(), id, json!({ "embeds": [] })).await), Fault::EmptyMessage);
    let long = json!({ "content": "x".repeat(2_001) });
    assert_eq!(leaf(edit(&world, ann(), id, long).await, "content"), "BASE_TYPE_MAX_LENGTH");
}

#[tokio::test]
async fn an_edit_that_changes_nothing_is_answered_and_not_told() {
    let world = World::new().await;
    let id = world.say(ann(), GENERAL, "as it was").await;
    world.told_names();
    assert_eq!(edit(&world, ann(), id, json!({})).await.unwrap().content, "as it was");
    assert!(edit(&world, ann(), id, json!({ "flags": 0 })).await.unwrap().edited_timestamp.is_none());
    assert!(world.told_names().is_empty());
}

#[tokio::test]
async fn copies_of_a_published_message_follow_it() {
    let world = World::new().await;
    let id = world.say(ann(), GENERAL, "news").await;
    world
        .change(move |tx| {
            let by = tx.internal();
            let source = MessageRow {
                flags: message_flag::CROSSPOSTED,
                ..tx.get::<Messages>(&(GENERAL, id))?.unwrap()
            };
            tx.put::<Messages>(&by, &(GENERAL, id), &source)?;
            let hook =
                WebhookRow { channel: NO_HISTORY, name: Some("News".to_owned()), ..WebhookRow::default() };
            let webhook = tx.next_id();
            messages::copy_to_follower(tx, &by, (webhook, &hook), (GUILD, GENERAL, id), &source)?;
            Ok(())
        })
        .await;
    let copy = world.read(|view| view.get::<Crossposts>(&(id, NO_HISTORY))).unwrap().id;
    edit(&world, ann(), id, json!({ "content": "better news" })).await.unwrap();
    let row = world.row(NO_HISTORY, copy).unwrap();
    assert_eq!(row.body, Body::Plain("better news".to_owned()));
    assert_eq!((row.flags, row.reference_message), (message_flag::IS_CROSSPOST, Some(id)));
    assert_eq!(world.told_names(), ["MESSAGE_UPDATE", "MESSAGE_UPDATE"]);
    messages::delete(&world.app, ann(), GENERAL, id, None).await.unwrap();
    assert_eq!(
        world.row(NO_HISTORY, copy).unwrap().flags,
        message_flag::IS_CROSSPOST | message_flag::SOURCE_DELETED
    );
    assert!(world.read(|view| view.get::<Crossposts>(&(id, NO_HISTORY))).is_none());
}
