//! Registering, logging in and out, sessions, profiles, settings.

use reqwest::Method;
use serde_json::json;

use crate::support::{PASSWORD, Server};

#[tokio::test]
async fn the_owner_comes_by_the_setup_link_once() {
    let server =
        Server::start_with(|config| config.registration = hearth::config::Registration::Invite).await;
    let body =
        |token: &str, name: &str| json!({ "username": name, "password": PASSWORD, "setup_token": token });
    let early = json!({ "username": "eve", "password": PASSWORD });
    let refused = server.call(Method::POST, "/auth/register", Some(early)).await.refused(400, 50035);
    assert_eq!(refused["errors"]["email"]["_errors"][0]["code"], "REGISTRATION_DISABLED");
    server.call(Method::POST, "/auth/register", Some(body("wrong", "eve"))).await.refused(400, 50035);
    let owner = server.owner("mira").await;
    assert_eq!(owner.get("/users/@me").await.ok()["username"], "mira");
    server
        .call(Method::POST, "/auth/register", Some(body(server.setup_token(), "eve")))
        .await
        .refused(400, 50035);
    let uninvited = json!({ "username": "eve", "password": PASSWORD });
    let refused = server.call(Method::POST, "/auth/register", Some(uninvited)).await.refused(400, 50035);
    assert_eq!(refused["errors"]["email"]["_errors"][0]["code"], "INVITE_ONLY");
}

#[tokio::test]
async fn unknown_names_and_wrong_passwords_get_one_answer_and_every_fault_comes_at_once() {
    let server = Server::start().await;
    server.person("mira").await;
    let log_in = |login: &str, password: &str| {
        let body = json!({ "login": login, "password": password });
        server.call(Method::POST, "/auth/login", Some(body))
    };
    let unknown = log_in("nobody", PASSWORD).await.refused(400, 50035);
    let wrong = log_in("mira", "not the password").await.refused(400, 50035);
    assert_eq!(unknown, wrong);
    assert_eq!(wrong["errors"]["login"]["_errors"][0]["code"], "INVALID_LOGIN");
    assert!(log_in("MIRA", PASSWORD).await.ok()["token"].is_string());
    let body = json!({ "username": "a", "password": "short", "email": "no address" });
    let faults = server.call(Method::POST, "/auth/register", Some(body)).await.refused(400, 50035);
    for field in ["username", "password", "email"] {
        assert!(faults["errors"][field]["_errors"][0]["code"].is_string(), "{field}: {faults}");
    }
    let taken = json!({ "username": "Mira", "password": PASSWORD });
    let refused = server.call(Method::POST, "/auth/register", Some(taken)).await.refused(400, 50035);
    assert_eq!(refused["errors"]["username"]["_errors"][0]["code"], "USERNAME_ALREADY_TAKEN");
}

#[tokio::test]
async fn sessions_are_listed_and_end_by_logout_password_change_and_disabling() {
    let server = Server::start().await;
    let mira = server.person("mira").await;
    let second = || async {
        let body = json!({ "login": "mira", "password": PASSWORD });
        let token = server.call(Method::POST, "/auth/login", Some(body)).await.ok()["token"]
            .as_str()
            .unwrap()
            .to_owned();
        let mut other = mira.clone();
        other.authorization = token;
        other
    };
    let other = second().await;
    let listed = mira.get("/auth/sessions").await.ok();
    let hashes: Vec<_> =
        listed["user_sessions"].as_array().unwrap().iter().filter(|s| s["current"] == false).collect();
    assert_eq!(hashes.len(), 1);
    let body = json!({ "session_id_hashes": [hashes[0]["id_hash"]] });
    mira.post("/auth/sessions/logout", body.clone()).await.refused(401, 60003);
    let body = json!({ "session_id_hashes": [hashes[0]["id_hash"]], "password": PASSWORD });
    mira.post("/auth/sessions/logout", body).await.ok();
    other.get("/users/@me").await.refused(401, 0);
    let other = second().await;
    other.post("/auth/logout", json!({})).await.ok();
    other.get("/users/@me").await.refused(401, 0);
    let other = second().await;
    mira.patch("/users/@me", json!({ "new_password": "another password" })).await.refused(400, 50035);
    let change = json!({ "password": PASSWORD, "new_password": "another password" });
    let changed = mira.patch("/users/@me", change).await.ok();
    mira.get("/users/@me").await.refused(401, 0);
    other.get("/users/@me").await.refused(401, 0);
    let mut renewed = mira.clone();
    renewed.authorization = changed["token"].as_str().unwrap().to_owned();
    renewed.get("/users/@me").await.ok();
    renewed.post("/users/@me/disable", json!({ "password": "wrong" })).await.refused(400, 50035);
    renewed.post("/users/@me/disable", json!({ "password": "another password" })).await.ok();
    renewed.get("/users/@me").await.refused(401, 0);
    let body = json!({ "login": "mira", "password": "another password" });
    server.call(Method::POST, "/auth/login", Some(body.clone())).await.refused(400, 20013);
    let mut undelete = body;
    undelete["undelete"] = json!(true);
    server.call(Method::POST, "/auth/login", Some(undelete)).await.ok();
}

#[tokio::test]
async fn a_session_survives_a_restart_and_a_forged_one_opens_nothing() {
    let server = Server::start().await;
    let mira = server.person("mira").await;
    let authorization = mira.authorization.clone();
    let server = server.restart().await;
    let own =
        server.call_with(Method::GET, "/users/@me", None, &[("authorization", &authorization)]).await.ok();
    assert_eq!(own["username"], "mira");
    for forged in ["", "x.y.z", &authorization[..authorization.len() - 2], &format!("Bot {authorization}")] {
        server.call_with(Method::GET, "/users/@me", None, &[("authorization", forged)]).await.refused(401, 0);
    }
}

#[tokio::test]
async fn settings_notes_and_preferences_keep_what_was_set() {
    let server = Server::start().await;
    let (mira, ravi) = (server.person("mira").await, server.person("ravi").await);
    assert_eq!(mira.get("/users/@me/settings").await.ok()["theme"], "dark");
    let changed = mira.patch("/users/@me/settings", json!({ "theme": "light", "unknown": 1 })).await.ok();
    assert_eq!((&changed["theme"], changed.get("unknown")), (&json!("light"), None));
    mira.patch("/users/@me/settings", json!({ "theme": 5, "status": "asleep" })).await.refused(400, 50035);
    mira.patch("/users/@me/settings", json!({ "status": "offline" })).await.refused(400, 50035);
    mira.patch("/users/@me/settings", json!({ "guild_folders": [{ "id": "no number" }] }))
        .await
        .refused(400, 50035);
    let folders = json!({ "guild_folders": [{ "guild_ids": [175928847299117063_u64] }] });
    let folder = mira.patch("/users/@me/settings", folders).await.ok()["guild_folders"][0].clone();
    assert_eq!(
        folder,
        json!({ "id": null, "name": null, "color": null, "guild_ids": ["175928847299117063"] })
    );
    mira.put(&format!("/users/@me/notes/{}", ravi.id), json!({ "note": "bakes" })).await.ok();
    assert_eq!(mira.get(&format!("/users/@me/notes/{}", ravi.id)).await.ok()["note"], "bakes");
    ravi.get(&format!("/users/@me/notes/{}", ravi.id)).await.refused(404, 10013);
    mira.patch("/hearth/users/@me/prefs", json!({ "a": 1, "b": 2 })).await.ok();
    assert_eq!(mira.patch("/hearth/users/@me/prefs", json!({ "a": null })).await.ok(), json!({ "b": 2 }));
}

#[tokio::test]
async fn the_web_client_holds_its_session_in_a_cookie_that_foreign_pages_cannot_use() {
    let server = Server::start().await;
    let body = json!({ "username": "mira", "password": PASSWORD });
    let web = [("x-hearth-client", "web"), ("origin", server.origin.as_str())];
    let answer = server.call_with(Method::POST, "/auth/register", Some(body), &web).await;
    let cookies: Vec<_> =
        answer.headers.get_all("set-cookie").iter().map(|c| c.to_str().unwrap().to_owned()).collect();
    let session = cookies.iter().find(|cookie| cookie.starts_with("hearth_session=")).unwrap();
    assert!(session.contains("HttpOnly") && session.contains("SameSite=Strict"), "{session}");
    assert_eq!(answer.ok().get("token"), None);
    let cookie = session.split(';').next().unwrap();
    let with = |headers: &[(&'static str, &str)]| {
        let mut all = vec![("cookie", cookie)];
        all.extend_from_slice(headers);
        let all: Vec<(&str, String)> =
            all.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        let server = &server;
        async move {
            let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
            server.call_with(Method::PATCH, "/users/@me", Some(json!({ "bio": "x" })), &all).await
        }
    };
    with(&web).await.ok();
    assert_ne!(with(&[("origin", server.origin.as_str())]).await.status, 200);
    assert_eq!(with(&[("x-hearth-client", "web"), ("origin", "http://evil.example")]).await.status, 403);
    assert_eq!(with(&[("x-hearth-client", "web")]).await.status, 403);
}

#[tokio::test]
async fn who_registers_by_an_invite_is_in_its_guild() {
    let server =
        Server::start_with(|config| config.registration = hearth::config::Registration::Invite).await;
    let owner = server.owner("mira").await;
    let (guild, channel) = owner.make_guild("Maple House").await;
    let invite = owner.post(&format!("/channels/{channel}/invites"), json!({})).await.ok();
    let body = json!({ "username": "ravi", "password": PASSWORD, "invite": invite["code"] });
    let answer = server.call(Method::POST, "/auth/register", Some(body)).await.ok();
    let token = answer["token"].as_str().unwrap();
    let guilds =
        server.call_with(Method::GET, "/users/@me/guilds", None, &[("authorization", token)]).await.ok();
    assert_eq!(guilds[0]["id"], guild);
}

#[tokio::test]
async fn settings_of_several_guilds_change_in_one_call_or_not_at_all() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let (one, channel) = mira.make_guild("Maple House").await;
    let (two, _) = mira.make_guild("Oak House").await;
    let mut miras = mira.connect().await;
    let body = json!({ "guilds": { one.clone(): { "muted": true }, two.clone(): { "suppress_roles": true }, "@me": { "muted": false } } });
    let all = mira.patch("/users/@me/guilds/settings", body).await.ok();
    assert_eq!(all.as_array().unwrap().len(), 3);
    for _ in 0..3 {
        miras.expect("USER_GUILD_SETTINGS_UPDATE").await;
    }
    let foreign =
        json!({ "guilds": { one.clone(): { "muted": false }, "175928847299117063": { "muted": true } } });
    mira.patch("/users/@me/guilds/settings", foreign).await.refused(403, 50001);
    let entries = mira.connect().await.ready["user_guild_settings"]["entries"].clone();
    let entry = entries.as_array().unwrap().iter().find(|entry| entry["guild_id"] == one).unwrap().clone();
    assert_eq!((&entry["muted"], &entry["version"]), (&json!(true), &json!(1)));
    let place = format!("/users/@me/guilds/{one}/settings");
    mira.patch(&place, json!({ "muted": "yes" })).await.refused(400, 50035);
    let overrides = |settings| json!({ "channel_overrides": { channel.clone(): settings } });
    mira.patch(&place, overrides(json!({ "mute_config": 5 }))).await.refused(400, 50035);
    let changed = mira.patch(&place, overrides(json!({ "muted": true, "channel_id": "5" }))).await.ok();
    let kept = json!({
        "channel_id": channel, "message_notifications": 3, "muted": true, "mute_config": null, "collapsed": false, "flags": 0
    });
    assert_eq!((&changed["channel_overrides"], &changed["version"]), (&json!([kept]), &json!(2)));
    let odd = json!({ "guilds": { "kitchen": {} } });
    mira.patch("/users/@me/guilds/settings", odd).await.refused(400, 50035);
}

#[tokio::test]
async fn answers_that_hold_a_secret_are_kept_by_no_cache() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let (_, channel) = mira.make_guild("Maple House").await;
    let bot = mira.make_bot("Ladle").await;
    let ticket = mira.post("/auth/sessions/logout", json!({ "session_id_hashes": ["x"] })).await;
    let ticket = ticket.refused(401, 60003)["mfa"]["ticket"].clone();
    let application = format!("/applications/{}", bot.id);
    for (path, body) in [
        ("/auth/register", json!({ "username": "june", "password": PASSWORD })),
        ("/auth/login", json!({ "login": "june", "password": PASSWORD })),
        ("/mfa/finish", json!({ "ticket": ticket, "mfa_type": "password", "data": PASSWORD })),
        ("/hearth/gateway-ticket", json!({})),
        (&format!("{application}/bot/reset"), json!({})),
        (&format!("{application}/reset"), json!({ "password": PASSWORD })),
        (&format!("/channels/{channel}/webhooks"), json!({ "name": "Oven" })),
        (
            &format!("/channels/{channel}/attachments"),
            json!({ "files": [{ "filename": "a", "file_size": 1 }] }),
        ),
    ] {
        let answer = mira.post(path, body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
        assert!(!answer.headers.contains_key("content-encoding"), "{path}");
    }
}

#[tokio::test]
async fn nobody_claims_the_instance_from_elsewhere_or_twice() {
    let server = Server::start().await;
    let body = |name: &str| json!({ "username": name, "password": PASSWORD });
    // Without an owner, an account is made on this machine only: not behind a proxy, not by a page of another origin.
    for header in [
        ("x-forwarded-for", "203.0.113.7"),
        ("forwarded", "for=203.0.113.7"),
        ("origin", "https://evil.example"),
    ] {
        let answer = server.call_with(Method::POST, "/auth/register", Some(body("eve")), &[header]).await;
        assert!(answer.status.as_u16() >= 400, "{header:?}: {}", answer.body);
    }
    let host = [("host", "evil.example")];
    let answer = server.call_with(Method::POST, "/auth/register", Some(body("eve")), &host).await;
    assert_eq!(answer.status.as_u16(), 421, "{}", answer.body);
    // Two at once with the one link.
    let claim = |name: &str| {
        let mut body = body(name);
        body["setup_token"] = json!(server.setup_token());
        server.call(Method::POST, "/auth/register", Some(body))
    };
    let (one, other) = tokio::join!(claim("mira"), claim("june"));
    assert_ne!(one.status.is_success(), other.status.is_success(), "{} and {}", one.body, other.body);
    assert!(!claim("otto").await.status.is_success());
}

#[tokio::test]
async fn guessing_locks_out_the_guesser_and_not_the_one_whose_name_it_is() {
    let server = Server::start().await;
    server.person("mira").await;
    let log_in = |password: &str, headers: Vec<(&'static str, String)>| {
        let body = json!({ "login": "mira", "password": password });
        let server = &server;
        async move {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            server.call_with(Method::POST, "/auth/login", Some(body), &headers).await
        }
    };
    let web = || vec![("x-hearth-client", "web".to_owned()), ("origin", server.origin.clone())];
    let first = log_in(PASSWORD, web()).await;
    assert!(first.status.is_success(), "{}", first.body);
    let cookies = first.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let device =
        cookies.filter_map(|cookie| cookie.split(';').next()).find(|one| one.starts_with("hearth_device="));
    let device = device.unwrap().to_owned();
    // Five a minute are let through.
    for _ in 0..5 {
        log_in("a guess", Vec::new()).await.refused(400, 50035);
    }
    assert_eq!(log_in("a guess", Vec::new()).await.status, 429);
    assert_eq!(
        log_in(PASSWORD, Vec::new()).await.status,
        429,
        "right or not, from a browser that is not known"
    );
    let known = web().into_iter().chain([("cookie", device)]).collect();
    let own = log_in(PASSWORD, known).await;
    assert!(own.status.is_success(), "the owner's own browser: {}", own.body);
    let forged = web().into_iter().chain([("cookie", "hearth_device=forged".to_owned())]).collect();
    assert_eq!(log_in(PASSWORD, forged).await.status, 429);
}
