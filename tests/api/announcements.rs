//! Announcement channels: following, publishing, copies that keep up, and who may see what.

use serde_json::{Value, json};

use crate::support::{Person, Server};

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

async fn channel(by: &Person<'_>, guild: &str, name: &str, kind: u8) -> String {
    let made =
        by.post(&format!("/guilds/{guild}/channels"), json!({ "name": name, "type": kind })).await.ok();
    text(&made["id"])
}

#[tokio::test]
async fn what_is_published_is_copied_to_followers_and_keeps_up() {
    let server = Server::start().await;
    let (mira, paul) = (server.person("mira").await, server.person("paul").await);
    let (press, lobby) = mira.make_guild("Press").await;
    let news = channel(&mira, &press, "news", 5).await;
    mira.bring(&lobby, &[&paul]).await;
    let (home, hall) = paul.make_guild("Home").await;
    let follow = |into: &str| json!({ "webhook_channel_id": into });
    mira.post(&format!("/channels/{news}/followers"), follow(&hall)).await.refused(403, 50001);
    paul.post(&format!("/channels/{lobby}/followers"), follow(&hall)).await.refused(400, 50024);
    paul.post(&format!("/channels/{news}/followers"), json!({})).await.refused(400, 50035);

    let mut watching = paul.connect().await;
    let followed = paul.post(&format!("/channels/{news}/followers"), follow(&hall)).await.ok();
    assert_eq!(watching.expect("WEBHOOKS_UPDATE").await, json!({ "guild_id": home, "channel_id": hall }));
    let notice = watching.expect("MESSAGE_CREATE").await;
    assert_eq!((notice["type"].as_u64(), &notice["content"]), (Some(12), &json!("Press #news")));
    let again = paul.post(&format!("/channels/{news}/followers"), follow(&hall)).await.ok();
    assert_eq!(followed, again);

    let said = mira.say(&news, "extra").await;
    let publish = format!("/channels/{news}/messages/{}/crosspost", text(&said["id"]));
    paul.post(&publish, json!({})).await.refused(403, 50013);
    assert_eq!(mira.post(&publish, json!({})).await.ok()["flags"], 1);
    mira.post(&publish, json!({})).await.refused(400, 40033);
    let copy = loop {
        let heard = watching.expect("MESSAGE_CREATE").await;
        if heard["channel_id"] == hall.as_str() {
            break heard;
        }
    };
    assert_eq!((copy["flags"].as_u64(), &copy["webhook_id"]), (Some(2), &followed["webhook_id"]));
    assert_eq!(
        (&copy["author"]["discriminator"], &copy["author"]["username"]),
        (&json!("0000"), &json!("Press #news"))
    );
    assert!(copy.get("member").is_none() && copy.get("application_id").is_none());
    let reference = json!({ "type": 0, "message_id": said["id"], "channel_id": news, "guild_id": press });
    assert_eq!(copy["message_reference"], reference);
    paul.post(&format!("/channels/{hall}/messages/{}/crosspost", text(&copy["id"])), json!({}))
        .await
        .refused(400, 50024);

    let source = format!("/channels/{news}/messages/{}", text(&said["id"]));
    let held = format!("/channels/{hall}/messages");
    mira.patch(&source, json!({ "content": "late extra" })).await.ok();
    assert_eq!(paul.get(&held).await.ok()[0]["content"], "late extra");
    mira.delete(&source).await.ok();
    assert_eq!(paul.get(&held).await.ok()[0]["flags"], 2 | 8);
}

#[tokio::test]
async fn a_follow_ends_with_its_webhook_and_hidden_sources_stay_hidden() {
    let server = Server::start().await;
    let (mira, paul) = (server.person("mira").await, server.person("paul").await);
    let (press, lobby) = mira.make_guild("Press").await;
    let news = channel(&mira, &press, "news", 5).await;
    mira.bring(&lobby, &[&paul]).await;
    let (_, hall) = paul.make_guild("Home").await;
    paul.post(&format!("/channels/{news}/followers"), json!({ "webhook_channel_id": hall })).await.ok();
    let listed = paul.get(&format!("/channels/{hall}/webhooks")).await.ok();
    assert_eq!((&listed[0]["source_channel"]["id"], &listed[0]["type"]), (&json!(news), &json!(2)));
    paul.delete(&format!("/users/@me/guilds/{press}")).await.ok();
    let listed = paul.get(&format!("/channels/{hall}/webhooks")).await.ok();
    assert!(listed[0].get("source_channel").is_none() && listed[0].get("source_guild").is_none());
    let webhook = format!("/webhooks/{}", text(&listed[0]["id"]));
    mira.get(&webhook).await.refused(403, 50001);
    mira.delete(&webhook).await.refused(403, 50001);
    paul.delete(&webhook).await.ok();
    paul.get(&webhook).await.refused(404, 10015);

    let said = mira.say(&news, "to nobody").await;
    mira.post(&format!("/channels/{news}/messages/{}/crosspost", text(&said["id"])), json!({})).await.ok();
    let held = paul.get(&format!("/channels/{hall}/messages")).await.ok();
    assert_eq!(held.as_array().unwrap().len(), 1, "the notice alone: {held}");
}
