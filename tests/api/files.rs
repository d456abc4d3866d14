//! Files of messages: sent, fetched back, edited, deleted; what is refused, and what nobody can make the server say about them.

use hearth::config::Bytes;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::support::{Fetched, MULTIPART, Person, Server, multipart};

/// Text that is no picture and no markup.
const TEXT: &[u8] = "grüße vom herd\n".as_bytes();

/// Two people in a guild, and its first channel.
async fn two<'s>(server: &'s Server) -> (Person<'s>, Person<'s>, String) {
    let (mira, june) = (server.owner("mira").await, server.person("june").await);
    let (_, channel) = mira.make_guild("Maple House").await;
    mira.bring(&channel, &[&june]).await;
    (mira, june, channel)
}

fn messages(channel: &str) -> String {
    format!("/channels/{channel}/messages")
}

async fn fetch(server: &Server, file: &Value) -> Fetched {
    server.fetch(file["url"].as_str().unwrap(), &[]).await
}

fn files_on_disk(server: &Server) -> usize {
    let folder = server.data().join("blobs");
    let all = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let in_folders = all
        .filter(|entry| entry.path().is_dir())
        .map(|entry| std::fs::read_dir(entry.path()).unwrap().count());
    in_folders.sum::<usize>() + server.unfinished_files().len()
}

#[tokio::test]
async fn files_come_back_byte_for_byte_and_go_with_their_message() {
    let server = Server::start().await;
    let (mira, june, channel) = two(&server).await;
    let mut his = june.connect().await;
    let video: Vec<u8> =
        b"\0\0\0\x18ftypisom".iter().copied().chain((0..900_000).map(|n| (n % 251) as u8)).collect();
    let payload = json!({
        "content": "look",
        "attachments": [
            { "id": 0, "description": "a greeting", "filename": "gruß dich!.txt" },
            { "id": "7", "is_spoiler": true },
        ],
    });
    let parts: [(&str, &str, &[u8]); 4] = [
        ("files[0]", "x.txt", TEXT),
        ("files[7]", "film.mp4", &video),
        ("payload_json", "", &serde_json::to_vec(&payload).unwrap()),
        ("file3", "../../etc/passwd", b"\0\x01\x02"),
    ];
    let posted = mira.send_parts(Method::POST, &messages(&channel), &parts).await.ok();
    assert_eq!(his.expect("MESSAGE_CREATE").await["attachments"], posted["attachments"]);
    let [text, film, other] = &posted["attachments"].as_array().unwrap()[..] else { panic!("{posted}") };
    assert_eq!(
        (&text["filename"], &text["title"], &text["description"], &text["content_type"], &text["size"]),
        (
            &json!("gruß_dich_.txt"),
            &json!("gruß dich!.txt"),
            &json!("a greeting"),
            &json!("text/plain; charset=utf-8"),
            &json!(TEXT.len())
        )
    );
    assert_eq!((&film["flags"], &film["content_type"]), (&json!(8), &json!("video/mp4")));
    assert_eq!(
        (&other["filename"], &other["content_type"]),
        (&json!(".._.._etc_passwd"), &json!("application/octet-stream"))
    );

    let fetched = fetch(&server, text).await;
    assert_eq!((fetched.status, &fetched.bytes[..]), (200, TEXT));
    assert_eq!(fetched.header("content-disposition"), "inline; filename*=UTF-8''gru%C3%9F%5Fdich%5F%2Etxt");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("accept-ranges", "bytes"),
        ("access-control-allow-origin", "*"),
    ] {
        assert_eq!(fetched.header(name), value);
    }
    assert!(fetched.header("content-security-policy").ends_with("; sandbox"));
    assert!(fetched.header("cache-control").starts_with("private, max-age="));
    let fetched = fetch(&server, other).await;
    assert!(fetched.header("content-disposition").starts_with("attachment;"));
    let whole = fetch(&server, film).await;
    assert_eq!(whole.bytes, video);

    let url = film["url"].as_str().unwrap();
    let part = server.fetch(url, &[("range", "bytes=100-299999")]).await;
    assert_eq!((part.status, &part.bytes[..]), (206, &video[100..300_000]));
    assert_eq!(part.header("content-range"), format!("bytes 100-299999/{}", video.len()));
    assert_eq!(server.fetch(url, &[("range", "bytes=900000000-")]).await.status, 416);
    let tag = whole.header("etag").to_owned();
    assert_eq!(server.fetch(url, &[("if-none-match", &tag)]).await.status, 304);
    assert_eq!(server.fetch(url, &[("range", "bytes=0-1"), ("if-range", "\"other\"")]).await.status, 200);

    let path = format!("{}/{}", messages(&channel), posted["id"].as_str().unwrap());
    assert_eq!(june.get(&path).await.ok()["attachments"][0]["id"], text["id"]);
    mira.delete(&path).await.ok();
    assert_eq!(fetch(&server, film).await.status, 404, "gone with its message");
}

#[tokio::test]
async fn an_address_opens_one_file_for_a_day_and_nothing_else() {
    let server = Server::start().await;
    let (mira, june, channel) = two(&server).await;
    let otto = server.person("otto").await;
    let posted = mira.send_parts(Method::POST, &messages(&channel), &[("file", "a.txt", TEXT)]).await.ok();
    let url = posted["attachments"][0]["url"].as_str().unwrap().to_owned();
    assert_eq!(server.fetch(&url, &[]).await.status, 200, "whoever has it");
    let (bare, query) = url.split_once('?').unwrap();
    let longer = query.replace("ex=", "ex=f");
    let tampered =
        [bare.to_owned(), format!("{bare}?{longer}"), url.replace("hm=", "hm=0"), url.replace(&channel, "1")];
    for bad in &tampered {
        assert_eq!(server.fetch(bad, &[]).await.status, 404, "{bad}");
    }
    let body = || json!({ "attachment_urls": [bare, "https://elsewhere.example/attachments/1/2/a"] });
    let fresh = june.post("/attachments/refresh-urls", body()).await.ok();
    assert_eq!(
        (&fresh["refreshed_urls"][0]["original"], &fresh["refreshed_urls"][1]["refreshed"]),
        (&json!(bare), &Value::Null)
    );
    let fresh = fresh["refreshed_urls"][0]["refreshed"].as_str().unwrap();
    assert_eq!(server.fetch(fresh, &[]).await.bytes, TEXT);
    let hidden = otto.post("/attachments/refresh-urls", body()).await.ok();
    assert_eq!(hidden["refreshed_urls"][0]["refreshed"], Value::Null, "an outsider gets none");
    for headers in [&[("service-worker", "script")][..]] {
        assert_eq!(server.fetch(&url, headers).await.status, 403);
    }
}

#[tokio::test]
async fn nothing_that_runs_is_served_as_what_it_is() {
    let server = Server::start().await;
    let (mira, _, channel) = two(&server).await;
    let polyglot = b"GIF89a/*\0\0\0\0\x3b*/=1;alert(document.domain)//<script>alert(1)</script>";
    let files: [(&str, &[u8]); 6] = [
        ("page.html", b"<!doctype html><script>alert(1)</script>"),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("feed.xml", b"<?xml version='1.0'?><x/>"),
        ("script.js", b"alert(1)"),
        ("really.png", b"<html><script>alert(1)</script>"),
        ("poly.gif", polyglot),
    ];
    for (name, bytes) in files {
        let posted =
            mira.send_parts(Method::POST, &messages(&channel), &[("files[0]", name, bytes)]).await.ok();
        let fetched = fetch(&server, &posted["attachments"][0]).await;
        assert_eq!(fetched.bytes, bytes, "{name}");
        let (media_type, how) = (fetched.header("content-type"), fetched.header("content-disposition"));
        let runs = ["html", "svg", "xml", "script"].iter().any(|word| media_type.contains(word));
        assert!(!runs, "{name}: {media_type}");
        assert!(how.starts_with("attachment;") || media_type.starts_with("text/plain"), "{name}: {how}");
        assert!(!(bytes.starts_with(b"<") && how.starts_with("inline")), "{name}: {how}");
        assert_eq!(fetched.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn limits_say_which_they_are_and_leave_nothing_behind() {
    let server = Server::start_with(|config| config.max_file_size = Bytes::new(10_000)).await;
    let (mira, june, channel) = two(&server).await;
    let otto = server.person("otto").await;
    let path = messages(&channel);
    let large = vec![7u8; 10_001];
    mira.send_parts(Method::POST, &path, &[("files[0]", "a", &large)]).await.refused(413, 50045);
    let huge = vec![7u8; 1_200_000];
    mira.send_parts(Method::POST, &path, &[("files[0]", "a", &huge)]).await.refused(413, 40005);
    let small: Vec<String> = (0..11).map(|n| format!("files[{n}]")).collect();
    let eleven: Vec<(&str, &str, &[u8])> = small.iter().map(|name| (name.as_str(), "a", TEXT)).collect();
    mira.send_parts(Method::POST, &path, &eleven).await.refused(400, 30015);
    mira.send_parts(Method::POST, &path, &[]).await.refused(400, 50006);
    let orphan = serde_json::to_vec(&json!({ "attachments": [{ "id": 5 }] })).unwrap();
    let faulty =
        mira.send_parts(Method::POST, &path, &[("payload_json", "", &orphan), ("files[0]", "a", TEXT)]).await;
    assert_eq!(
        faulty.refused(400, 50035)["errors"]["attachments"]["0"]["id"]["_errors"][0]["code"],
        "ATTACHMENT_NOT_FOUND"
    );
    otto.send_parts(Method::POST, &path, &[("files[0]", "a", TEXT)]).await.refused(403, 50001);
    let deny = json!({ "type": 1, "deny": (1u64 << 15).to_string() });
    mira.put(&format!("/channels/{channel}/permissions/{}", june.id), deny).await.ok();
    june.send_parts(Method::POST, &path, &[("files[0]", "a", TEXT)]).await.refused(403, 50013);
    let url = format!("{}/api/v10{path}", server.origin);
    let headers = [("authorization", mira.authorization.as_str()), ("content-type", MULTIPART)];
    let cut = multipart(&[("files[0]", "a", TEXT)]);
    server.send(Method::POST, &url, &headers, cut[..cut.len() - 30].to_vec()).await.refused(400, 0);
    server.send(Method::POST, &url, &headers, b"no parts at all".to_vec()).await.refused(400, 0);
    let endless = [b"--hearth-of-stones\r\nX-Long: ".to_vec(), vec![b'a'; 400_000]].concat();
    server.send(Method::POST, &url, &headers, endless).await.refused(413, 40005);
    let none = [headers[0], ("content-type", "multipart/form-data")];
    server.send(Method::POST, &url, &none, cut).await.refused(400, 50035);
    let zero = mira.send_parts(Method::POST, &path, &[("files[0]", "empty", b"")]).await.ok();
    assert_eq!(zero["attachments"][0]["size"], 0);
    assert_eq!(fetch(&server, &zero["attachments"][0]).await.bytes, b"");
    assert_eq!(server.unfinished_files(), [""; 0]);
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_leaves_no_message_and_no_file() {
    let server = Server::start().await;
    let (mira, june, channel) = two(&server).await;
    let mut his = june.connect().await;
    let parts: [(&str, &str, &[u8]); 2] =
        [("payload_json", "", b"{\"content\":\"x\"}"), ("files[0]", "a.bin", &vec![1u8; 3_000_000])];
    let whole = multipart(&parts);
    let before = files_on_disk(&server);
    for part in [200, 100_000, 2_000_000, whole.len() - 10] {
        let address = server.origin.strip_prefix("http://").unwrap();
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /api/v10/channels/{channel}/messages HTTP/1.1\r\nHost: {address}\r\nAuthorization: {}\r\n\
             Content-Type: {MULTIPART}\r\nContent-Length: {}\r\n\r\n",
            mira.authorization,
            whole.len()
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(&whole[..part]).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut rest = Vec::new();
        // Whatever it says, it has let go of the upload when it closes.
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut socket, &mut rest).await;
    }
    mira.say(&channel, "that was all").await;
    assert_eq!(his.expect("MESSAGE_CREATE").await["content"], "that was all");
    // A thread may still be writing what came; it is soon done, and the file goes.
    while files_on_disk(&server) != before {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn trap_29_an_edit_keeps_what_it_lists_and_adds_what_it_brings() {
    let server = Server::start().await;
    let (mira, june, channel) = two(&server).await;
    let mut his = june.connect().await;
    let both: [(&str, &str, &[u8]); 2] = [("files[0]", "a.txt", b"aaa"), ("files[1]", "b.txt", b"bbb")];
    let posted = mira.send_parts(Method::POST, &messages(&channel), &both).await.ok();
    let path = format!("{}/{}", messages(&channel), posted["id"].as_str().unwrap());
    let (a, b) = (posted["attachments"][0].clone(), posted["attachments"][1].clone());
    let untouched = mira.patch(&path, json!({ "content": "words" })).await.ok();
    assert_eq!(untouched["attachments"], posted["attachments"], "absent keeps all");
    let payload = json!({ "attachments": [{ "id": b["id"], "description": "kept" }, { "id": 0 }] });
    let parts: [(&str, &str, &[u8]); 3] = [
        ("payload_json", "", &serde_json::to_vec(&payload).unwrap()),
        ("files[0]", "c.txt", b"ccc"),
        ("files[1]", "not meant.txt", b"ddd"),
    ];
    let edited = mira.send_parts(Method::PATCH, &path, &parts).await.ok();
    let names: Vec<_> =
        edited["attachments"].as_array().unwrap().iter().map(|file| &file["filename"]).collect();
    assert_eq!(names, ["b.txt", "c.txt"]);
    assert_eq!(edited["attachments"][0]["description"], "kept");
    his.expect("MESSAGE_UPDATE").await;
    assert_eq!(his.expect("MESSAGE_UPDATE").await["attachments"][1]["id"], edited["attachments"][1]["id"]);
    assert_eq!(fetch(&server, &a).await.status, 404, "what is not listed goes");
    assert_eq!(fetch(&server, &edited["attachments"][1]).await.bytes, b"ccc");
    mira.patch(&path, json!({ "content": "", "attachments": [] })).await.refused(400, 50006);
    let bare = mira.patch(&path, json!({ "attachments": [] })).await.ok();
    assert_eq!((&bare["attachments"], &bare["content"]), (&json!([]), &json!("words")));
}

#[tokio::test]
async fn embeds_show_files_by_name_and_the_list_no_longer_does() {
    let server = Server::start().await;
    let (mira, _, channel) = two(&server).await;
    let payload = json!({
        "embeds": [{ "title": "soup", "image": { "url": "attachment://so_up.png" }, "footer": { "text": "f", "icon_url": "attachment://b.txt" } }],
    });
    let picture = crate::pictures::png(30, 20);
    let parts: [(&str, &str, &[u8]); 4] = [
        ("payload_json", "", &serde_json::to_vec(&payload).unwrap()),
        ("files[0]", "so up.png", &picture),
        ("files[1]", "b.txt", TEXT),
        ("files[2]", "listed.txt", TEXT),
    ];
    let posted = mira.send_parts(Method::POST, &messages(&channel), &parts).await.ok();
    let image = &posted["embeds"][0]["image"];
    assert_eq!((&image["width"], &image["height"]), (&json!(30), &json!(20)));
    assert_eq!(
        server.fetch(image["proxy_url"].as_str().unwrap(), &[]).await.header("content-type"),
        "image/png"
    );
    let icon = posted["embeds"][0]["footer"]["icon_url"].as_str().unwrap();
    assert_eq!(server.fetch(icon, &[]).await.bytes, TEXT);
    let left: Vec<_> =
        posted["attachments"].as_array().unwrap().iter().map(|file| &file["filename"]).collect();
    assert_eq!(left, ["listed.txt"]);
    // An address of ours that comes back in an embed is signed anew.
    let again = json!({ "embeds": [{ "image": { "url": icon.split('?').next().unwrap() } }] });
    let again = mira.post(&messages(&channel), again).await.ok();
    let resigned = again["embeds"][0]["image"]["url"].as_str().unwrap();
    assert_eq!(server.fetch(resigned, &[]).await.bytes, TEXT);
}

#[tokio::test]
async fn a_voice_message_is_one_recording_with_its_length_and_loudness() {
    let server = Server::start().await;
    let (mira, _, channel) = two(&server).await;
    let recording = b"OggS\0\x02\0\0\0\0\0\0\0\0OpusHead";
    let send = async |form: Value, bytes: &[u8]| {
        let form = serde_json::to_vec(&form).unwrap();
        let parts: [(&str, &str, &[u8]); 2] = [("payload_json", "", &form), ("files[0]", "voice.ogg", bytes)];
        mira.send_parts(Method::POST, &messages(&channel), &parts).await
    };
    let with = |more: Value| {
        let mut form = json!({ "flags": 8192, "attachments": [{ "id": 0, "duration_secs": 1.5, "waveform": "AAECAw==" }] });
        more.as_object().unwrap().iter().for_each(|(key, value)| form[key] = value.clone());
        form
    };
    let posted = send(with(json!({})), recording).await.ok();
    let file = &posted["attachments"][0];
    assert_eq!(
        (&file["duration_secs"], &file["waveform"], &posted["flags"]),
        (&json!(1.5), &json!("AAECAw=="), &json!(8192))
    );
    send(with(json!({ "content": "and words" })), recording).await.refused(400, 50159);
    send(with(json!({})), TEXT).await.refused(400, 50160);
    send(with(json!({ "attachments": [{ "id": 0 }] })), recording).await.refused(400, 50161);
    send(with(json!({ "attachments": [{ "id": 0, "duration_secs": 1, "waveform": "?" }] })), recording)
        .await
        .refused(400, 50035);
    let path = format!("{}/{}", messages(&channel), posted["id"].as_str().unwrap());
    mira.patch(&path, json!({ "content": "x" })).await.refused(400, 50162);
}

#[tokio::test]
async fn a_full_disk_and_a_full_quota_say_so_and_words_still_go_through() {
    let disk = rustix::fs::statvfs(std::env::temp_dir()).unwrap();
    let free = disk.f_bavail * disk.f_frsize;
    let server =
        Server::start_with(|config| config.store.free_space_floor_bytes = Bytes::new(free / 2)).await;
    let (mira, _, channel) = two(&server).await;
    let refused = mira.send_parts(Method::POST, &messages(&channel), &[("file", "a", TEXT)]).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    mira.say(&channel, "words").await;

    let server = Server::start_with(|config| config.media.bytes_per_user = Bytes::new(20)).await;
    let (mira, _, channel) = two(&server).await;
    let first = mira.send_parts(Method::POST, &messages(&channel), &[("file", "a", TEXT)]).await.ok();
    let faults =
        mira.send_parts(Method::POST, &messages(&channel), &[("file", "a", TEXT)]).await.refused(400, 50035);
    assert_eq!(faults["errors"]["attachments"]["_errors"][0]["code"], "STORAGE_QUOTA_REACHED");
    mira.delete(&format!("{}/{}", messages(&channel), first["id"].as_str().unwrap())).await.ok();
    // The sweep gives the bytes back: it runs by itself, and is soon done.
    loop {
        let again = mira.send_parts(Method::POST, &messages(&channel), &[("file", "a", TEXT)]).await;
        if again.status.is_success() {
            break;
        }
    }
}
