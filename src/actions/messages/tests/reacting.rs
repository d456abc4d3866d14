//! Reactions.

use serde_json::json;

use super::super as messages;
use super::world::*;
use crate::actions::error::Fault;
use crate::actions::{Actor, sweeps};
use crate::model::{Dispatch, MessageId, Overwrite, OverwriteTarget, Permissions, Reaction, UserId};
use crate::store::{DoomedReactions, Messages, Order, Reactions};

async fn react(
    world: &World,
    actor: Actor,
    id: MessageId,
    emoji: &str,
) -> Result<(), crate::actions::ActionError> {
    messages::react(&world.app, actor, GENERAL, id, emoji.to_owned()).await
}

fn shown(world: &World, viewer: Actor, id: MessageId) -> Vec<Reaction> {
    messages::get(&world.app, viewer, GENERAL, id).unwrap().reactions
}

#[tokio::test]
async fn equal_emoji_meet_whatever_marks_they_bear_and_repeats_are_quiet() {
    let world = World::new().await;
    let id = world.say(ann(), GENERAL, "vote").await;
    react(&world, bob(), id, "❤️").await.unwrap();
    let told = world.dispatches();
    let [Dispatch::ReactionAdd(event)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((event.user_id, event.message_author_id), (bob().user, Some(ann().user)));
    assert!(event.member.as_ref().unwrap().user.is_some());
    react(&world, bob(), id, "%E2%9D%A4").await.unwrap();
    assert!(world.told().is_empty(), "the same without its mark is the same");
    react(&world, ann(), id, "❤").await.unwrap();
    let seen = shown(&world, ann(), id);
    assert_eq!((seen.len(), seen[0].count, seen[0].me), (1, 2, true));
    assert_eq!(seen[0].emoji.name, "❤️", "as it was first given");
    assert!(!shown(&world, mia(), id)[0].me);
    let list = |query| -> Vec<u64> {
        let page = messages::list_reactions(&world.app, mia(), GENERAL, id, "❤", checked(query)).unwrap();
        page.iter().map(|user| user.id.get()).collect()
    };
    assert_eq!(list(json!({})), [12, 13]);
    assert_eq!((list(json!({ "limit": 1 })), list(json!({ "after": "12" }))), (vec![12], vec![13]));
    for unknown in ["x", "party:17", "a:party:17"] {
        assert_eq!(fault(react(&world, bob(), id, unknown).await), Fault::UnknownEmoji);
    }
    assert_eq!(fault(react(&world, bob(), MessageId::new(1), "❤").await), Fault::UnknownMessage);
}

#[tokio::test]
async fn a_new_emoji_needs_a_right_that_joining_one_does_not() {
    let world = World::new().await;
    let id = world.say(ann(), GENERAL, "vote").await;
    react(&world, mia(), id, "👍").await.unwrap();
    let deny = |denied: Permissions| {
        let target = OverwriteTarget::Role(GUILD.cast());
        move |row: &mut crate::store::ChannelRow| {
            row.overwrites = vec![Overwrite { target, allow: Permissions::NONE, deny: denied }];
        }
    };
    world.change_channel(GENERAL, deny(Permissions::ADD_REACTIONS)).await;
    react(&world, bob(), id, "👍").await.unwrap();
    assert_eq!(fault(react(&world, bob(), id, "👎").await), Fault::MissingPermissions);
    world.change_channel(GENERAL, deny(Permissions::READ_MESSAGE_HISTORY)).await;
    assert_eq!(fault(react(&world, ann(), id, "👍").await), Fault::MissingPermissions);
    world.change_channel(GENERAL, |row| row.overwrites.clear()).await;
    let kinds = emojis::iter().filter(|emoji| emoji.as_str() != "👍").take(19);
    for emoji in kinds {
        react(&world, bob(), id, emoji.as_str()).await.unwrap();
    }
    assert_eq!(fault(react(&world, bob(), id, "🏳️‍🌈").await), Fault::TooManyReactions);
    react(&world, ann(), id, "👍").await.unwrap();
}

#[tokio::test]
async fn reactions_are_taken_back_by_their_owner_and_cleared_by_moderators() {
    let world = World::new().await;
    let id = world.say(ann(), GENERAL, "vote").await;
    for (actor, emoji) in [(ann(), "👍"), (bob(), "👍"), (bob(), "👎"), (mia(), "🔥")] {
        react(&world, actor, id, emoji).await.unwrap();
    }
    world.told();
    let (app, up) = (&world.app, || "👍".to_owned());
    messages::take_back(app, mia(), GENERAL, id, up()).await.unwrap();
    assert!(world.told().is_empty(), "nothing of hers was there");
    messages::take_back(app, bob(), GENERAL, id, up()).await.unwrap();
    assert_eq!(world.told_names(), ["MESSAGE_REACTION_REMOVE"]);
    let refused = messages::take_back_of(app, bob(), GENERAL, id, up(), ann().user).await;
    assert_eq!(fault(refused), Fault::MissingPermissions);
    messages::take_back_of(app, mia(), GENERAL, id, up(), ann().user).await.unwrap();
    assert_eq!(shown(&world, ann(), id).len(), 2, "an emoji nobody chooses any more is gone");
    world.told();
    assert_eq!(
        fault(messages::clear_emoji(app, bob(), GENERAL, id, "👎".to_owned()).await),
        Fault::MissingPermissions
    );
    messages::clear_emoji(app, mia(), GENERAL, id, "👎".to_owned()).await.unwrap();
    messages::clear_emoji(app, mia(), GENERAL, id, "👎".to_owned()).await.unwrap();
    assert_eq!(world.told_names(), ["MESSAGE_REACTION_REMOVE_EMOJI"]);
    messages::clear_reactions(app, mia(), GENERAL, id).await.unwrap();
    messages::clear_reactions(app, mia(), GENERAL, id).await.unwrap();
    assert_eq!(world.told_names(), ["MESSAGE_REACTION_REMOVE_ALL"]);
    assert!(shown(&world, ann(), id).is_empty());
    assert!(world.read(|view| view.list::<Reactions>(&id, None, Order::Ascending, 9)).is_empty());
}

#[tokio::test]
async fn a_cleared_crowd_is_swept_behind_and_does_not_count_again() {
    let world = World::new().await;
    let id = world.say(ann(), GENERAL, "vote").await;
    react(&world, bob(), id, "👍").await.unwrap();
    world
        .change(move |tx| {
            let by = tx.internal();
            for n in 0..600 {
                tx.put::<Reactions>(&by, &(id, "👍".to_owned(), UserId::new(10_000 + n)), &())?;
            }
            let mut row = tx.get::<Messages>(&(GENERAL, id))?.unwrap();
            row.reactions[0].count += 600;
            tx.put::<Messages>(&by, &(GENERAL, id), &row)
        })
        .await;
    for _ in 0..2 {
        messages::clear_reactions(&world.app, mia(), GENERAL, id).await.unwrap();
        assert!(shown(&world, bob(), id).is_empty());
        react(&world, bob(), id, "👍").await.unwrap();
        let seen = shown(&world, bob(), id);
        assert_eq!((seen[0].count, seen[0].me), (1, true), "those who were cleared are not among it");
    }
    sweeps::sweep_all(&world.app).await.unwrap();
    assert!(world.read(|view| view.list::<DoomedReactions>(&(), None, Order::Ascending, 9)).is_empty());
    assert_eq!(world.read(|view| view.list::<Reactions>(&id, None, Order::Ascending, 9)).len(), 1);
    assert!(shown(&world, bob(), id)[0].me);
}
