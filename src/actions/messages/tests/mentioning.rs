//! Whom messages notify, and what that costs.

use serde_json::json;

use super::world::*;
use crate::actions::messages;
use crate::model::{Message, MessageId, UserId};
use crate::store::*;

fn users(message: &Message) -> Vec<u64> {
    message.mentions.iter().map(|mentioned| mentioned.user.id.get()).collect()
}

#[tokio::test]
async fn text_mentions_whom_its_sender_may_mention() {
    let world = World::new().await;
    let text = "<@13> <@!12> <@999> <@&3001> <@&3002> <@&777> @here `<@11>`";
    let by_member = world.post(ann(), GENERAL, json!({ "content": text })).await;
    assert_eq!(users(&by_member), [13, 12], "strangers to the server are no mentions");
    assert!(by_member.mentions[0].member.is_some());
    assert_eq!((by_member.mention_roles.clone(), by_member.mention_everyone), (vec![PINGABLE], false));
    let by_moderator = world.post(mia(), GENERAL, json!({ "content": text })).await;
    assert_eq!(
        (by_moderator.mention_roles.clone(), by_moderator.mention_everyone),
        (vec![MODS, PINGABLE], true)
    );
    let mention = world.read(|view| view.get::<Mentions>(&(GENERAL, by_moderator.id))).unwrap();
    assert_eq!((mention.users.len(), mention.roles.len(), mention.everyone), (2, 2, true));
    let in_dm = world.post(ann(), DM, json!({ "content": "<@13> <@&3002>" })).await;
    assert_eq!((users(&in_dm), in_dm.mention_roles.len()), (vec![13], 0));
    assert!(
        world.read(|view| view.get::<Mentions>(&(DM, in_dm.id))).is_none(),
        "in DMs everything counts anyway"
    );
}

#[tokio::test]
async fn allowed_mentions_list_all_that_pings() {
    let world = World::new().await;
    let post = async |allowed| {
        let body = json!({ "content": "<@13> <@11> <@&3001> @everyone", "allowed_mentions": allowed });
        world.try_post(mia(), GENERAL, body).await
    };
    let none = post(json!({})).await.unwrap();
    assert!(none.mentions.is_empty() && none.mention_roles.is_empty() && !none.mention_everyone);
    let some = post(json!({ "parse": ["everyone"], "users": ["13", "15"], "roles": [] })).await.unwrap();
    assert_eq!((users(&some), some.mention_roles.len(), some.mention_everyone), (vec![13], 0, true));
    let both = post(json!({ "parse": ["users"], "users": ["13"] })).await;
    assert!(both.is_err(), "a class whole and by ids is a contradiction");
    assert!(post(json!({ "parse": ["users"], "users": [] })).await.is_ok());
    assert!(post(json!({ "parse": ["nobody"] })).await.is_err());
}

fn rows(view: &View<'_>) -> Result<usize, StoreError> {
    Ok(view.list::<Messages>(&(), None, Order::Ascending, 10_000)?.len()
        + view.list::<Mentions>(&(), None, Order::Ascending, 10_000)?.len()
        + view.list::<ReadStates>(&(), None, Order::Ascending, 10_000)?.len()
        + view.list::<ChannelStates>(&(), None, Order::Ascending, 10_000)?.len()
        + view.list::<DismissedMentions>(&(), None, Order::Ascending, 10_000)?.len()
        + view.list::<SlowPosts>(&(), None, Order::Ascending, 10_000)?.len())
}

#[tokio::test]
async fn one_everyone_writes_as_many_rows_in_a_large_guild_as_in_a_small_one() {
    let mut written = Vec::new();
    for members in [0u64, 2_000] {
        let world = World::new().await;
        for chunk in 0..members / 500 {
            world
                .change(move |tx| {
                    for n in 0..500 {
                        let user = UserId::new(100_000 + chunk * 500 + n);
                        tx.put::<Members>(&tx.internal(), &(GUILD, user), &MemberRow::default())?;
                    }
                    Ok(())
                })
                .await;
        }
        let before = world.read(rows);
        world.say(mia(), GENERAL, "@everyone").await;
        messages::write_marks(&world.app).await.unwrap();
        written.push(world.read(rows) - before);
    }
    // The message, its mention, the channel's state and the author's own mark.
    assert_eq!(written, [4, 4]);
}

#[tokio::test]
async fn old_ids_of_an_import_do_not_move_the_newest_back() {
    let world = World::new().await;
    let newest = world.say(ann(), GENERAL, "now").await;
    world
        .change(|tx| {
            let old = MessageId::from_ms(START_MS - 1_000_000_000);
            tx.insert_message(&tx.internal(), Some(GUILD), GENERAL, old, &MessageRow::default())
        })
        .await;
    let state = world.read(|view| view.get::<ChannelStates>(&GENERAL)).unwrap();
    assert_eq!(state.last_message, Some(newest));
}
