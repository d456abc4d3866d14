//! From headers to a credential (API.md §1.2, §0), and from a route's row to whether its owner may call.

use hyper::header::{AUTHORIZATION, COOKIE};
use hyper::{HeaderMap, Method};

use super::origin::{self, Origin};
use super::route::Who;
use crate::actions::{Actor, Credential, Fault};
use crate::auth::cookies;

/// The credential in a request. With `Authorization` the cookie is ignored; without, it counts under the rules for cookie calls.
pub fn credential(
    method: &Method,
    headers: &HeaderMap,
    origin: &Origin,
) -> Result<Option<Credential>, Fault> {
    if let Some(header) = headers.get(AUTHORIZATION) {
        let text = header.to_str().map_err(|_| Fault::Unauthorized)?.trim();
        return Ok(Some(from_authorization(text)));
    }
    let cookie = headers
        .get(COOKIE)
        .and_then(|header| header.to_str().ok())
        .and_then(|header| cookies::token(header, origin.own().is_https()));
    match cookie {
        Some(token) => {
            origin.check_cookie_call(method, headers)?;
            Ok(Some(Credential::Cookie(token.to_owned())))
        }
        None => Ok(None),
    }
}

fn from_authorization(text: &str) -> Credential {
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bot") => {
            Credential::Bot(token.trim().to_owned())
        }
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Credential::Bearer(token.trim().to_owned())
        }
        _ => Credential::Human(text.to_owned()),
    }
}

/// A call with the web client's header may be answered with a cookie, so it obeys the same rules even before it has one (login CSRF).
pub fn check_web_client(method: &Method, headers: &HeaderMap, origin: &Origin) -> Result<(), Fault> {
    if origin::is_web_client(headers) && !headers.contains_key(AUTHORIZATION) {
        origin.check_cookie_call(method, headers)?;
    }
    Ok(())
}

/// Whether a route is for this caller.
pub fn admit(who: Who, actor: Option<&Actor>) -> Result<(), Fault> {
    match (who, actor) {
        (Who::Nobody | Who::Perhaps, _) => Ok(()),
        (Who::Any | Who::Human | Who::Bot, None) => Err(Fault::Unauthorized),
        (Who::Human, Some(actor)) if actor.is_bot() => Err(Fault::BotsNotAllowed),
        (Who::Bot, Some(actor)) if !actor.is_bot() => Err(Fault::BotsOnly),
        (Who::Any | Who::Human | Who::Bot, Some(_)) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::ActorKind;
    use crate::config::{Kind, WebOrigin};
    use crate::model::Id;

    fn find(method: &Method, pairs: &[(&'static str, &str)]) -> Result<Option<String>, Fault> {
        let own = WebOrigin::parse("https://chat.example.org").unwrap();
        let origin = Origin::new(own, "127.0.0.1:1".parse().unwrap(), true);
        let headers =
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Ok(credential(method, &headers, &origin)?.map(|credential| match credential {
            Credential::Bot(token) => format!("bot {token}"),
            Credential::Human(token) => format!("human {token}"),
            Credential::Bearer(token) => format!("bearer {token}"),
            Credential::Cookie(token) => format!("cookie {token}"),
        }))
    }

    #[test]
    fn the_scheme_tells_the_kind_of_token() {
        let auth = |value| find(&Method::POST, &[("authorization", value)]).unwrap().unwrap();
        assert_eq!(auth("Bot a.b.c"), "bot a.b.c");
        assert_eq!(auth("bOT  a.b.c "), "bot a.b.c");
        assert_eq!(auth("Bearer x"), "bearer x");
        assert_eq!(auth("a.b.c"), "human a.b.c");
        assert_eq!(auth("Basic x"), "human Basic x");
        assert_eq!(find(&Method::POST, &[]), Ok(None));
    }

    #[test]
    fn the_cookie_counts_only_from_the_own_page() {
        let (cookie, web) = (("cookie", "__Host-hearth_session=t"), ("x-hearth-client", "web"));
        let own = ("origin", "https://chat.example.org");
        assert_eq!(find(&Method::GET, &[cookie, web]), Ok(Some("cookie t".into())));
        assert_eq!(find(&Method::POST, &[cookie, web, own]), Ok(Some("cookie t".into())));
        assert_eq!(find(&Method::POST, &[cookie, web]), Err(Fault::Forbidden));
        assert_eq!(find(&Method::GET, &[cookie]), Err(Fault::Forbidden));
        assert_eq!(find(&Method::POST, &[cookie, ("authorization", "t2")]), Ok(Some("human t2".into())));
        assert_eq!(find(&Method::POST, &[("cookie", "hearth_session=t")]), Ok(None));
    }

    #[test]
    fn routes_are_for_whom_they_say() {
        let human = Actor { user: Id::new(1), kind: ActorKind::Human { session: Id::new(2) } };
        let bot = Actor { user: Id::new(1), kind: ActorKind::Bot { application: Id::new(1) } };
        for (who, nobody, as_human, as_bot) in [
            (Who::Nobody, Ok(()), Ok(()), Ok(())),
            (Who::Perhaps, Ok(()), Ok(()), Ok(())),
            (Who::Any, Err(Fault::Unauthorized), Ok(()), Ok(())),
            (Who::Human, Err(Fault::Unauthorized), Ok(()), Err(Fault::BotsNotAllowed)),
            (Who::Bot, Err(Fault::Unauthorized), Err(Fault::BotsOnly), Ok(())),
        ] {
            assert_eq!(admit(who, None), nobody, "{who:?}");
            assert_eq!(admit(who, Some(&human)), as_human, "{who:?}");
            assert_eq!(admit(who, Some(&bot)), as_bot, "{who:?}");
        }
    }
}
