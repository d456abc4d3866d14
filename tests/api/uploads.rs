//! The two-step upload: slots, bytes that come in pieces, and the message that names them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Person, Server};

async fn slot(person: &Person<'_>, channel: &str, name: &str, size: usize) -> Value {
    let body = json!({ "files": [{ "id": "1", "filename": name, "file_size": size }] });
    let made = person.post(&format!("/channels/{channel}/attachments"), body).await.ok();
    assert_eq!(made["attachments"][0]["id"], "1");
    made["attachments"][0].clone()
}

async fn put(server: &Server, slot: &Value, bytes: &[u8], range: Option<&str>) -> Answer {
    let headers: Vec<(&str, &str)> = range.map(|range| ("content-range", range)).into_iter().collect();
    server.send(Method::PUT, slot["upload_url"].as_str().unwrap(), &headers, bytes.to_vec()).await
}

async fn held(server: &Server, slot: &Value) -> String {
    let answer = server.send(Method::HEAD, slot["upload_url"].as_str().unwrap(), &[], Vec::new()).await;
    assert_eq!(answer.status, 204);
    answer.headers["upload-offset"].to_str().unwrap().to_owned()
}

fn entry(slot: &Value) -> Value {
    json!({ "id": 0, "filename": "film.mp4", "uploaded_filename": slot["upload_filename"] })
}

fn film() -> Vec<u8> {
    b"\0\0\0\x18ftypisom".iter().copied().chain((0..2_000_000u32).map(|n| (n % 253) as u8)).collect()
}

#[tokio::test]
async fn a_file_in_pieces_goes_on_where_it_stopped_even_over_a_restart() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let (_, channel) = mira.make_guild("Maple House").await;
    let film = film();
    let made = slot(&mira, &channel, "film.mp4", film.len()).await;
    assert_eq!(held(&server, &made).await, "0");
    let first = put(&server, &made, &film[..700_000], None).await;
    assert_eq!(
        (first.headers["upload-offset"].to_str().unwrap(), &first.body["is_whole"]),
        ("700000", &json!(false))
    );
    let path = format!("/channels/{channel}/messages");
    let named = || json!({ "content": "film", "attachments": [entry(&made)] });
    mira.post(&path, named()).await.refused(400, 50146);
    let wrong = put(&server, &made, &film[5..], Some("bytes 5-2000015/2000016")).await;
    assert_eq!((wrong.status.as_u16(), wrong.headers["upload-offset"].to_str().unwrap()), (409, "700000"));
    let rest = put(&server, &made, &film[700_000..], Some("bytes 700000-2000015/2000016")).await;
    assert_eq!((rest.status.as_u16(), &rest.body["is_whole"]), (200, &json!(true)));

    let (id, token) = (mira.id.clone(), mira.authorization.clone());
    let server = server.restart().await;
    let mira = server.known(&id, &token);
    let posted = mira.post(&path, named()).await.ok();
    let file = &posted["attachments"][0];
    assert_eq!((&file["filename"], &file["size"]), (&json!("film.mp4"), &json!(film.len())));
    assert_eq!(server.fetch(file["url"].as_str().unwrap(), &[]).await.bytes, film);
    mira.post(&path, named()).await.refused(400, 50146);
}

#[tokio::test]
async fn a_slot_is_its_owners_in_its_channel_and_can_be_cancelled() {
    let server = Server::start().await;
    let (mira, june, otto) =
        (server.owner("mira").await, server.person("june").await, server.person("otto").await);
    let (guild, channel) = mira.make_guild("Maple House").await;
    mira.bring(&channel, &[&june]).await;
    let other = mira.post(&format!("/guilds/{guild}/channels"), json!({ "name": "other" })).await.ok();
    let made = slot(&mira, &channel, "a.txt", 5).await;
    put(&server, &made, b"hello", None).await.ok();
    let body = || json!({ "attachments": [entry(&made)] });
    june.post(&format!("/channels/{channel}/messages"), body()).await.refused(400, 50146);
    let elsewhere = format!("/channels/{}/messages", other["id"].as_str().unwrap());
    mira.post(&elsewhere, body()).await.refused(400, 50146);
    let name = made["upload_filename"].as_str().unwrap();
    june.delete(&format!("/attachments/{name}")).await.refused(400, 50146);
    mira.delete(&format!("/attachments/{name}")).await.ok();
    mira.post(&format!("/channels/{channel}/messages"), body()).await.refused(400, 50146);
    put(&server, &made, b"hello", None).await.refused(400, 50146);
    otto.post(
        &format!("/channels/{channel}/attachments"),
        json!({ "files": [{ "filename": "a", "file_size": 1 }] }),
    )
    .await
    .refused(403, 50001);
    let large = json!({ "files": [{ "filename": "a", "file_size": 26 << 20 }] });
    mira.post(&format!("/channels/{channel}/attachments"), large).await.refused(413, 50045);
    let made = slot(&mira, &channel, "b.txt", 5).await;
    put(&server, &made, b"more than five", None).await.refused(413, 50045);
}

#[tokio::test]
async fn a_video_shows_the_still_its_sender_made() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let (_, channel) = mira.make_guild("Maple House").await;
    let film = film();
    let (video, still) = (slot(&mira, &channel, "film.mp4", film.len()).await, crate::pictures::png(64, 36));
    put(&server, &video, &film, None).await.ok();
    let poster = slot(&mira, &channel, "poster.png", still.len()).await;
    put(&server, &poster, &still, None).await.ok();
    let text = slot(&mira, &channel, "poster.txt", 3).await;
    put(&server, &text, b"abc", None).await.ok();
    let path = format!("/channels/{channel}/messages");
    let with = |poster: &Value| {
        let mut entry = entry(&video);
        entry["poster_filename"] = poster["upload_filename"].clone();
        json!({ "attachments": [entry] })
    };
    mira.post(&path, with(&text)).await.refused(400, 50035);
    let posted = mira.post(&path, with(&poster)).await.ok();
    let proxy = posted["attachments"][0]["proxy_url"].as_str().unwrap();
    let shown = server.fetch(&format!("{proxy}format=png&size=32"), &[]).await;
    assert_eq!((shown.status, shown.header("content-type")), (200, "image/png"));
    assert_eq!(crate::pictures::size(&shown.bytes), (32, 18));
    assert_eq!(server.fetch(proxy, &[]).await.bytes, film);
}

#[tokio::test]
async fn sending_to_one_slot_again_and_again_holds_up_no_other() {
    let server = Server::start_with(|config| config.limits.routes = true).await;
    let mira = server.owner("mira").await;
    let (_, channel) = mira.make_guild("Maple House").await;
    let (eager, calm) = (slot(&mira, &channel, "a.txt", 5).await, slot(&mira, &channel, "b.txt", 5).await);
    let mut passed = 0;
    let refused = loop {
        let answer = put(&server, &eager, b"lo", Some("bytes 3-4/5")).await;
        match answer.status.as_u16() {
            409 if passed < 1_000 => passed += 1,
            _ => break answer,
        }
    };
    assert!(refused.status.as_u16() == 429 && passed >= 20, "{passed} passed, then {}", refused.status);
    assert_eq!(refused.headers["x-ratelimit-scope"], "shared");
    assert!(refused.body["retry_after"].as_f64().unwrap() <= 0.5);
    put(&server, &calm, b"hello", None).await.ok();
    assert_eq!(held(&server, &calm).await, "5");
}
