//! Cards for links: fetched from a site on loopback that the settings except, shown through our proxy, switched off by who may.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hearth::config::Kind as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Person, Server};

/// A site whose pages are told by path; how often it was asked is counted.
struct Site {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Site {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut head = vec![0; 8_192];
                    let read = stream.read(&mut head).await.unwrap_or(0);
                    let head = String::from_utf8_lossy(&head[..read]).into_owned();
                    let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
                    let (media_type, body) = page(&path);
                    let status = if body.is_empty() { "404 Not Found" } else { "200 OK" };
                    let head = format!(
                        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                        body.len()
                    );
                    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
                });
            }
        });
        Self { port, asked }
    }

    fn link(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

fn page(path: &str) -> (&'static str, Vec<u8>) {
    match path.split('?').next().unwrap_or_default() {
        "/soup" => (
            "text/html; charset=utf-8",
            b"<head><title>x</title><meta property='og:title' content='Soup of the day'>\
              <meta property='og:description' content='Lentils &amp; love'><meta property='og:site_name' content='Maple House'>\
              <meta property='og:image' content='/soup.png'><meta name='theme-color' content='#d97757'>\
              <link rel='icon' href='/icon.png'><link rel='alternate' type='application/json+oembed' href='/oembed'></head>"
                .to_vec(),
        ),
        "/oembed" => ("application/json", br#"{"author_name":"Mira","author_url":"/mira"}"#.to_vec()),
        "/soup.png" => ("image/png", crate::pictures::png(60, 40)),
        "/evil.png" => ("image/png", b"<svg onload=alert(1)>".to_vec()),
        "/plain" => ("text/html", b"<title>Plain</title>".to_vec()),
        _ => ("text/plain", Vec::new()),
    }
}

async fn scene(server: &Server) -> (Person<'_>, Person<'_>, String, String) {
    let (mira, june) = (server.owner("mira").await, server.person("june").await);
    let (guild, channel) = mira.make_guild("Maple House").await;
    mira.bring(&channel, &[&june]).await;
    (mira, june, guild, channel)
}

async fn open() -> Server {
    Server::start_with(|config| {
        config.media.fetch_exceptions = Vec::parse("127.0.0.1").unwrap();
    })
    .await
}

#[tokio::test]
async fn a_link_gets_its_card_as_an_update_that_is_no_edit() {
    let (server, site) = (open().await, Site::start().await);
    let (mira, june, _, channel) = scene(&server).await;
    let mut his = june.connect().await;
    let link = site.link("/soup");
    let posted = mira.say(&channel, &format!("try {link}!")).await;
    assert_eq!(posted["embeds"], json!([]));
    let update = his.expect("MESSAGE_UPDATE").await;
    assert_eq!((&update["id"], &update["edited_timestamp"]), (&posted["id"], &Value::Null));
    let card = &update["embeds"][0];
    assert_eq!(
        (&card["type"], &card["url"], &card["title"], &card["description"], &card["color"]),
        (
            &json!("link"),
            &json!(link),
            &json!("Soup of the day"),
            &json!("Lentils & love"),
            &json!(0xd9_7757)
        )
    );
    assert_eq!((&card["provider"]["name"], &card["author"]["name"]), (&json!("Maple House"), &json!("Mira")));
    let thumbnail = &card["thumbnail"];
    assert_eq!(
        (&thumbnail["width"], &thumbnail["height"], &thumbnail["url"]),
        (&json!(60), &json!(40), &json!(site.link("/soup.png")))
    );
    let before = site.asked.load(Ordering::SeqCst);
    let proxied = server.fetch(thumbnail["proxy_url"].as_str().unwrap(), &[]).await;
    assert_eq!((proxied.status, proxied.header("content-type")), (200, "image/png"));
    assert_eq!(proxied.bytes, crate::pictures::png(60, 40));
    assert_eq!(site.asked.load(Ordering::SeqCst), before, "what the card needed is kept");
    let forged = thumbnail["proxy_url"].as_str().unwrap().replace("/soup.png", "/other.png");
    assert_eq!(server.fetch(&forged, &[]).await.status, 404);

    mira.say(&channel, &format!("again {link}")).await;
    let again = his.expect("MESSAGE_UPDATE").await;
    assert_eq!(
        (&again["embeds"][0]["title"], site.asked.load(Ordering::SeqCst)),
        (&json!("Soup of the day"), before),
        "remembered"
    );

    let path = format!("/channels/{channel}/messages/{}", posted["id"].as_str().unwrap());
    let edited = mira.patch(&path, json!({ "content": "no link any more" })).await.ok();
    assert_eq!(edited["embeds"], json!([]), "the card goes with its link");
    let picture = mira.say(&channel, &site.link("/soup.png")).await;
    loop {
        let update = his.expect("MESSAGE_UPDATE").await;
        if update["id"] == picture["id"] {
            assert_eq!(
                (&update["embeds"][0]["type"], &update["embeds"][0]["thumbnail"]["width"]),
                (&json!("image"), &json!(60))
            );
            break;
        }
    }
}

#[tokio::test]
async fn nothing_is_fetched_where_somebody_said_no() {
    let (server, site) = (open().await, Site::start().await);
    let (mira, june, guild, channel) = scene(&server).await;
    let mut hers = mira.connect().await;
    let (quiet, elsewhere) = mira.make_guild("Elm Yard").await;
    let settings = format!("/hearth/guilds/{quiet}/settings");
    assert_eq!(mira.get(&settings).await.ok()["link_previews"], true);
    june.get(&settings).await.refused(403, 50001);
    june.patch(&format!("/hearth/guilds/{guild}/settings"), json!({ "link_previews": false }))
        .await
        .refused(403, 50013);
    mira.patch(&settings, json!({ "link_previews": false })).await.ok();
    let told = hers.expect("HEARTH_GUILD_SETTINGS_UPDATE").await;
    assert_eq!(told, json!({ "guild_id": quiet, "link_previews": false }));
    mira.say(&elsewhere, &site.link("/soup")).await;
    let suppressed = json!({ "content": site.link("/soup"), "flags": 4 });
    mira.post(&format!("/channels/{channel}/messages"), suppressed).await.ok();
    mira.say(&channel, &format!("<{}> `{}`", site.link("/soup"), site.link("/soup"))).await;
    june.patch("/users/@me/settings", json!({ "render_embeds": false })).await.ok();
    june.say(&channel, &site.link("/soup")).await;
    mira.say(&channel, &format!("{}/soup", server.origin)).await;
    // The last link is looked up after all that wanted nothing.
    mira.say(&channel, &site.link("/plain")).await;
    assert_eq!(hers.expect("MESSAGE_UPDATE").await["embeds"][0]["title"], "Plain");
    assert_eq!(site.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn without_an_exception_loopback_is_never_asked() {
    let (server, site) = (Server::start().await, Site::start().await);
    let (mira, june, _, channel) = scene(&server).await;
    let mut his = june.connect().await;
    for text in
        [site.link("/soup"), site.link("/soup").replace("127.0.0.1", "localhost"), "http://[::1]/".to_owned()]
    {
        mira.say(&channel, &text).await;
    }
    let embed = json!({ "embeds": [{ "image": { "url": site.link("/soup.png") } }] });
    let posted = mira.post(&format!("/channels/{channel}/messages"), embed).await.ok();
    let proxy = posted["embeds"][0]["image"]["proxy_url"].as_str().unwrap();
    assert_eq!(server.fetch(proxy, &[]).await.status, 404);
    mira.say(&channel, "end").await;
    while his.expect("MESSAGE_CREATE").await["content"] != "end" {}
    assert_eq!(site.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_proxy_gives_pictures_only() {
    let (server, site) = (open().await, Site::start().await);
    let (mira, _, _, channel) = scene(&server).await;
    for path in ["/evil.png", "/soup", "/nothing"] {
        let embed = json!({ "embeds": [{ "image": { "url": site.link(path) } }] });
        let posted = mira.post(&format!("/channels/{channel}/messages"), embed).await.ok();
        let proxy = posted["embeds"][0]["image"]["proxy_url"].as_str().unwrap();
        assert_eq!(server.fetch(proxy, &[]).await.status, 404, "{path}");
    }
    let embed = json!({ "embeds": [{ "image": { "url": site.link("/soup.png?a=1&b=%20c") } }] });
    let posted = mira.post(&format!("/channels/{channel}/messages"), embed).await.ok();
    let proxy = posted["embeds"][0]["image"]["proxy_url"].as_str().unwrap();
    let small = server.fetch(&format!("{proxy}&size=32&format=png"), &[]).await;
    assert_eq!((small.status, crate::pictures::size(&small.bytes)), (200, (32, 21)));
}

#[tokio::test]
async fn the_media_of_a_channel_are_listed_by_kind() {
    let server = Server::start().await;
    let (mira, june, _, channel) = scene(&server).await;
    let path = format!("/channels/{channel}/messages");
    let send = async |name: &str, bytes: &[u8]| {
        mira.send_parts(reqwest::Method::POST, &path, &[("file", name, bytes)]).await.ok()["id"].clone()
    };
    mira.say(&channel, "words").await;
    let picture = send("a.png", &crate::pictures::png(8, 8)).await;
    let film = send("b.mp4", b"\0\0\0\x18ftypisom").await;
    let link = mira.say(&channel, "<https://example.org/x>").await["id"].clone();
    let file = send("c.bin", b"\0\x01").await;
    let list = async |query: &str| {
        let media = june.get(&format!("/hearth/channels/{channel}/media?{query}")).await.ok();
        let ids: Vec<Value> =
            media["messages"].as_array().unwrap().iter().map(|message| message["id"].clone()).collect();
        (ids, media["has_more"].as_bool().unwrap())
    };
    assert_eq!(list("").await, (vec![file.clone(), link.clone(), film.clone(), picture.clone()], false));
    assert_eq!(list("kind=image&kind=link").await, (vec![link.clone(), picture.clone()], false));
    assert_eq!(list("limit=2").await, (vec![file.clone(), link.clone()], true));
    assert_eq!(
        list(&format!("limit=2&before={}", link.as_str().unwrap())).await,
        (vec![film.clone(), picture.clone()], false)
    );
    mira.delete(&format!("{path}/{}", film.as_str().unwrap())).await.ok();
    assert_eq!(list("kind=video").await.0, Vec::<Value>::new());
    mira.patch(&format!("{path}/{}", link.as_str().unwrap()), json!({ "content": "none" })).await.ok();
    assert_eq!(list("kind=link").await.0, Vec::<Value>::new());
    june.get(&format!("/hearth/channels/{channel}/media?kind=smell")).await.refused(400, 50035);
}
