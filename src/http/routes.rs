//! The one table of routes: every resource's rows, and the search in them.

use hyper::Method;
use hyper::header::HeaderValue;

use super::limits::RouteLimit;
use super::route::Route;
use super::{
    absent, accounts, applications, attachments, audit, bans, channels, dms, emojis, followers, guilds,
    instance, integrations, invites, members, messages, oauth2, pins, reactions, read_states, relationships,
    roles, settings, sounds, stickers, voice, webhooks, widgets,
};

/// Every route of the REST API.
pub fn all() -> Vec<Route> {
    [
        absent::routes(),
        accounts::routes(),
        applications::routes(),
        attachments::routes(),
        audit::routes(),
        bans::routes(),
        channels::routes(),
        dms::routes(),
        emojis::routes(),
        followers::routes(),
        guilds::routes(),
        instance::routes(),
        integrations::routes(),
        invites::routes(),
        members::routes(),
        messages::routes(),
        oauth2::routes(),
        pins::routes(),
        reactions::routes(),
        read_states::routes(),
        relationships::routes(),
        roles::routes(),
        settings::routes(),
        sounds::routes(),
        stickers::routes(),
        voice::routes(),
        webhooks::routes(),
        widgets::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What a path parameter holds, by its name: all names that routes may use.
pub fn param_format(name: &str) -> Option<ParamFormat> {
    match name {
        "application_id" | "attachment_id" | "channel_id" | "command_id" | "emoji_id" | "entry_id"
        | "event_id" | "guild_id" | "integration_id" | "interaction_id" | "message_id" | "overwrite_id"
        | "request_id" | "role_id" | "rule_id" | "session_id" | "sound_id" | "sticker_id" | "tag_id"
        | "target_id" | "thread_id" | "token_id" | "user_id" | "webhook_id" => Some(ParamFormat::Snowflake),
        "code" | "emoji" | "interaction_token" | "key" | "pack_id" | "reaction_type" | "template_code"
        | "upload_filename" | "upload_secret" | "webhook_token" => Some(ParamFormat::Text),
        _ => None,
    }
}

/// What a path parameter holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamFormat {
    /// An id.
    Snowflake,
    /// Anything that can stand in a path.
    Text,
}

/// A route and its limit.
pub(super) struct Row {
    pub route: Route,
    pub limit: RouteLimit,
}

/// All methods of one path.
struct Methods {
    rows: Vec<(Method, usize)>,
    allowed: HeaderValue,
}

/// The table, ready to be searched.
pub(super) struct Table {
    rows: Vec<Row>,
    paths: matchit::Router<Methods>,
}

/// What stands at a path.
pub(super) enum Found<'a> {
    Row(&'a Row, Vec<(&'static str, String)>),
    /// The path is there, for these methods.
    OtherMethods(&'a HeaderValue),
    Nothing,
}

impl Table {
    /// Sorts routes by path.
    ///
    /// # Panics
    /// Where two routes are one, or a path can't be told from another: the table's test finds both.
    pub fn new(routes: Vec<Route>) -> Self {
        let rows: Vec<Row> = routes
            .into_iter()
            .enumerate()
            .map(|(index, route)| Row { limit: RouteLimit::new(&route, index as u32), route })
            .collect();
        let mut by_path: std::collections::BTreeMap<&'static str, Vec<(Method, usize)>> = Default::default();
        for (index, Row { route, .. }) in rows.iter().enumerate() {
            let methods = by_path.entry(route.path).or_default();
            assert!(
                methods.iter().all(|(own, _)| *own != route.method),
                "{} {} is there twice",
                route.method,
                route.path
            );
            methods.push((route.method.clone(), index));
        }
        let mut paths = matchit::Router::new();
        for (path, rows) in by_path {
            let mut names: Vec<&str> = rows.iter().map(|(method, _)| method.as_str()).collect();
            if names.contains(&"GET") {
                names.push("HEAD");
            }
            names.push("OPTIONS");
            let allowed =
                HeaderValue::from_str(&names.join(", ")).expect("names of methods may stand in a header");
            if let Err(clash) = paths.insert(path, Methods { rows, allowed }) {
                panic!("{path} can't be told from another path: {clash}");
            }
        }
        Self { rows, paths }
    }

    /// Every route, in the table's order.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.rows.iter().map(|row| &row.route)
    }

    /// The row for a method and a path below the REST base, with its parameters percent-decoded.
    pub fn find(&self, method: &Method, path: &str) -> Found<'_> {
        let Ok(matched) = self.paths.at(path) else { return Found::Nothing };
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        let Some((_, index)) = matched.value.rows.iter().find(|(own, _)| own == wanted) else {
            return Found::OtherMethods(&matched.value.allowed);
        };
        let row = &self.rows[*index];
        let mut params = Vec::with_capacity(matched.params.len());
        for (name, (_, raw)) in row.route.params().zip(matched.params.iter()) {
            match percent_encoding::percent_decode_str(raw).decode_utf8() {
                Ok(value) => params.push((name, value.into_owned())),
                Err(_) => return Found::Nothing,
            }
        }
        Found::Row(row, params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Answer, Call, Reply, delete, get, put};

    async fn nothing(_: Call) -> Answer {
        Ok(Reply::nothing())
    }

    fn found(table: &Table, method: &Method, path: &str) -> String {
        match table.find(method, path) {
            Found::Row(row, params) => {
                let params: Vec<String> =
                    params.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("{} {}", row.route.path, params.join(","))
            }
            Found::OtherMethods(allowed) => format!("405 {}", allowed.to_str().unwrap()),
            Found::Nothing => "404".into(),
        }
    }

    #[test]
    fn literal_segments_win_and_parameters_are_decoded() {
        let table = Table::new(vec![
            get("/users/@me", nothing),
            get("/users/{user_id}", nothing),
            get("/users/{user_id}/profile", nothing),
            put("/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me", nothing),
            delete("/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/{user_id}", nothing),
            get("/channels/{channel_id}/messages/pins", nothing),
            get("/channels/{channel_id}/messages/{message_id}", nothing),
        ]);
        let (get, put) = (Method::GET, Method::PUT);
        assert_eq!(found(&table, &get, "/users/@me"), "/users/@me ");
        assert_eq!(found(&table, &get, "/users/7"), "/users/{user_id} user_id=7");
        assert_eq!(found(&table, &Method::HEAD, "/users/7"), "/users/{user_id} user_id=7");
        assert_eq!(found(&table, &get, "/users/@me/profile"), "/users/{user_id}/profile user_id=@me");
        assert_eq!(
            found(&table, &put, "/channels/1/messages/2/reactions/%F0%9F%94%A5/@me"),
            "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me channel_id=1,message_id=2,emoji=🔥"
        );
        assert_eq!(
            found(&table, &put, "/channels/1/messages/2/reactions/a:b%2Fc:3/@me"),
            "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me channel_id=1,message_id=2,emoji=a:b/c:3"
        );
        assert_eq!(
            found(&table, &get, "/channels/1/messages/pins"),
            "/channels/{channel_id}/messages/pins channel_id=1"
        );
        assert_eq!(found(&table, &put, "/users/7"), "405 GET, HEAD, OPTIONS");
        assert_eq!(found(&table, &get, "/users"), "404");
        assert_eq!(found(&table, &get, "/users/%FF"), "404");
        assert_eq!(found(&table, &get, ""), "404");
    }

    #[test]
    fn every_row_is_sound() {
        let table = Table::new(all());
        for route in table.routes() {
            let row = format!("{} {}", route.method, route.path);
            assert!(route.path.starts_with('/') && !route.path.ends_with('/'), "{row}");
            assert!(!route.summary.is_empty() && !route.summary.ends_with('.'), "{row} needs a summary");
            for name in route.params() {
                assert!(param_format(name).is_some(), "{row}: {name} is no known parameter");
            }
            for (status, _) in &route.answers {
                assert!((200..300).contains(status), "{row}");
            }
            assert!(route.body.is_none() || route.method != Method::GET, "{row} takes a body");
        }
    }
}
