//! Forgotten passwords: the link that whoever runs the instance makes, and what it opens.

use hearth::control::Command;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, Server};

const NEW: &str = "a better horse";

/// The token of a link that the command line would print.
async fn link(server: &Server, username: &str) -> String {
    let link = server.command(Command::UserResetLink { username: username.to_owned() }).await.unwrap();
    let start = format!("{}/reset#", server.origin);
    link.as_str().unwrap().strip_prefix(&start).unwrap().to_owned()
}

async fn reset(server: &Server, token: &str, password: &str) -> Answer {
    let body = json!({ "token": token, "password": password });
    server.call(Method::POST, "/auth/reset", Some(body)).await
}

fn fault(body: &Value, field: &str) -> String {
    body["errors"][field]["_errors"][0]["code"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_link_gives_a_new_password_once_and_ends_every_session() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let mut gateway = mira.connect().await;
    let token = link(&server, "Mira").await;
    let short = reset(&server, &token, "short").await.refused(400, 50035);
    assert_eq!(fault(&short, "password"), "BASE_TYPE_BAD_LENGTH");
    let opened = reset(&server, &token, NEW).await;
    assert_eq!(opened.headers["cache-control"], "no-store");
    let opened = opened.ok();
    let code = loop {
        if let Err(code) = gateway.frame().await {
            break code;
        }
    };
    assert_eq!(code, 4004);
    mira.get("/users/@me").await.refused(401, 0);
    let back = server.known(&mira.id, opened["token"].as_str().unwrap());
    assert_eq!(back.get("/users/@me").await.ok()["username"], "mira");
    for (password, is_right) in [(PASSWORD, false), (NEW, true)] {
        let body = json!({ "login": "mira", "password": password });
        let answer = server.call(Method::POST, "/auth/login", Some(body)).await;
        assert_eq!(answer.status.is_success(), is_right, "{}", answer.body);
    }
    let again = reset(&server, &token, "yet another one").await.refused(400, 50035);
    assert_eq!(fault(&again, "token"), "TOKEN_INVALID");
}

#[tokio::test]
async fn a_link_ends_with_the_password_it_was_made_for_and_opens_nothing_else() {
    let server = Server::start().await;
    let mira = server.owner("mira").await;
    let token = link(&server, "mira").await;
    let wrong = [mira.authorization.clone(), format!("{token}x"), "x".to_owned()];
    for other in &wrong {
        assert_eq!(fault(&reset(&server, other, NEW).await.refused(400, 50035), "token"), "TOKEN_INVALID");
    }
    server.known(&mira.id, &token).get("/users/@me").await.refused(401, 0);
    let change = json!({ "password": PASSWORD, "new_password": NEW });
    mira.patch("/users/@me", change).await.ok();
    assert_eq!(fault(&reset(&server, &token, NEW).await.refused(400, 50035), "token"), "TOKEN_INVALID");
    let nobody = server.command(Command::UserResetLink { username: "nobody".to_owned() }).await;
    assert!(nobody.unwrap_err().contains("no account is named nobody"));
}

#[tokio::test]
async fn asking_says_nothing_of_who_is_there() {
    let server = Server::start().await;
    server.owner("mira").await;
    let ask = async |login: &str| {
        server.call(Method::POST, "/auth/forgot", Some(json!({ "login": login }))).await.ok()
    };
    assert_eq!(ask("mira").await, json!({ "method": "password_reset" }));
    assert_eq!(ask("mira").await, ask("nobody@example.org").await);
    server.call(Method::POST, "/auth/forgot", Some(json!({}))).await.refused(400, 50035);
}
