//! What may be posted, and what comes of it.

use serde_json::json;

use super::super::history;
use super::world::*;
use crate::actions::error::{ActionError, Fault};
use crate::actions::messages;
use crate::config::Config;
use crate::model::{ChannelId, Dispatch, MessageId, Nonce, message_type};
use crate::store::ChannelStates;

#[tokio::test]
async fn a_post_is_answered_told_and_read_back() {
    let world = World::new().await;
    let posted =
        world.post(ann(), GENERAL, json!({ "content": "  hello  ", "nonce": 17, "tts": true })).await;
    assert_eq!(
        (posted.content.as_str(), posted.tts, posted.nonce.clone()),
        ("hello", true, Some(Nonce::Number(17)))
    );
    let told = world.dispatches();
    let [Dispatch::MessageCreate(event)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((event.message.id, event.guild_id), (posted.id, Some(GUILD)));
    assert_eq!(event.message.nonce, Some(Nonce::Number(17)), "the hub shows it to the author's sessions");
    assert!(event.member.as_ref().is_some_and(|member| member.user.is_none()));
    let state = world.read(|view| view.get::<ChannelStates>(&GENERAL)).unwrap();
    assert_eq!(state.last_message, Some(posted.id));
    assert_eq!(world.row(GENERAL, posted.id).unwrap().nonce, Some(Nonce::Number(17)));
    let read = messages::get(&world.app, bob(), GENERAL, posted.id).unwrap();
    assert_eq!((read.content.as_str(), read.nonce), ("hello", None));
}

#[tokio::test]
async fn who_may_not_post_hears_why_before_what_is_wrong_with_the_body() {
    let world = World::new().await;
    let bad = || json!({ "content": "x".repeat(5_000) });
    let unknown = ChannelId::new(1);
    for (actor, channel, expected) in [
        (ann(), unknown, Fault::UnknownChannel),
        (eve(), GENERAL, Fault::MissingAccess),
        (ann(), HIDDEN, Fault::MissingAccess),
        (eve(), DM, Fault::UnknownChannel),
        (ann(), MUTED, Fault::MissingPermissions),
    ] {
        assert_eq!(fault(world.try_post(actor, channel, bad()).await), expected, "{channel}");
    }
    assert_eq!(leaf(world.try_post(ann(), GENERAL, bad()).await, "content"), "BASE_TYPE_MAX_LENGTH");
    let hello = || json!({ "content": "hello" });
    assert_eq!(fault(world.try_post(ann(), CATEGORY, hello()).await), Fault::NonTextChannel);
    assert_eq!(fault(world.try_post(ann(), FORUM, hello()).await), Fault::NoMessageInForum);
    assert!(world.told().is_empty());
}

#[tokio::test]
async fn nothing_but_whitespace_is_empty_and_length_counts_code_points() {
    let mut config = Config::default();
    config.limits.max_content_chars = 3_000;
    let world = World::with(config).await;
    for empty in [json!({}), json!({ "content": " \n\t " }), json!({ "content": null, "embeds": [] })] {
        assert_eq!(fault(world.try_post(ann(), GENERAL, empty).await), Fault::EmptyMessage);
    }
    let long = |chars| json!({ "content": "🎉".repeat(chars) });
    assert!(world.try_post(ann(), GENERAL, long(3_000)).await.is_ok());
    assert_eq!(leaf(world.try_post(ann(), GENERAL, long(3_001)).await, "content"), "BASE_TYPE_MAX_LENGTH");
    assert!(world.try_post(bot(), GENERAL, long(2_000)).await.is_ok());
    assert_eq!(leaf(world.try_post(bot(), GENERAL, long(2_001)).await, "content"), "BASE_TYPE_MAX_LENGTH");
    let sticker = json!({ "content": "x", "sticker_ids": ["5"] });
    assert_eq!(fault(world.try_post(ann(), GENERAL, sticker).await), Fault::InvalidSticker);
}

#[tokio::test]
async fn an_enforced_nonce_answers_the_first_message_and_tells_nothing() {
    let world = World::new().await;
    let body = |text: &str| json!({ "content": text, "nonce": "n1", "enforce_nonce": true });
    let first = world.post(bot(), GENERAL, body("one")).await;
    world.told();
    world.wait_s(299);
    let again = world.post(bot(), GENERAL, body("two")).await;
    assert_eq!(
        (again.id, again.content.as_str(), &again.nonce),
        (first.id, "one", &Some(Nonce::Text("n1".to_owned())))
    );
    assert!(world.told().is_empty());
    let others = world.post(ann(), GENERAL, body("three")).await;
    let elsewhere = world.post(bot(), NO_HISTORY, body("four")).await;
    let number =
        world.post(bot(), GENERAL, json!({ "content": "five", "nonce": 1, "enforce_nonce": true })).await;
    assert!(![others.id, elsewhere.id, number.id].contains(&first.id));
    world.wait_s(2);
    assert_ne!(world.post(bot(), GENERAL, body("later")).await.id, first.id);
}

#[tokio::test]
async fn a_repeat_is_known_after_a_restart_and_a_persons_without_asking() {
    let world = World::new().await;
    let body = || json!({ "content": "hi", "nonce": "n1" });
    let first = world.post(ann(), GENERAL, body()).await;
    world.wait_s(59);
    assert_eq!(world.post(ann(), GENERAL, body()).await.id, first.id);
    let posted_by_bot = world.post(bot(), GENERAL, body()).await;
    assert_ne!(world.post(bot(), GENERAL, body()).await.id, posted_by_bot.id, "bots ask for it");
    // What memory forgot, as at a restart, the rows from before it still tell.
    let forgotten = crate::store::nonces::Nonces::default();
    let (nonce, id) = (Nonce::Text("n1".to_owned()), first.id);
    world
        .change(move |tx| {
            let found = messages::nonce::find_first(tx, &forgotten, ann(), GENERAL, &nonce, true)?;
            assert_eq!(found.map(|(id, _)| id), Some(id));
            Ok(())
        })
        .await;
    world.wait_s(2);
    assert_ne!(world.post(ann(), GENERAL, body()).await.id, first.id);
}

#[tokio::test]
async fn slow_mode_makes_wait_whom_it_concerns() {
    let world = World::new().await;
    world.change_channel(GENERAL, |row| row.slowmode_s = 10).await;
    let hello = || json!({ "content": "hello" });
    world.post(ann(), GENERAL, hello()).await;
    world.wait_s(4);
    match world.try_post(ann(), GENERAL, hello()).await.unwrap_err() {
        ActionError::RateLimited(limited) => {
            assert_eq!((limited.retry_after.as_millis(), limited.code), (6_000, 20_016));
        }
        other => panic!("{other:?}"),
    }
    for actor in [bob(), mia(), mia(), bot(), bot(), owner(), owner()] {
        world.post(actor, GENERAL, hello()).await;
    }
    world.wait_s(6);
    world.post(ann(), GENERAL, hello()).await;
    // A repeat is no second post.
    let named = || json!({ "content": "x", "nonce": "n" });
    world.wait_s(10);
    let first = world.post(ann(), GENERAL, named()).await;
    assert_eq!(world.post(ann(), GENERAL, named()).await.id, first.id);
}

#[tokio::test]
async fn newcomers_wait_for_the_verification_level() {
    let world = World::new().await;
    world.change_guild(|row| row.verification_level = 3).await;
    let young = MessageId::from_ms(START_MS - 60_000).cast();
    let joined_ms = START_MS - 9 * 60_000;
    world
        .change(move |tx| {
            use crate::store::{MemberRow, Members, UserRow, Users};
            tx.put::<Users>(&tx.internal(), &young, &UserRow::default())?;
            tx.put::<Members>(
                &tx.internal(),
                &(GUILD, young),
                &MemberRow { joined_ms, ..MemberRow::default() },
            )
        })
        .await;
    let newcomer = crate::actions::Actor { user: young, ..ann() };
    let hello = || json!({ "content": "hello" });
    assert_eq!(fault(world.try_post(newcomer, GENERAL, hello()).await), Fault::VerificationLevel);
    assert!(world.try_post(ann(), GENERAL, hello()).await.is_ok(), "an hour is long enough");
    world.wait_s(60);
    assert_eq!(
        fault(world.try_post(newcomer, GENERAL, hello()).await),
        Fault::VerificationLevel,
        "account too young"
    );
    world.wait_s(240);
    assert!(world.try_post(newcomer, GENERAL, hello()).await.is_ok());
}

#[tokio::test]
async fn replies_find_their_message_or_say_that_it_is_gone() {
    let world = World::new().await;
    let asked = world.say(bob(), GENERAL, "question").await;
    let reply = |id: MessageId| json!({ "content": "answer", "message_reference": { "message_id": id } });
    let answer = world.post(ann(), GENERAL, reply(asked)).await;
    assert_eq!(answer.kind, message_type::REPLY);
    assert_eq!(answer.mentions[0].user.id, bob().user, "the author is pinged");
    let answered = answer.referenced_message.as_ref().unwrap().as_ref().unwrap();
    assert_eq!((answered.id, answered.content.as_str()), (asked, "question"));
    let quiet =
        json!({ "content": "a", "message_reference": { "message_id": asked }, "allowed_mentions": {} });
    assert!(world.post(ann(), GENERAL, quiet).await.mentions.is_empty());

    let absent = MessageId::new(5);
    assert_eq!(
        leaf(world.try_post(ann(), GENERAL, reply(absent)).await, "message_reference"),
        "REPLIES_UNKNOWN_MESSAGE"
    );
    let elsewhere =
        json!({ "content": "a", "message_reference": { "message_id": asked, "channel_id": MUTED } });
    assert_eq!(
        leaf(world.try_post(ann(), GENERAL, elsewhere).await, "message_reference"),
        "REPLIES_UNKNOWN_MESSAGE"
    );
    let lenient =
        json!({ "content": "a", "message_reference": { "message_id": absent, "fail_if_not_exists": false } });
    assert_eq!(world.post(ann(), GENERAL, lenient).await.kind, message_type::DEFAULT);
    assert_eq!(fault(world.try_post(ann(), NO_HISTORY, reply(asked)).await), Fault::ReplyWithoutHistory);
    messages::pin(&world.app, mia(), GENERAL, asked, None).await.unwrap();
    let notice = history::page(&world.app, ann(), GENERAL, checked(json!({ "limit": 1 }))).unwrap()[0].id;
    let code = leaf(world.try_post(ann(), GENERAL, reply(notice)).await, "message_reference");
    assert_eq!(code, "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE");
    let forward = json!({ "content": "a", "message_reference": { "type": 1, "message_id": asked } });
    assert!(world.try_post(ann(), GENERAL, forward).await.is_err());
}

#[tokio::test]
async fn rich_embeds_and_tts_need_their_rights_and_flags_are_chosen() {
    let world = World::new().await;
    let embed = || json!({ "embeds": [{ "title": "Card", "type": "image" }], "flags": 4 | 4096 | 1 | 64 });
    let posted = world.post(ann(), GENERAL, embed()).await;
    assert_eq!((posted.embeds[0].kind.as_str(), posted.flags), ("rich", 4 | 4096));
    use crate::model::{Overwrite, OverwriteTarget, Permissions};
    world
        .change_channel(GENERAL, |row| {
            let deny = Permissions::EMBED_LINKS | Permissions::SEND_TTS_MESSAGES;
            let target = OverwriteTarget::Role(GUILD.cast());
            row.overwrites = vec![Overwrite { target, allow: Permissions::NONE, deny }];
        })
        .await;
    assert_eq!(fault(world.try_post(ann(), GENERAL, embed()).await), Fault::MissingPermissions);
    let tts = json!({ "content": "loud", "tts": true });
    assert_eq!(fault(world.try_post(ann(), GENERAL, tts).await), Fault::MissingPermissions);
    let components = json!({ "components": [{ "type": 1, "components": [], "x": "kept" }] });
    assert_eq!(world.post(ann(), GENERAL, components).await.components[0]["x"], "kept");
}
