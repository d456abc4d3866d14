//! What a guild shows to everybody, how it shuts its doors for a day, and the table that its managers look through.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Person, Server};

const MANAGE_GUILD: u64 = 1 << 5;

/// A guild with its owner and a member.
async fn house<'s>(server: &'s Server) -> (Person<'s>, Person<'s>, String, String) {
    let (mira, june) = (server.owner("mira").await, server.person("june").await);
    let (guild, channel) = mira.make_guild("Maple House").await;
    mira.bring(&channel, &[&june]).await;
    (mira, june, guild, channel)
}

/// A time so many hours from now.
fn in_hours(hours: u64) -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    serde_json::to_value(hearth::model::Timestamp(now + hours * 3_600_000)).unwrap()
}

#[tokio::test]
async fn a_widget_shows_what_is_open_and_names_no_account() {
    let server = Server::start().await;
    let (mira, june, guild, channel) = house(&server).await;
    let shown = |path: &str| format!("/guilds/{guild}/{path}");
    server.call(Method::GET, &shown("widget.json"), None).await.refused(403, 50004);
    server.call(Method::GET, &shown("widget.png"), None).await.refused(403, 50004);
    server.call(Method::GET, "/guilds/175928847299117063/widget.json", None).await.refused(403, 50004);
    let settings = shown("widget");
    assert_eq!(mira.get(&settings).await.ok(), json!({ "enabled": false, "channel_id": null }));
    june.patch(&settings, json!({ "enabled": true })).await.refused(403, 50013);
    mira.patch(&settings, json!({ "channel_id": "175928847299117063" })).await.refused(400, 50035);
    let hidden = json!([{ "id": guild, "type": 0, "deny": "1024" }]);
    let cellar = json!({ "name": "cellar", "type": 2, "permission_overwrites": hidden });
    mira.post(&shown("channels"), cellar).await.ok();
    let mut junes = june.connect().await;
    let mut miras = mira.connect().await;
    assert_eq!(junes.expect("PRESENCE_UPDATE").await["user"]["id"], mira.id);
    mira.patch(&settings, json!({ "enabled": true, "channel_id": channel })).await.ok();
    let told = miras.expect("GUILD_UPDATE").await;
    assert_eq!((&told["widget_enabled"], &told["widget_channel_id"]), (&json!(true), &json!(channel)));
    let log = mira.get(&shown("audit-logs?action_type=1")).await.ok();
    let changed: Vec<_> =
        log["audit_log_entries"][0]["changes"].as_array().unwrap().iter().map(|one| &one["key"]).collect();
    assert!(changed.contains(&&json!("widget_enabled")), "{log}");

    let widget = server.call(Method::GET, &shown("widget.json"), None).await.ok();
    assert_eq!(widget["name"], "Maple House");
    assert!(widget["presence_count"].as_u64().unwrap() >= 1);
    let channels: Vec<_> = widget["channels"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(channels, [&json!("General")], "the hidden one is not there");
    let members = widget["members"].as_array().unwrap();
    assert!(members.iter().any(|one| one["username"] == "mira" && one["status"] == "online"), "{widget}");
    assert!(members.iter().enumerate().all(|(n, one)| one["id"] == n.to_string().as_str()), "{widget}");
    assert!(!widget.to_string().contains(&mira.id), "{widget}");
    let link = widget["instant_invite"].as_str().unwrap().to_owned();
    let code = link.strip_prefix(&format!("{}/invite/", server.origin)).unwrap();
    let otto = server.person("otto").await;
    otto.post(&format!("/invites/{code}"), json!({})).await.ok();
    let picture =
        server.fetch(&format!("{}/api/v10{}", server.origin, shown("widget.png?style=banner2")), &[]).await;
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/png"));
    assert!(picture.bytes.starts_with(b"\x89PNG"));

    mira.patch(&settings, json!({ "channel_id": null })).await.ok();
    let widget = server.call(Method::GET, &shown("widget.json"), None).await.ok();
    assert!(widget["instant_invite"].is_null());
    server.call(Method::GET, &format!("/invites/{code}"), None).await.refused(404, 10006);
}

#[tokio::test]
async fn doors_shut_for_a_day_at_most_and_open_again() {
    let server = Server::start().await;
    let (mira, june, guild, channel) = house(&server).await;
    let otto = server.person("otto").await;
    let path = format!("/guilds/{guild}/incident-actions");
    june.put(&path, json!({ "invites_disabled_until": in_hours(1) })).await.refused(403, 50013);
    mira.put(&path, json!({ "invites_disabled_until": in_hours(25) })).await.refused(400, 50035);
    let mut junes = june.connect().await;
    let both = json!({ "invites_disabled_until": in_hours(1), "dms_disabled_until": in_hours(2) });
    let measures = mira.put(&path, both).await.ok();
    assert!(measures["invites_disabled_until"].is_string() && measures["raid_detected_at"].is_null());
    assert_eq!(junes.expect("GUILD_UPDATE").await["incidents_data"], measures);
    let invite = mira.post(&format!("/channels/{channel}/invites"), json!({})).await.ok();
    let accept = format!("/invites/{}", invite["code"].as_str().unwrap());
    otto.post(&accept, json!({})).await.refused(403, 340015);
    let conversation = june.open_dm(&mira).await;
    let messages = format!("/channels/{conversation}/messages");
    june.post(&messages, json!({ "content": "psst" })).await.refused(403, 50007);
    june.befriend(&mira).await;
    june.say(&conversation, "friends may").await;

    let lifted =
        mira.put(&path, json!({ "invites_disabled_until": null, "dms_disabled_until": null })).await.ok();
    assert!(lifted["invites_disabled_until"].is_null() && lifted["dms_disabled_until"].is_null());
    assert!(junes.expect("GUILD_UPDATE").await["incidents_data"].is_null());
    otto.post(&accept, json!({})).await.ok();
    let conversation = otto.open_dm(&mira).await;
    otto.say(&conversation, "hello").await;
}

#[tokio::test]
async fn managers_look_through_members_by_conditions_and_pages() {
    let server = Server::start().await;
    let (mira, june, guild, channel) = house(&server).await;
    let mut others = Vec::new();
    for name in ["anna", "anton", "berta"] {
        others.push(server.person(name).await);
    }
    mira.bring(&channel, &others.iter().collect::<Vec<_>>()).await;
    let path = format!("/guilds/{guild}/members-search");
    june.post(&path, json!({})).await.refused(403, 50013);
    let role = json!({ "name": "Managers", "permissions": MANAGE_GUILD.to_string() });
    let role =
        mira.post(&format!("/guilds/{guild}/roles"), role).await.ok()["id"].as_str().unwrap().to_owned();
    mira.put(&format!("/guilds/{guild}/members/{}/roles/{role}", june.id), json!({})).await.ok();
    let names = async |form: Value| {
        let page = june.post(&path, form).await.ok();
        let names = page["members"].as_array().unwrap().iter();
        let names: Vec<String> =
            names.map(|row| row["member"]["user"]["username"].as_str().unwrap().to_owned()).collect();
        assert_eq!(page["page_result_count"], names.len());
        (names.join(" "), page["total_result_count"].as_u64().unwrap())
    };
    assert_eq!(names(json!({ "sort": 2 })).await, ("mira june anna anton berta".into(), 5));
    assert_eq!(names(json!({ "sort": 4, "limit": 2 })).await, ("mira june".into(), 5));
    let first_of = |list: &[&str]| json!({ "usernames": { "or_query": list } });
    assert_eq!(names(json!({ "sort": 2, "and_query": first_of(&["AN"]) })).await, ("anna anton".into(), 2));
    let with_role = json!({ "role_ids": { "and_query": [role] } });
    assert_eq!(names(json!({ "and_query": with_role })).await, ("june".into(), 1));
    let mut either = first_of(&["bert"]);
    either["role_ids"] = json!({ "or_query": [role] });
    assert_eq!(names(json!({ "sort": 2, "or_query": either })).await, ("june berta".into(), 2));
    assert_eq!(
        names(json!({ "and_query": { "is_pending": { "or_query": [true] } } })).await,
        (String::new(), 0)
    );
    // A page behind a member, and the one in front of them.
    let anna = mira.get(&format!("/guilds/{guild}/members/{}", others[0].id)).await.ok();
    let joined = hearth::model::Timestamp::parse(anna["joined_at"].as_str().unwrap()).unwrap().0;
    let place = json!({ "user_id": others[0].id, "guild_joined_at": joined });
    assert_eq!(names(json!({ "sort": 2, "after": place, "limit": 1 })).await.0, "anton");
    assert_eq!(names(json!({ "sort": 2, "before": place, "limit": 1 })).await.0, "june");
    let wrong = json!({ "sort": 9, "limit": 0, "and_query": { "user_id": { "or_query": ["x"] } } });
    let faults = june.post(&path, wrong).await.refused(400, 50035);
    for field in ["sort", "limit", "and_query"] {
        assert!(faults["errors"][field].is_object(), "{faults}");
    }
}
