//! Traps of rights: who may what, and in which order things are told.

use serde_json::{Value, json};

use super::{House, listening, text};
use crate::support::Server;

const VIEW: u64 = 1 << 10;
const SEND: u64 = 1 << 11;
const HISTORY: u64 = 1 << 16;
const ADD_REACTIONS: u64 = 1 << 6;
const FIRE: &str = "%F0%9F%94%A5";

#[tokio::test]
async fn trap_22_without_history_a_page_is_empty_and_one_message_is_refused() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let message = house.mira.say(&house.channel, "old").await;
    house.overwrite(&house.guild, 0, 0, HISTORY).await;
    assert_eq!(house.june.get(&house.messages()).await.ok(), json!([]));
    let one = format!("{}/{}", house.messages(), text(&message["id"]));
    house.june.get(&one).await.refused(403, 50013);
    assert_eq!(house.june.get(&format!("{}/pins", house.messages())).await.ok()["items"], json!([]));
}

#[tokio::test]
async fn trap_26_joining_a_reaction_needs_no_right_to_add_one() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    house.everyone(VIEW | SEND | HISTORY).await;
    let message = house.mira.say(&house.channel, "soup?").await;
    let reaction = format!("{}/{}/reactions/{FIRE}/@me", house.messages(), text(&message["id"]));
    house.june.put(&reaction, json!({})).await.refused(403, 50013);
    house.mira.put(&reaction, json!({})).await.ok();
    house.june.put(&reaction, json!({})).await.ok();
    house.everyone(VIEW | SEND | HISTORY | ADD_REACTIONS).await;
    let other = format!("{}/{}/reactions/%F0%9F%8D%9E/@me", house.messages(), text(&message["id"]));
    house.june.put(&other, json!({})).await.ok();
}

#[tokio::test]
async fn trap_32_a_ban_is_told_before_the_removal_and_a_role_s_end_without_its_members() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let role = house.role(&house.june, 0).await;
    let mut miras = house.mira.connect().await;
    house.mira.delete(&format!("/guilds/{}/roles/{role}", house.guild)).await.ok();
    house.mira.put(&format!("/guilds/{}/bans/{}", house.guild, house.june.id), json!({})).await.ok();
    let names = miras.names_until("GUILD_MEMBER_REMOVE").await;
    let place = |name: &str| names.iter().position(|one| one == name);
    assert!(
        place("GUILD_ROLE_DELETE").is_some() && place("GUILD_ROLE_DELETE") < place("GUILD_BAN_ADD"),
        "{names:?}"
    );
    assert_eq!(place("GUILD_MEMBER_UPDATE"), None, "{names:?}");
}

#[tokio::test]
async fn trap_33_an_allow_of_any_role_beats_a_deny_of_another_whatever_their_order() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let (first, second) = (house.role(&house.june, 0).await, house.role(&house.june, 0).await);
    for (allowed, denied) in [(&first, &second), (&second, &first)] {
        house.overwrite(allowed, 0, SEND, 0).await;
        house.overwrite(denied, 0, 0, SEND).await;
        house.june.say(&house.channel, "still here").await;
    }
    // A member's own overwrite comes last.
    house.overwrite(&house.june.id, 1, 0, SEND).await;
    house.june.post(&house.messages(), json!({ "content": "x" })).await.refused(403, 50013);
}

#[tokio::test]
async fn trap_34_who_may_not_view_may_not_send_whatever_is_allowed() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    house.overwrite(&house.june.id, 1, SEND, VIEW).await;
    house.june.post(&house.messages(), json!({ "content": "x" })).await.refused(403, 50001);
    house.june.get(&house.messages()).await.refused(403, 50001);
    let seen = house.june.get(&format!("/guilds/{}/channels", house.guild)).await.ok();
    assert!(seen.as_array().unwrap().iter().all(|one| one["id"] != house.channel));
}

#[tokio::test]
async fn trap_35_a_time_out_leaves_looking_and_reading() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let until = json!({ "communication_disabled_until": "2099-01-01T00:00:00Z" });
    let member = format!("/guilds/{}/members/{}", house.guild, house.june.id);
    house.mira.patch(&member, until).await.refused(400, 50035);
    let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(3_600);
    let soon = soon.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let soon = serde_json::to_value(hearth::model::Timestamp(soon)).unwrap();
    house.mira.patch(&member, json!({ "communication_disabled_until": soon })).await.ok();
    house.june.post(&house.messages(), json!({ "content": "x" })).await.refused(403, 50013);
    house.june.get(&house.messages()).await.ok();
    house.mira.patch(&member, json!({ "communication_disabled_until": null })).await.ok();
    house.june.say(&house.channel, "back").await;
}

#[tokio::test]
async fn trap_36_a_category_s_rights_are_copied_when_they_were_equal_and_never_inherited() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let channels = format!("/guilds/{}/channels", house.guild);
    let category =
        text(&house.mira.post(&channels, json!({ "name": "Backstage", "type": 4 })).await.ok()["id"]);
    let child = |name: &str| json!({ "name": name, "parent_id": category });
    let synced = text(&house.mira.post(&channels, child("synced")).await.ok()["id"]);
    let own = text(&house.mira.post(&channels, child("own")).await.ok()["id"]);
    let overwrite =
        |allow: u64, deny: u64| json!({ "type": 0, "allow": allow.to_string(), "deny": deny.to_string() });
    let guild = &house.guild;
    house.mira.put(&format!("/channels/{own}/permissions/{guild}"), overwrite(SEND, 0)).await.ok();
    house.mira.put(&format!("/channels/{category}/permissions/{guild}"), overwrite(0, VIEW)).await.ok();
    house.june.get(&format!("/channels/{synced}/messages")).await.refused(403, 50001);
    house.june.get(&format!("/channels/{own}/messages")).await.ok();
}

#[tokio::test]
async fn trap_47_a_webhook_s_author_is_the_webhook() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let bot = house.bot(VIEW).await;
    let mut heard = listening(&bot).await;
    let hooks = format!("/channels/{}/webhooks", house.channel);
    let hook = house.mira.post(&hooks, json!({ "name": "Oven" })).await.ok();
    assert!(hook["avatar"].is_null() && hook["type"] == 1);
    let path = format!("/webhooks/{}/{}?wait=true", text(&hook["id"]), text(&hook["token"]));
    server.call(reqwest::Method::POST, &path, Some(json!({ "content": "bread" }))).await.ok();
    let told = heard.expect("MESSAGE_CREATE").await;
    let author = &told["author"];
    assert_eq!((&author["id"], &author["discriminator"]), (&hook["id"], &json!("0000")));
    assert!(author["avatar"].is_null() && told.get("member").is_none());
}

#[tokio::test]
async fn trap_49_what_is_deleted_is_named_by_no_setting_and_leaves_its_children() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    let guild = house.mira.get(&format!("/guilds/{}", house.guild)).await.ok();
    let system = text(&guild["system_channel_id"]);
    let all = house.mira.get(&format!("/guilds/{}/channels", house.guild)).await.ok();
    let of = |id: &str| all.as_array().unwrap().iter().find(|one| one["id"] == id).unwrap().clone();
    let category = text(&of(&system)["parent_id"]);
    let mut miras = house.mira.connect().await;
    house.mira.delete(&format!("/channels/{category}")).await.ok();
    assert_eq!(house.mira.get(&format!("/channels/{system}")).await.ok()["parent_id"], Value::Null);
    house.mira.delete(&format!("/channels/{system}")).await.ok();
    let updated = miras.expect("GUILD_UPDATE").await;
    assert!(updated["system_channel_id"].is_null());
}

#[tokio::test]
async fn trap_50_community_needs_an_admin_and_no_bot_becomes_owner() {
    let server = Server::start().await;
    let house = House::build(&server).await;
    house.role(&house.june, 1 << 5).await;
    let path = format!("/guilds/{}", house.guild);
    house.june.patch(&path, json!({ "description": "bread and soup" })).await.ok();
    house.june.patch(&path, json!({ "features": ["COMMUNITY"] })).await.refused(403, 50013);
    let bot = house.bot(0).await;
    let hand_over = json!({ "owner_id": bot.id, "password": crate::support::PASSWORD });
    house.mira.patch(&path, hand_over).await.refused(400, 50132);
}
