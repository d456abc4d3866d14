//! What other services send to webhooks, told as messages: bodies in Slack's form, and events of a code host in GitHub's. A body comes
//! out in the form of `POST /webhooks/{webhook}/{token}`, short enough for its limits.

use serde_json::{Map, Value, json};

/// Most commits of a push that are named.
const MAX_COMMITS: usize = 10;
/// Most embeds of a message (API.md §5).
const MAX_EMBEDS: usize = 10;
/// Most fields of an embed (API.md §5).
const MAX_FIELDS: usize = 25;

/// A text of at most `most` code points; cut ones end with an ellipsis.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
    }
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value[key].as_str().filter(|text| !text.trim().is_empty())
}

/// Puts a text under a key, if there is one.
fn put(into: &mut Map<String, Value>, key: &str, from: Option<&str>, most: usize) {
    if let Some(text) = from {
        into.insert(key.to_owned(), Value::from(cut(text, most)));
    }
}

/// A body in Slack's form: `text`, `username`, `icon_url`, `attachments`.
pub fn from_slack(body: &Value) -> Value {
    let mut message = Map::new();
    put(&mut message, "content", text(body, "text").map(unlinked).as_deref(), 2_000);
    put(&mut message, "username", text(body, "username"), 80);
    put(&mut message, "avatar_url", text(body, "icon_url"), 2_048);
    let attachments = body["attachments"].as_array().map_or(&[][..], Vec::as_slice);
    let embeds: Vec<Value> =
        attachments.iter().take(MAX_EMBEDS).map(slack_attachment).filter(|embed| !is_blank(embed)).collect();
    if !embeds.is_empty() {
        message.insert("embeds".to_owned(), embeds.into());
    }
    Value::Object(message)
}

/// Slack writes links as `<address|words>`.
fn unlinked(text: &str) -> String {
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        let Some((link, after)) = after.split_once('>') else {
            plain.push('<');
            rest = after;
            continue;
        };
        match link.split_once('|') {
            Some((address, words)) => plain.push_str(&format!("[{words}]({address})")),
            None => plain.push_str(&format!("<{link}>")),
        }
        rest = after;
    }
    plain + rest
}

fn slack_attachment(from: &Value) -> Value {
    let mut embed = Map::new();
    put(&mut embed, "title", text(from, "title"), 256);
    put(&mut embed, "url", address(text(from, "title_link")), 2_048);
    let said = text(from, "text").or_else(|| text(from, "fallback")).map(unlinked);
    put(&mut embed, "description", said.as_deref(), 4_096);
    if let Some(colour) = text(from, "color").and_then(colour) {
        embed.insert("color".to_owned(), colour.into());
    }
    for (key, name) in [("image", "image_url"), ("thumbnail", "thumb_url")] {
        if let Some(url) = address(text(from, name)) {
            embed.insert(key.to_owned(), json!({ "url": url }));
        }
    }
    if let Some(name) = text(from, "author_name") {
        embed.insert("author".to_owned(), json!({ "name": cut(name, 256) }));
    }
    if let Some(footer) = text(from, "footer") {
        embed.insert("footer".to_owned(), json!({ "text": cut(footer, 2_048) }));
    }
    let fields: Vec<Value> = from["fields"]
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .filter_map(|field| {
            let (name, value) = (text(field, "title")?, text(field, "value")?);
            let inline = field["short"].as_bool().unwrap_or(false);
            Some(json!({ "name": cut(name, 256), "value": cut(value, 1_024), "inline": inline }))
        })
        .take(MAX_FIELDS)
        .collect();
    if !fields.is_empty() {
        embed.insert("fields".to_owned(), fields.into());
    }
    Value::Object(embed)
}

fn is_blank(embed: &Value) -> bool {
    ["title", "description", "image", "thumbnail", "author", "footer", "fields"]
        .iter()
        .all(|key| embed.get(key).is_none())
}

fn address(text: Option<&str>) -> Option<&str> {
    text.filter(|text| text.starts_with("https://") || text.starts_with("http://"))
}

/// `#rrggbb` or one of Slack's names.
fn colour(name: &str) -> Option<u32> {
    match name {
        "good" => Some(0x2e_b8_86),
        "warning" => Some(0xda_a0_38),
        "danger" => Some(0xa3_02_00),
        hex => {
            u32::from_str_radix(hex.trim_start_matches('#'), 16).ok().filter(|colour| *colour <= 0xff_ff_ff)
        }
    }
}

/// An event of a code host by the name in `X-GitHub-Event`; `None` for those that nobody needs to be told.
pub fn from_github(event: &str, body: &Value) -> Option<Value> {
    let repository = text(&body["repository"], "full_name").unwrap_or("a repository");
    let action = text(body, "action").unwrap_or_default();
    let is_told = |told: &[&str]| told.contains(&action);
    let (title, url, said) = match event {
        "push" => return push(repository, body),
        "issues" if is_told(&["opened", "closed", "reopened"]) => {
            numbered(repository, action, "Issue", &body["issue"])
        }
        "pull_request" if is_told(&["opened", "closed", "reopened"]) => {
            let (title, url, said) = numbered(repository, action, "Pull request", &body["pull_request"]);
            let is_merged = body["pull_request"]["merged"].as_bool() == Some(true);
            (if is_merged { title.replacen("closed", "merged", 1) } else { title }, url, said)
        }
        "issue_comment" if action == "created" => {
            let number = body["issue"]["number"].as_u64().unwrap_or_default();
            let title = text(&body["issue"], "title").unwrap_or_default();
            let comment = &body["comment"];
            let told = format!("[{repository}] New comment on #{number}: {title}");
            (told, comment["html_url"].as_str(), text(comment, "body"))
        }
        "release" if action == "published" => {
            let release = &body["release"];
            let name = text(release, "name").or_else(|| text(release, "tag_name")).unwrap_or_default();
            (
                format!("[{repository}] New release: {name}"),
                release["html_url"].as_str(),
                text(release, "body"),
            )
        }
        "create" | "delete" => {
            let (kind, name) = (text(body, "ref_type")?, text(body, "ref")?);
            let told = if event == "create" { "New" } else { "Deleted" };
            (format!("[{repository}] {told} {kind}: {name}"), body["repository"]["html_url"].as_str(), None)
        }
        "star" if action == "created" => {
            (format!("[{repository}] New star"), body["repository"]["html_url"].as_str(), None)
        }
        "fork" => (format!("[{repository}] Forked"), body["forkee"]["html_url"].as_str(), None),
        "ping" => {
            let zen = text(body, "zen");
            (format!("[{repository}] The webhook works"), body["repository"]["html_url"].as_str(), zen)
        }
        _ => return None,
    };
    Some(told(body, &title, url, said))
}

/// Title, address and words of an issue or pull request.
fn numbered<'v>(
    repository: &str,
    action: &str,
    what: &str,
    thing: &'v Value,
) -> (String, Option<&'v str>, Option<&'v str>) {
    let number = thing["number"].as_u64().unwrap_or_default();
    let title = text(thing, "title").unwrap_or_default();
    let told = format!("[{repository}] {what} #{number} {action}: {title}");
    (told, thing["html_url"].as_str(), text(thing, "body"))
}

fn push(repository: &str, body: &Value) -> Option<Value> {
    let commits = body["commits"].as_array().filter(|commits| !commits.is_empty())?;
    let branch = text(body, "ref").unwrap_or_default().trim_start_matches("refs/heads/");
    let lines: Vec<String> = commits
        .iter()
        .take(MAX_COMMITS)
        .map(|commit| {
            let id: String = text(commit, "id").unwrap_or_default().chars().take(7).collect();
            let first = text(commit, "message").unwrap_or_default().lines().next().unwrap_or_default();
            let author = text(&commit["author"], "name").unwrap_or("somebody");
            let line = cut(first, 80);
            match address(text(commit, "url")) {
                Some(url) => format!("[`{id}`]({url}) {line} – {author}"),
                None => format!("`{id}` {line} – {author}"),
            }
        })
        .collect();
    let count = commits.len();
    let what = if count == 1 { "1 new commit".to_owned() } else { format!("{count} new commits") };
    let title = format!("[{repository}:{branch}] {what}");
    Some(told(body, &title, body["compare"].as_str(), Some(&lines.join("\n"))))
}

fn told(body: &Value, title: &str, url: Option<&str>, said: Option<&str>) -> Value {
    let mut embed = Map::new();
    put(&mut embed, "title", Some(title), 256);
    put(&mut embed, "url", address(url), 2_048);
    put(&mut embed, "description", said, 500);
    let sender = &body["sender"];
    if let Some(name) = text(sender, "login") {
        let mut author = Map::new();
        put(&mut author, "name", Some(name), 256);
        put(&mut author, "url", address(text(sender, "html_url")), 2_048);
        put(&mut author, "icon_url", address(text(sender, "avatar_url")), 2_048);
        embed.insert("author".to_owned(), Value::Object(author));
    }
    json!({ "embeds": [embed] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slack_s_words_links_and_attachments_become_a_message() {
        let body = json!({
            "text": "see <https://example.org|the build> or <https://example.org/2>",
            "username": "CI",
            "attachments": [
                { "title": "Build", "title_link": "https://example.org", "color": "good", "text": "green",
                  "fields": [{ "title": "Took", "value": "3 min", "short": true }] },
                { "color": "#ff0000" },
            ],
        });
        let message = from_slack(&body);
        assert_eq!(message["content"], "see [the build](https://example.org) or <https://example.org/2>");
        assert_eq!(message["username"], "CI");
        assert_eq!(message["embeds"].as_array().unwrap().len(), 1, "a blank one is none");
        assert_eq!(message["embeds"][0]["color"], 0x2e_b8_86);
        assert_eq!(message["embeds"][0]["fields"][0]["inline"], true);
        assert_eq!(unlinked("1 < 2 <"), "1 < 2 <");
    }

    #[test]
    fn events_of_a_code_host_become_embeds_and_the_rest_silence() {
        let commits: Vec<Value> = (0..12)
            .map(|n| json!({ "id": "0123456789", "message": format!("Bake {n}\n\nlong"), "author": { "name": "Mira" } }))
            .collect();
        let body = json!({
            "ref": "refs/heads/main", "compare": "https://example.org/c", "commits": commits,
            "repository": { "full_name": "maple/house" }, "sender": { "login": "mira" },
        });
        let told = from_github("push", &body).unwrap();
        assert_eq!(told["embeds"][0]["title"], "[maple/house:main] 12 new commits");
        let lines = told["embeds"][0]["description"].as_str().unwrap();
        assert!(lines.starts_with("`0123456` Bake 0 – Mira\n") && lines.chars().count() <= 500);
        assert_eq!(told["embeds"][0]["author"]["name"], "mira");
        let merged = json!({
            "action": "closed", "repository": { "full_name": "maple/house" },
            "pull_request": { "number": 7, "title": "Rise", "merged": true, "html_url": "https://example.org/7" },
        });
        let told = from_github("pull_request", &merged).unwrap();
        assert_eq!(told["embeds"][0]["title"], "[maple/house] Pull request #7 merged: Rise");
        for (event, body) in
            [("push", json!({})), ("issues", json!({ "action": "labeled" })), ("watch", json!({}))]
        {
            assert_eq!(from_github(event, &body), None, "{event}");
        }
    }

    #[test]
    fn texts_are_cut_by_code_points() {
        assert_eq!(cut("häus", 4), "häus");
        assert_eq!(cut("häuser", 4), "häu…");
    }
}
