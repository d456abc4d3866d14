//! Files in a bucket of an S3 server: sent, fetched, and what happens while it is away.

use hearth::config::{BaseUrl, Config, Kind as _};
use hearth::serve::Failure;
use reqwest::Method;
use serde_json::{Value, json};

use crate::s3::{BUCKET, KEY, S3};
use crate::support::Server;

/// Beyond what goes to the bucket in one request.
const LARGE_BYTES: u32 = 20_000_000;

fn use_bucket(config: &mut Config, s3: &S3) {
    let settings = &mut config.media.s3;
    settings.bucket = BUCKET.to_owned();
    settings.endpoint = Some(BaseUrl::parse(&s3.endpoint()).unwrap());
    settings.prefix = "chat".to_owned();
    settings.access_key_id = KEY.0.to_owned();
    let secret = config.data.join("secret-of-the-bucket");
    std::fs::write(&secret, format!("{}\n", KEY.1)).unwrap();
    settings.secret_file = Some(secret);
}

fn large() -> Vec<u8> {
    (0..LARGE_BYTES).map(|n| (n % 251) as u8).collect()
}

/// Files that lie in the data directory as files of messages do.
fn local_files(server: &Server) -> usize {
    let folders = std::fs::read_dir(server.data().join("blobs")).unwrap().map(|entry| entry.unwrap().path());
    let of_messages = folders.filter(|path| path.is_dir() && path.file_name().unwrap() != "young");
    of_messages.map(|folder| std::fs::read_dir(folder).unwrap().count()).sum()
}

async fn why_it_does_not_start(set: impl FnOnce(&mut Config)) -> String {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config { data: directory.path().to_owned(), ..Config::default() };
    config.passwords.memory_kib = 19_456;
    set(&mut config);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    match hearth::start::start(hearth::serve::Start { config, listener, address }).await {
        Err(Failure::Settings(why)) => why,
        Err(Failure::Io(why)) => panic!("not the settings: {why}"),
        Ok(_) => panic!("it starts"),
    }
}

#[tokio::test]
async fn files_live_in_the_bucket_and_come_back_whole_in_part_and_after_a_restart() {
    let s3 = S3::start().await;
    let server = Server::start_with(|config| use_bucket(config, &s3)).await;
    let mira = server.owner("mira").await;
    let (_, channel) = mira.make_guild("Maple House").await;
    assert!(s3.files().is_empty(), "trying the bucket out leaves nothing");
    let (large, still) = (large(), crate::pictures::png(300, 200));
    let parts: [(&str, &str, &[u8]); 3] =
        [("files[0]", "a.txt", b"grain"), ("files[1]", "b.bin", &large), ("files[2]", "c.png", &still)];
    let path = format!("/channels/{channel}/messages");
    let posted = mira.send_parts(Method::POST, &path, &parts).await.ok();
    assert_eq!((s3.files().len(), local_files(&server)), (3, 0));
    // The same bytes again are the same file.
    mira.send_parts(Method::POST, &path, &parts[..2]).await.ok();
    assert_eq!(s3.files().len(), 3);
    let avatar = json!({ "avatar": crate::pictures::data_uri("png", &still) });
    let avatar = mira.patch("/users/@me", avatar).await.ok()["avatar"].as_str().unwrap().to_owned();

    let (id, token) = (mira.id.clone(), mira.authorization.clone());
    let server = server.restart_with(|config| use_bucket(config, &s3)).await;
    let mira = server.known(&id, &token);
    let shown = mira.get(&format!("{path}/{}", posted["id"].as_str().unwrap())).await.ok();
    let url = |n: usize| shown["attachments"][n]["url"].as_str().unwrap().to_owned();
    assert_eq!(server.fetch(&url(0), &[]).await.bytes, b"grain");
    let whole = server.fetch(&url(1), &[]).await;
    assert!(whole.status == 200 && whole.bytes == large, "{} bytes", whole.bytes.len());
    let part = server.fetch(&url(1), &[("range", "bytes=1048570-9000000")]).await;
    assert_eq!(part.header("content-range"), format!("bytes 1048570-9000000/{LARGE_BYTES}"));
    assert!(part.status == 206 && part.bytes == large[1_048_570..=9_000_000], "{} bytes", part.bytes.len());
    assert_eq!(server.fetch(&url(1), &[("range", "bytes=20000000-")]).await.status, 416);
    let preview = server.fetch(&format!("{}size=64&format=png", url(2)), &[]).await;
    assert_eq!(crate::pictures::size(&preview.bytes), (64, 43));
    let shown = server.fetch(&format!("{}/cdn/avatars/{id}/{avatar}.png?size=64", server.origin), &[]).await;
    assert_eq!((shown.status, shown.header("content-type")), (200, "image/png"));
}

#[tokio::test]
async fn while_the_bucket_is_away_chat_goes_on_and_nothing_sent_is_lost() {
    let mut s3 = S3::start().await;
    let server = Server::start_with(|config| use_bucket(config, &s3)).await;
    let mira = server.owner("mira").await;
    let (_, channel) = mira.make_guild("Maple House").await;
    let path = format!("/channels/{channel}/messages");
    let posted = mira.send_parts(Method::POST, &path, &[("file", "a.txt", b"grain")]).await.ok();
    let url = posted["attachments"][0]["url"].as_str().unwrap();
    let large = large();
    let body = json!({ "files": [{ "filename": "b.bin", "file_size": large.len() }] });
    let slot =
        mira.post(&format!("/channels/{channel}/attachments"), body).await.ok()["attachments"][0].clone();
    let upload_url = slot["upload_url"].as_str().unwrap();

    s3.go_away().await;
    assert_eq!(server.fetch(url, &[]).await.status, 503);
    let refused = mira.send_parts(Method::POST, &path, &[("file", "c.txt", b"chaff")]).await;
    assert_eq!(refused.status.as_u16(), 503);
    let why = refused.body["message"].as_str().unwrap();
    assert!(why.contains("where it keeps files") && !why.contains(KEY.1), "{why}");
    let refused = server.send(Method::PUT, upload_url, &[], large.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.headers.contains_key("retry-after")), (503, true));
    mira.say(&channel, "soup is ready").await;

    s3.come_back().await;
    assert_eq!(server.fetch(url, &[]).await.bytes, b"grain");
    let held = server.send(Method::HEAD, upload_url, &[], Vec::new()).await;
    assert_eq!(held.headers["upload-offset"], LARGE_BYTES.to_string().as_str());
    // All bytes have come: what is left to send is nothing.
    let range = format!("bytes {LARGE_BYTES}-{}/{LARGE_BYTES}", LARGE_BYTES - 1);
    let sent = server.send(Method::PUT, upload_url, &[("content-range", &range)], Vec::new()).await.ok();
    assert_eq!(sent["is_whole"], true);
    let entry = json!({ "id": 0, "filename": "b.bin", "uploaded_filename": slot["upload_filename"] });
    let posted = mira.post(&path, json!({ "attachments": [entry] })).await.ok();
    let fetched = server.fetch(posted["attachments"][0]["url"].as_str().unwrap(), &[]).await;
    assert!(fetched.bytes == large, "{} bytes", fetched.bytes.len());
    assert_eq!(server.unfinished_files(), [""; 0], "what arrived is not kept twice");
}

#[tokio::test]
async fn a_bucket_that_is_refused_or_missing_is_named_at_the_start_and_one_away_is_waited_for() {
    let mut s3 = S3::start().await;
    let wrong = why_it_does_not_start(|config| {
        use_bucket(config, &s3);
        std::fs::write(config.data.join("secret-of-the-bucket"), "another secret").unwrap();
    });
    let wrong = wrong.await;
    assert!(wrong.contains("refuses access to bucket") && !wrong.contains("another secret"), "{wrong}");
    let missing = why_it_does_not_start(|config| {
        use_bucket(config, &s3);
        config.media.s3.bucket = "elsewhere".to_owned();
    });
    let missing = missing.await;
    assert!(missing.contains("has no bucket \"elsewhere\""), "{missing}");
    let without = why_it_does_not_start(|config| {
        use_bucket(config, &s3);
        config.media.s3.secret_file = None;
    });
    let without = without.await;
    assert!(without.contains("keys/s3.secret"), "{without}");

    s3.go_away().await;
    let server = Server::start_with(|config| use_bucket(config, &s3)).await;
    let mira = server.owner("mira").await;
    let (_, channel) = mira.make_guild("Maple House").await;
    mira.say(&channel, "soup is ready").await;
    s3.come_back().await;
    let path = format!("/channels/{channel}/messages");
    let posted: Value = mira.send_parts(Method::POST, &path, &[("file", "a.txt", b"grain")]).await.ok();
    let fetched = server.fetch(posted["attachments"][0]["url"].as_str().unwrap(), &[]).await;
    assert_eq!(fetched.bytes, b"grain");
}
