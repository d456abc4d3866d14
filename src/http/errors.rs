//! From an action's error to its answer, in one exhaustive `match`.

use std::error::Error;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};

use super::reply::{Reply, UPLOAD_OFFSET};
use crate::actions::error::{Confirmation, LimitScope, RateLimited};
use crate::actions::{ActionError, Fault};
use crate::logic::form::FormError;

/// The answer to an error. `route` is its template, for the log: paths and queries hold secrets.
pub fn answer(error: &ActionError, route: &str) -> Reply {
    match error {
        ActionError::Fault(fault) => of_fault(*fault),
        ActionError::Form(form) => of_form(form),
        ActionError::RateLimited(limited) => of_limit(limited),
        ActionError::ConfirmIdentity(confirmation) => of_confirmation(confirmation),
        ActionError::OAuth2(word) => with_status(400, &json!({ "error": word })).no_store(),
        ActionError::IndexBuilding { documents_indexed, retry_after } => with_status(
            202,
            &json!({
                "message": "Index not yet available. Try again later",
                "code": 110_000,
                "documents_indexed": documents_indexed,
                "retry_after": retry_after.as_secs_f64(),
            }),
        ),
        ActionError::Unavailable { why, retry_after } => {
            with_status(503, &json!({ "message": why, "code": 0 }))
                .header(RETRY_AFTER, whole_secs(*retry_after))
        }
        ActionError::WrongOffset { held_bytes } => {
            let body = json!({ "message": format!("The upload goes on at byte {held_bytes}."), "code": 0 });
            with_status(409, &body).header(UPLOAD_OFFSET, HeaderValue::from(*held_bytes))
        }
        ActionError::Internal(source) => {
            log_internal(source.as_ref(), route);
            internal()
        }
    }
}

/// 500, without a word of why.
pub fn internal() -> Reply {
    with_status(500, &json!({ "message": "500: Internal Server Error", "code": 0 }))
}

/// The answer to a plain fault.
pub fn of_fault(fault: Fault) -> Reply {
    with_status(fault.status(), &json!({ "message": fault.message(), "code": fault.code() }))
}

fn with_status(status: u16, body: &Value) -> Reply {
    Reply::json_bytes(body.to_string().into()).status(status)
}

fn of_form(error: &FormError) -> Reply {
    match error {
        FormError::Syntax | FormError::TooDeep => with_status(
            Fault::JsonSyntax.status(),
            &json!({ "message": error.to_string(), "code": Fault::JsonSyntax.code() }),
        ),
        FormError::ContentType => with_status(
            Fault::FormBody.status(),
            &json!({
                "message": Fault::FormBody.message(),
                "code": Fault::FormBody.code(),
                "errors": { "_errors": [{ "code": "CONTENT_TYPE_INVALID", "message": error.to_string() }] },
            }),
        ),
        FormError::Fields(tree) => with_status(
            Fault::FormBody.status(),
            &json!({ "message": Fault::FormBody.message(), "code": Fault::FormBody.code(), "errors": tree }),
        ),
    }
}

fn of_limit(limited: &RateLimited) -> Reply {
    let (scope, is_global) = match limited.scope {
        LimitScope::User => ("user", false),
        LimitScope::Global => ("global", true),
        LimitScope::Shared => ("shared", false),
    };
    let body = json!({
        "message": "You are being rate limited.",
        "retry_after": (limited.retry_after.as_secs_f64() * 1e3).ceil() / 1e3,
        "global": is_global,
        "code": limited.code,
    });
    let reply = with_status(429, &body)
        .header(RETRY_AFTER, whole_secs(limited.retry_after))
        .header(HeaderName::from_static("x-ratelimit-scope"), HeaderValue::from_static(scope));
    if is_global {
        reply.header(HeaderName::from_static("x-ratelimit-global"), HeaderValue::from_static("true"))
    } else {
        reply
    }
}

fn of_confirmation(confirmation: &Confirmation) -> Reply {
    let mut methods = Vec::new();
    if confirmation.totp {
        methods.push(json!({ "type": "totp", "backup_codes_allowed": confirmation.backup_codes }));
    }
    if confirmation.password {
        methods.push(json!({ "type": "password" }));
    }
    let fault = Fault::SecondFactorNeeded;
    let mfa = json!({ "ticket": confirmation.ticket, "methods": methods });
    with_status(401, &json!({ "message": fault.message(), "code": fault.code(), "mfa": mfa })).no_store()
}

/// Whole seconds, rounded up: who waits them is never early.
fn whole_secs(wait: Duration) -> HeaderValue {
    HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}

fn log_internal(error: &(dyn Error + Send + Sync), route: &str) {
    let mut chain = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        chain.push_str(": ");
        chain.push_str(&source.to_string());
        next = source.source();
    }
    tracing::error!(route, error = chain, "a request failed");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::field::FieldFault;

    fn body(reply: &Reply) -> Value {
        serde_json::from_slice(&reply.body.as_ref().unwrap().1).unwrap()
    }

    fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
        reply.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.to_str().unwrap())
    }

    #[test]
    fn a_429_tells_when_to_come_again_and_whose_limit_it_is() {
        let limited =
            RateLimited { retry_after: Duration::from_micros(512_300), scope: LimitScope::Global, code: 0 };
        let reply = answer(&ActionError::RateLimited(limited), "");
        assert_eq!(reply.status, Some(429));
        assert_eq!(
            body(&reply),
            json!({ "message": "You are being rate limited.", "retry_after": 0.513, "global": true, "code": 0 })
        );
        assert_eq!(header(&reply, "retry-after"), Some("1"));
        assert_eq!(header(&reply, "x-ratelimit-scope"), Some("global"));
        assert_eq!(header(&reply, "x-ratelimit-global"), Some("true"));
        let slow = answer(&ActionError::RateLimited(RateLimited::slow_mode(Duration::from_secs(3))), "");
        assert_eq!((&body(&slow)["code"], header(&slow, "x-ratelimit-global")), (&json!(20016), None));
    }

    #[test]
    fn faulty_forms_name_their_fields() {
        let reply = answer(&ActionError::field("login", FieldFault::new("INVALID_LOGIN", "No.")), "");
        assert_eq!(reply.status, Some(400));
        assert_eq!(
            body(&reply),
            json!({
                "message": "Invalid Form Body",
                "code": 50035,
                "errors": { "login": { "_errors": [{ "code": "INVALID_LOGIN", "message": "No." }] } },
            })
        );
        assert_eq!(body(&answer(&FormError::TooDeep.into(), ""))["code"], 50109);
    }

    #[test]
    fn our_own_failures_tell_nothing() {
        let reply = answer(&ActionError::internal("the disk said: secret"), "/x");
        assert_eq!((reply.status, body(&reply)["code"].clone()), (Some(500), json!(0)));
        assert!(!body(&reply).to_string().contains("secret"));
    }
}
