//! History, its limits, and what bots without the content switch see.

use std::collections::HashMap;

use serde_json::json;

use super::super::{self as messages, Ack, InboxPage, read_states_of};
use super::world::*;
use crate::actions::actor::Actor;
use crate::actions::error::Fault;
use crate::model::{ChannelId, Dispatch, MessageId, ReadState};
use crate::store::{Applications, ReadStates};

async fn ten(world: &World) -> Vec<MessageId> {
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(world.say(ann(), GENERAL, &format!("{n}")).await);
    }
    ids
}

#[tokio::test]
async fn pages_run_newest_first_in_all_four_directions() {
    let world = World::new().await;
    let ids = ten(&world).await;
    let page = |query| -> Vec<usize> {
        let found = messages::page(&world.app, bob(), GENERAL, checked(query)).unwrap();
        found.iter().map(|message| ids.iter().position(|id| *id == message.id).unwrap()).collect()
    };
    assert_eq!(page(json!({})), [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(page(json!({ "limit": "3" })), [9, 8, 7]);
    assert_eq!(page(json!({ "before": ids[4], "limit": 2 })), [3, 2]);
    assert_eq!(page(json!({ "after": ids[4], "limit": 2 })), [6, 5], "just after the cursor, newest first");
    assert_eq!(page(json!({ "after": ids[9] })), Vec::<usize>::new());
    assert_eq!(page(json!({ "around": ids[4], "limit": 5 })), [6, 5, 4, 3, 2]);
    assert_eq!(page(json!({ "around": ids[4], "limit": 1 })), [4]);
    assert_eq!(page(json!({ "after": "1", "limit": 1 })), [0], "a cursor need not exist");
    for bad in [json!({ "limit": 0 }), json!({ "limit": 101 })] {
        assert!(messages::page(&world.app, bob(), GENERAL, checked(bad)).is_err());
    }
}

#[tokio::test]
async fn without_history_pages_are_empty_and_single_messages_refused() {
    let world = World::new().await;
    let id = world.say(ann(), NO_HISTORY, "gone with the wind").await;
    assert!(messages::page(&world.app, bob(), NO_HISTORY, checked(json!({}))).unwrap().is_empty());
    assert_eq!(fault(messages::get(&world.app, bob(), NO_HISTORY, id)), Fault::MissingPermissions);
    assert_eq!(fault(messages::get(&world.app, bob(), GENERAL, id)), Fault::UnknownMessage);
    assert_eq!(fault(messages::page(&world.app, bob(), HIDDEN, checked(json!({})))), Fault::MissingAccess);
    assert!(messages::page(&world.app, owner(), NO_HISTORY, checked(json!({}))).unwrap().len() == 1);
}

#[tokio::test]
async fn a_bot_without_the_switch_reads_only_what_concerns_it() {
    let world = World::new().await;
    let secret = world.say(ann(), GENERAL, "secret").await;
    world.say(ann(), GENERAL, "hi <@15>").await;
    world.say(bot(), GENERAL, "mine").await;
    world
        .post(bot(), GENERAL, json!({ "content": "re", "message_reference": { "message_id": secret } }))
        .await;
    world.say(ann(), BOT_DM, "between us").await;
    let contents = |channel| -> Vec<String> {
        let page = messages::page(&world.app, bot(), channel, checked(json!({}))).unwrap();
        let answered = page[0].referenced_message.as_ref().and_then(|message| message.as_ref());
        assert!(answered.is_none_or(|message| message.content.is_empty() || message.content == "secret"));
        page.into_iter().map(|message| message.content).collect()
    };
    assert_eq!(contents(GENERAL), ["re", "mine", "hi <@15>", ""]);
    assert_eq!(messages::get(&world.app, bot(), GENERAL, secret).unwrap().content, "");
    assert_eq!(contents(BOT_DM), ["between us"]);
    world
        .change(|tx| {
            let mut row = tx.get::<Applications>(&bot().user.cast())?.unwrap();
            row.flags = 1 << 19;
            tx.put::<Applications>(&tx.internal(), &bot().user.cast(), &row)
        })
        .await;
    assert_eq!(contents(GENERAL)[3], "secret");
}

fn read_state(world: &World, actor: Actor, channel: ChannelId) -> ReadState {
    let marks = world.app.marks.of(actor.user);
    let entries = world.read(|view| read_states_of(view, actor.user, &marks));
    entries.into_iter().find(|entry| entry.id == channel).unwrap()
}

#[tokio::test]
async fn marks_move_forward_count_mentions_and_are_told_once_written() {
    let world = World::new().await;
    let before = read_state(&world, bob(), GENERAL);
    assert_eq!(
        before.last_message_id.created_ms(),
        START_MS - 3_600_000,
        "what was there before joining is read"
    );
    let first = world.say(ann(), GENERAL, "hi <@13>").await;
    let second = world.say(mia(), GENERAL, "@everyone and <@&3002>").await;
    world.say(bob(), GENERAL, "<@13> myself").await;
    world.say(ann(), NO_HISTORY, "<@13>").await;
    assert_eq!(read_state(&world, ann(), GENERAL).last_message_id, first, "one's own post is read");
    assert_eq!(read_state(&world, ann(), GENERAL).mention_count, 1, "@everyone came after it");
    world.app.marks.forget(bob().user, GENERAL);
    assert_eq!(read_state(&world, bob(), GENERAL).mention_count, 2);

    messages::ack(&world.app, bob(), GENERAL, first, checked::<Ack>(json!({ "token": null }))).await.unwrap();
    assert_eq!(read_state(&world, bob(), GENERAL).mention_count, 1, "seen before it is on disk");
    assert!(world.told().is_empty());
    messages::write_marks(&world.app).await.unwrap();
    let told = world.dispatches();
    let [Dispatch::MessageAck(ack)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        (ack.message_id, ack.mention_count, ack.flags, ack.version, ack.manual),
        (first, 1, 1, 1, false)
    );
    messages::ack(&world.app, bob(), GENERAL, second, checked(json!({}))).await.unwrap();
    messages::ack(&world.app, bob(), GENERAL, first, checked(json!({}))).await.unwrap();
    messages::write_marks(&world.app).await.unwrap();
    assert_eq!(read_state(&world, bob(), GENERAL).last_message_id, second, "back only by hand");
    world.told();
    messages::ack(&world.app, bob(), GENERAL, first, checked(json!({ "manual": true, "mention_count": 1 })))
        .await
        .unwrap();
    let told = world.dispatches();
    let [Dispatch::MessageAck(ack)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((ack.message_id, ack.mention_count, ack.manual), (first, 1, true));
    let hidden = messages::ack(&world.app, bob(), HIDDEN, first, checked(json!({}))).await;
    assert_eq!(fault(hidden), Fault::MissingAccess);
}

#[tokio::test]
async fn a_guild_several_channels_and_pins_are_marked_at_once_and_forgotten() {
    let world = World::new().await;
    let first = world.say(ann(), GENERAL, "<@13>").await;
    let other = world.say(ann(), NO_HISTORY, "<@13>").await;
    messages::ack_guild(&world.app, bob(), GUILD).unwrap();
    messages::write_marks(&world.app).await.unwrap();
    assert_eq!(world.told_names(), ["MESSAGE_ACK", "MESSAGE_ACK"]);
    assert_eq!(read_state(&world, bob(), NO_HISTORY).last_message_id, other);
    messages::ack_guild(&world.app, bob(), GUILD).unwrap();
    messages::write_marks(&world.app).await.unwrap();
    assert!(world.told().is_empty(), "nothing was left to read");
    assert_eq!(fault(messages::ack_guild(&world.app, eve(), GUILD)), Fault::MissingAccess);

    let bulk = json!({ "read_states": [
        { "channel_id": GENERAL, "message_id": "999999999999999999", "read_state_type": 0 },
        { "channel_id": HIDDEN, "message_id": first },
    ] });
    messages::ack_bulk(&world.app, bob(), checked(bulk)).unwrap();
    messages::pin(&world.app, mia(), GENERAL, first, None).await.unwrap();
    world.told();
    messages::ack_pins(&world.app, bob(), GENERAL).unwrap();
    messages::write_marks(&world.app).await.unwrap();
    assert!(world.told_names().contains(&"CHANNEL_PINS_ACK"));
    assert!(world.read(|view| view.get::<ReadStates>(&(bob().user, HIDDEN))).is_none());
    messages::forget_mark(&world.app, bob(), GENERAL).await.unwrap();
    assert!(world.read(|view| view.get::<ReadStates>(&(bob().user, GENERAL))).is_none());
}

#[tokio::test]
async fn a_dm_counts_what_the_other_wrote() {
    let world = World::new().await;
    for _ in 0..3 {
        world.say(ann(), DM, "psst").await;
    }
    assert_eq!(read_state(&world, bob(), DM).mention_count, 3);
    assert_eq!(read_state(&world, ann(), DM).mention_count, 0);
    world.say(bob(), DM, "yes?").await;
    assert_eq!(read_state(&world, bob(), DM).mention_count, 0);
    let unaided = world.read(|view| read_states_of(view, bob().user, &HashMap::new()));
    assert_eq!(unaided.iter().find(|entry| entry.id == DM).unwrap().mention_count, 3, "not yet on disk");
    messages::write_marks(&world.app).await.unwrap();
    assert!(world.told().is_empty(), "an author's mark is not told");
    let unaided = world.read(|view| read_states_of(view, bob().user, &HashMap::new()));
    assert_eq!(unaided.iter().find(|entry| entry.id == DM).unwrap().mention_count, 0);
}

#[tokio::test]
async fn the_inbox_shows_mentions_newest_first_until_dismissed() {
    let world = World::new().await;
    let direct = world.say(ann(), GENERAL, "hi <@13>").await;
    let role = world.say(mia(), GENERAL, "<@&3002>").await;
    let all = world.say(mia(), GENERAL, "@everyone").await;
    world.say(owner(), HIDDEN, "<@13> hidden").await;
    world.say(owner(), NO_HISTORY, "<@13> unreadable").await;
    world.say(bob(), GENERAL, "<@13> myself").await;
    let inbox = |query| -> Vec<MessageId> {
        let found = messages::inbox(&world.app, bob(), checked::<InboxPage>(query)).unwrap();
        found.iter().map(|message| message.id).collect()
    };
    assert_eq!(inbox(json!({})), [all, role, direct]);
    assert_eq!(inbox(json!({ "limit": 1 })), [all]);
    assert_eq!(inbox(json!({ "before": all, "limit": 1 })), [role]);
    assert_eq!(inbox(json!({ "roles": false, "everyone": "false" })), [direct]);
    messages::dismiss(&world.app, bob(), role).await.unwrap();
    assert_eq!(world.told_names(), ["RECENT_MENTION_DELETE"]);
    assert_eq!(inbox(json!({ "guild_id": GUILD })), [all, direct]);
    assert_eq!(
        fault(messages::inbox(&world.app, bob(), checked(json!({ "guild_id": "77" })))),
        Fault::MissingAccess
    );
    world.wait_s(31 * 24 * 3_600);
    assert!(inbox(json!({})).is_empty());
}

#[tokio::test]
async fn typing_is_told_where_one_may_post() {
    let world = World::new().await;
    let (_, start) = messages::typing::telling(&world.app, ann(), GENERAL).unwrap();
    assert_eq!((start.timestamp, start.guild_id), (START_MS / 1_000, Some(GUILD)));
    assert!(start.member.unwrap().user.is_some());
    assert!(messages::typing::telling(&world.app, ann(), DM).unwrap().1.member.is_none());
    assert_eq!(fault(messages::typing::telling(&world.app, ann(), MUTED)), Fault::MissingPermissions);
    assert_eq!(fault(messages::typing::telling(&world.app, ann(), FORUM)), Fault::NonTextChannel);
}
