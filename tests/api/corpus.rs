//! Files made on purpose (`tests/corpus`), each sent to a real server in every way there is: as a file of a message, as an avatar, as an
//! emoji. Each comes to a clear refusal or a plain file; nothing runs, nothing leaks, nothing is lost, and the server talks on.

use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};

use crate::pictures::data_uri;
use crate::support::{Fetched, Person, Server};

/// Types that an answer may have: what no browser runs, whatever the page around it says.
const HARMLESS: [&str; 5] = [
    "application/octet-stream",
    "application/pdf",
    "application/zip",
    "application/gzip",
    "text/plain; charset=utf-8",
];
/// What stands in files where their place does.
const SECRET: &[u8] = b"GPS-SECRET";
/// Frames of the longest film of one picture that is sent.
const MANY_FRAMES: usize = 1_000_000;

fn corpus(folder: &str) -> Vec<(String, Vec<u8>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder);
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{folder}");
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.iter().map(|path| (name(path), std::fs::read(path).unwrap())).collect()
}

fn has_secret(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|part| part == SECRET)
}

/// A scene for files: somebody with a guild and its channel, where nothing slows them down.
struct Scene<'s> {
    server: &'s Server,
    mira: Person<'s>,
    guild: String,
    channel: String,
}

impl<'s> Scene<'s> {
    async fn on(server: &'s Server) -> Self {
        let mira = server.owner("mira").await;
        let (guild, channel) = mira.make_guild("Maple House").await;
        Self { server, mira, guild, channel }
    }

    /// Sends a file in a message; what it was found to be, and what its address gives.
    async fn send(&self, name: &str, bytes: &[u8]) -> (Value, Fetched) {
        let path = format!("/channels/{}/messages", self.channel);
        let sent = self.mira.send_parts(Method::POST, &path, &[("files[0]", name, bytes)]).await.ok();
        let file = sent["attachments"][0].clone();
        let fetched = self.server.fetch(file["url"].as_str().unwrap(), &[]).await;
        assert_eq!(fetched.status, 200, "{name}");
        (file, fetched)
    }

    /// Sends a file in every way, and checks what holds for all of them.
    async fn try_out(&self, name: &str, bytes: &[u8]) -> (Value, Fetched) {
        let (file, fetched) = self.send(name, bytes).await;
        harmless(name, &fetched);
        assert_eq!(fetched.header("content-type"), file["content_type"].as_str().unwrap(), "{name}");
        let url = file["url"].as_str().unwrap();
        for asked in ["size=64", "format=png", "format=webp&size=4096", "format=gif", "animated=true&size=16"]
        {
            let preview = self.server.fetch(&format!("{url}{asked}"), &[]).await;
            assert!(preview.status < 500, "{name}?{asked}: {}", preview.status);
            harmless(name, &preview);
            assert!(!has_secret(&preview.bytes), "{name}?{asked}");
        }
        for kind in ["png", "gif"] {
            let avatar = json!({ "avatar": data_uri(kind, bytes) });
            fair(name, &self.mira.patch("/users/@me", avatar).await.body);
            let emoji = json!({ "name": "made", "image": data_uri(kind, bytes) });
            let made = self.mira.post(&format!("/guilds/{}/emojis", self.guild), emoji).await;
            fair(name, &made.body);
            if let Some(id) = made.body["id"].as_str() {
                let shown =
                    self.server.fetch(&format!("{}/cdn/emojis/{id}.png", self.server.origin), &[]).await;
                harmless(name, &shown);
                assert!(!has_secret(&shown.bytes), "{name} as an emoji");
                self.mira.delete(&format!("/guilds/{}/emojis/{id}", self.guild)).await.ok();
            }
        }
        (file, fetched)
    }
}

/// Either done, or refused in words.
fn fair(name: &str, body: &Value) {
    let is_done = body["id"].is_string();
    let is_refused = body["message"].is_string() && body["code"] != 0;
    assert!(is_done || is_refused, "{name}: {body}");
}

/// No browser runs what this answer holds, in no place where an address may stand.
fn harmless(name: &str, answer: &Fetched) {
    if answer.status >= 300 {
        return;
    }
    let media_type = answer.header("content-type");
    let is_media = ["image/", "video/", "audio/"].iter().any(|start| media_type.starts_with(start));
    let is_other = media_type.starts_with("application/x-7z") || media_type == "application/zstd";
    let is_harmless = (is_media && !media_type.contains("svg")) || is_other || HARMLESS.contains(&media_type);
    assert!(is_harmless, "{name}: {media_type}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{name}");
    assert!(answer.header("content-security-policy").ends_with("; sandbox"), "{name}");
    let is_shown = !answer.header("content-disposition").starts_with("attachment;");
    assert!(!is_shown || is_media || media_type.starts_with("text/plain"), "{name}: {media_type} is shown");
}

#[tokio::test]
async fn whole_files_come_back_byte_for_byte() {
    let server = Server::start().await;
    let scene = Scene::on(&server).await;
    for (name, bytes) in corpus("whole") {
        let (file, fetched) = scene.try_out(&name, &bytes).await;
        assert_eq!((fetched.bytes == bytes, &file["size"]), (true, &json!(bytes.len())), "{name}");
        assert!(fetched.header("content-disposition").starts_with("inline;"), "{name}");
        let kind = file["content_type"].as_str().unwrap().split('/').next().unwrap();
        assert_eq!(file["width"].is_u64(), matches!(kind, "image" | "video"), "{name}: {file}");
    }
}

#[tokio::test]
async fn no_file_says_where_it_was_made() {
    let server = Server::start().await;
    let scene = Scene::on(&server).await;
    for (name, bytes) in corpus("places") {
        assert!(has_secret(&bytes), "{name} has nothing to lose");
        let (file, fetched) = scene.try_out(&name, &bytes).await;
        assert!(!has_secret(&fetched.bytes), "{name}");
        assert_eq!(file["size"], json!(fetched.bytes.len()), "{name}");
        assert!(
            !fetched.bytes.is_empty() && fetched.header("content-type") != "application/octet-stream",
            "{name}"
        );
    }
    let kept = scene.server.data().join("blobs");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(kept).unwrap().map(|entry| entry.unwrap().path()).collect();
    while let Some(path) = folders.pop() {
        match path.is_dir() {
            true => folders.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path())),
            false => assert!(!has_secret(&std::fs::read(&path).unwrap()), "{} on the disk", path.display()),
        }
    }
}

#[tokio::test]
async fn what_is_broken_is_a_plain_file_or_what_is_left_of_it() {
    let server = Server::start().await;
    let scene = Scene::on(&server).await;
    for (name, bytes) in corpus("broken") {
        let (file, fetched) = scene.try_out(&name, &bytes).await;
        // Of a picture its metadata and what follows its end are cut out, as far as it can be followed.
        let is_picture = [".jpg", ".png", ".gif", ".webp"].iter().any(|ending| name.ends_with(ending));
        assert!(
            fetched.bytes == bytes || is_picture && fetched.bytes.len() <= bytes.len(),
            "{name}: nothing is lost"
        );
        assert_eq!(file["size"], json!(fetched.bytes.len()), "{name}");
    }
    scene.mira.say(&scene.channel, "still here").await;
}

#[tokio::test]
async fn bombs_are_plain_files_at_once() {
    let server = Server::start().await;
    let scene = Scene::on(&server).await;
    for (name, bytes) in corpus("bombs") {
        let (file, _) = scene.try_out(&name, &bytes).await;
        let side = |key: &str| file[key].as_u64().unwrap_or(0);
        assert!(side("width") <= 16_384 && side("height") <= 16_384, "{name}: {file}");
        assert!(side("width") * side("height") <= 64_000_000, "{name}: {file}");
    }
    let film = include_bytes!("../corpus/bombs/five-thousand-frames.gif");
    let frame_at = film.windows(2).position(|part| part == b"\x21\xf9").unwrap();
    let frame_length = (film.len() - 1 - frame_at) / 5_000;
    let frame = &film[frame_at..frame_at + frame_length];
    let long = [&film[..frame_at], &frame.repeat(MANY_FRAMES), b"\x3b"].concat();
    let (file, fetched) = scene.send("a-million-frames.gif", &long).await;
    harmless("a-million-frames.gif", &fetched);
    let preview = server.fetch(&format!("{}size=64", file["url"].as_str().unwrap()), &[]).await;
    assert!(preview.status < 500, "{}", preview.status);
    scene.mira.say(&scene.channel, "still here").await;
}

#[tokio::test]
async fn what_is_a_page_or_a_script_too_is_never_served_as_one() {
    let server = Server::start().await;
    let scene = Scene::on(&server).await;
    for (name, bytes) in corpus("polyglots").into_iter().chain(corpus("disguised")) {
        let (file, fetched) = scene.try_out(&name, &bytes).await;
        let is_page = name.starts_with("html") || name.starts_with("svg") || name.starts_with("xml");
        let begins_as_page = is_page && !name.contains("after-words");
        assert!(
            !begins_as_page || fetched.header("content-disposition").starts_with("attachment;"),
            "{name}: {file}"
        );
        for kind in ["script", "serviceworker", "worker"] {
            let url = file["url"].as_str().unwrap();
            let asked = server.fetch(url, &[("sec-fetch-dest", kind), ("service-worker", "script")]).await;
            harmless(&name, &asked);
        }
    }
    // The name decides nothing: the bytes do.
    for (name, media_type) in [
        ("png-named.jpg", "image/png"),
        ("jpeg-named.gif", "image/jpeg"),
        ("webp-named.png", "image/webp"),
        ("mp4-named.png", "video/mp4"),
        ("gif-named.mp4", "image/gif"),
        ("text-named.mp4", "text/plain; charset=utf-8"),
    ] {
        let bytes = corpus("disguised").into_iter().find(|(one, _)| one == name).unwrap().1;
        assert_eq!(scene.send(name, &bytes).await.1.header("content-type"), media_type, "{name}");
    }
}

#[tokio::test]
async fn names_with_paths_turns_and_nothing_in_them_stay_names() {
    let server = Server::start().await;
    let scene = Scene::on(&server).await;
    for name in [
        "../../../etc/passwd",
        "..\\..\\windows\\system.ini",
        "/etc/shadow",
        "C:\\boot.ini",
        "photo\u{202e}gpj.exe",
        "a\u{2066}b\u{2069}.txt",
        "nul\0byte.txt",
        ".htaccess",
        "..",
        ".",
        " ",
        "con.txt",
        "a;b\"c'd<e>f|g.txt",
        "line\nfeed.txt",
        "\u{1f372}\u{1f35e}.txt",
        &"long".repeat(200),
    ] {
        let payload = json!({ "attachments": [{ "id": 0, "filename": name }] }).to_string();
        let parts: [(&str, &str, &[u8]); 2] =
            [("payload_json", "", payload.as_bytes()), ("files[0]", "plain.txt", b"words")];
        let path = format!("/channels/{}/messages", scene.channel);
        let answer = scene.mira.send_parts(Method::POST, &path, &parts).await;
        fair(name, &answer.body);
        let Some(file) = answer.body["attachments"].get(0) else { continue };
        let shown = file["filename"].as_str().unwrap();
        let is_plain = |c: char| c.is_alphanumeric() || "._-".contains(c);
        assert!(
            !shown.is_empty() && shown.chars().all(is_plain) && shown != ".." && shown != ".",
            "{name:?}: {shown:?}"
        );
        let fetched = server.fetch(file["url"].as_str().unwrap(), &[]).await;
        assert_eq!((fetched.status, &fetched.bytes[..]), (200, &b"words"[..]), "{name:?}");
    }
}
