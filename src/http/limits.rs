//! The limiter at the edge: which buckets a call takes from, and the headers that tell (API.md §1.6).

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use super::peer;
use super::route::Route;
use crate::actions::Actor;
use crate::actions::error::{LimitScope, RateLimited};
use crate::config::{self, Rate};
use crate::logic::rate_limit::{Bucket, Caller, Counted, Decision, FIRST_ROUTE, Key, Limiter, Quota};

/// What a route counts by, worked out once from its row.
pub struct RouteLimit {
    bucket: Bucket,
    number: u32,
    /// Names of the parameters that split the bucket.
    major: &'static [&'static str],
    id: HeaderValue,
}

impl RouteLimit {
    /// The limit of the `index`-th row.
    pub fn new(route: &Route, index: u32) -> Self {
        let major: &'static [&'static str] = match route.params().next() {
            Some("channel_id") => &["channel_id"],
            Some("guild_id") => &["guild_id"],
            Some("upload_secret") => &["upload_secret"],
            Some("webhook_id") => &["webhook_id", "webhook_token"],
            _ => &[],
        };
        let (number, name) = match route.bucket {
            Bucket::Default => (FIRST_ROUTE + index, format!("{} {}", route.method, route.path)),
            named => (named.number(), format!("{named:?}")),
        };
        let id = format!("{:016x}", fnv1a(name.as_bytes()));
        let id = HeaderValue::from_str(&id).expect("hexadecimal digits may stand in a header");
        Self { bucket: route.bucket, number, major, id }
    }

    fn major(&self, params: &[(&'static str, String)]) -> u64 {
        let mut text = String::new();
        for (name, value) in params.iter().filter(|(name, _)| self.major.contains(name)) {
            if self.major.len() == 1 {
                return value.parse().unwrap_or_else(|_| fnv1a(value.as_bytes()));
            }
            let _ = write!(text, "{name}={value}&");
        }
        if text.is_empty() { 0 } else { fnv1a(text.as_bytes()) }
    }
}

/// FNV-1a: a number that is the same in every run, for bucket ids that stay.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// What a let-through call took, to tell in its answer or to give back.
pub struct Taken {
    decision: Decision,
    key: Key,
    quota: Quota,
    failures_only: bool,
}

/// A call over a limit: the 429, and the bucket's numbers where it is a route's.
pub struct Refused {
    /// What to answer.
    pub limited: RateLimited,
    /// The numbers of the route's bucket; none for the limit over all routes.
    pub decision: Option<Decision>,
}

/// All limits of the edge.
pub struct Limits {
    limiter: Mutex<Limiter>,
    started: Instant,
    has_routes: bool,
    per_address: Option<Quota>,
    auth_per_address: Option<Quota>,
    has_addresses: bool,
    per_bot: Option<Quota>,
    per_user: Option<Quota>,
}

fn quota(rate: Rate) -> Option<Quota> {
    rate.limit().map(|(count, per)| Quota::new(count, per))
}

impl Limits {
    /// The limits that settings ask for. `routes = off` lifts those over all routes of an account too.
    pub fn new(settings: &config::Limits) -> Self {
        let of_account = |rate| if settings.routes { quota(rate) } else { None };
        Self {
            limiter: Mutex::default(),
            started: Instant::now(),
            has_routes: settings.routes,
            per_address: quota(settings.requests_per_address),
            auth_per_address: quota(settings.auth_per_address_cap()),
            has_addresses: !settings.requests_per_address.is_none(),
            per_bot: of_account(settings.global_per_bot),
            per_user: of_account(settings.global_per_user),
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn take(&self, key: Key, quota: Quota) -> Decision {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner).take(key, quota, self.now())
    }

    /// Counts a call against all calls of its account, or of its address where no account is known.
    pub fn take_global(&self, actor: Option<&Actor>, address: std::net::IpAddr) -> Result<(), Refused> {
        let (caller, quota) = match actor {
            Some(actor) => {
                let quota = if actor.is_bot() { self.per_bot } else { self.per_user };
                (Caller::Account(actor.user.get()), quota)
            }
            None => (Caller::Address(peer::counted(address)), self.per_address),
        };
        let Some(quota) = quota else { return Ok(()) };
        let decision = self.take(Key { limit: Bucket::Global.number(), caller, major: 0 }, quota);
        match decision.retry_after {
            None => Ok(()),
            Some(retry_after) => {
                let limited = RateLimited { retry_after, scope: LimitScope::Global, code: 0 };
                Err(Refused { limited, decision: None })
            }
        }
    }

    /// Counts a call against its route's limit. `None` where it has none.
    pub fn take_route(
        &self,
        route: &RouteLimit,
        actor: Option<&Actor>,
        address: std::net::IpAddr,
        params: &[(&'static str, String)],
    ) -> Result<Option<Taken>, Refused> {
        let counted = route.bucket.counted();
        let quota = match (route.bucket, counted) {
            (Bucket::Unlimited, _) => None,
            (Bucket::Login | Bucket::Register, _) => self.auth_per_address,
            (bucket, Counted::PerAddress) => self.has_addresses.then(|| bucket.quota()),
            (bucket, _) => self.has_routes.then(|| bucket.quota()),
        };
        let Some(quota) = quota else { return Ok(None) };
        let caller = match (counted, actor) {
            (Counted::Shared, _) => Caller::Everyone,
            (Counted::PerCaller, Some(actor)) => Caller::Account(actor.user.get()),
            (Counted::PerCaller, None) | (Counted::PerAddress, _) => Caller::Address(peer::counted(address)),
        };
        let key = Key { limit: route.number, caller, major: route.major(params) };
        let decision = self.take(key, quota);
        match decision.retry_after {
            None => {
                let failures_only = route.bucket.counts_failures_only();
                Ok(Some(Taken { decision, key, quota, failures_only }))
            }
            Some(retry_after) => {
                let scope = if counted == Counted::Shared { LimitScope::Shared } else { LimitScope::User };
                let limited = RateLimited { retry_after, scope, code: 0 };
                Err(Refused { limited, decision: Some(decision) })
            }
        }
    }

    /// Ends a call that was let through: what counts failures only is given back when it succeeded. Returns the numbers to tell.
    pub fn settle(&self, taken: Taken, succeeded: bool) -> Decision {
        if !(taken.failures_only && succeeded) {
            return taken.decision;
        }
        let mut limiter = self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        limiter.refund(taken.key, taken.quota);
        let peeked = limiter.check(taken.key, taken.quota, self.now());
        Decision { remaining: (peeked.remaining + 1).min(peeked.limit), ..taken.decision }
    }
}

/// Writes the five headers of a limited route's answer.
pub fn tell(headers: &mut HeaderMap, route: &RouteLimit, decision: &Decision) {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let reset_after = decision.reset_after.as_secs_f64();
    let reset = since_epoch.as_secs_f64() + reset_after;
    headers.insert(&LIMIT, HeaderValue::from(decision.limit));
    headers.insert(&REMAINING, HeaderValue::from(decision.remaining));
    headers.insert(&RESET, decimals(reset));
    headers.insert(&RESET_AFTER, decimals(reset_after));
    headers.insert(&BUCKET, route.id.clone());
}

static LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
static REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
static RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
static RESET_AFTER: HeaderName = HeaderName::from_static("x-ratelimit-reset-after");
static BUCKET: HeaderName = HeaderName::from_static("x-ratelimit-bucket");

/// Seconds to the millisecond, rounded up.
fn decimals(secs: f64) -> HeaderValue {
    let text = format!("{:.3}", (secs * 1e3).ceil() / 1e3);
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("0"))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::actions::ActorKind;
    use crate::config::Config;
    use crate::http::{Reply, delete, get, post, put};
    use crate::model::Id;

    async fn nothing(_: crate::http::Call) -> crate::http::Answer {
        Ok(Reply::nothing())
    }

    fn person(id: u64) -> Actor {
        Actor { user: Id::new(id), kind: ActorKind::Human { session: Id::new(1) } }
    }

    fn params(channel: &str) -> Vec<(&'static str, String)> {
        vec![("channel_id", channel.to_owned())]
    }

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_major_parameter_splits_a_bucket_whose_id_it_does_not_change() {
        let limits = Limits::new(&Config::default().limits);
        let route = RouteLimit::new(
            &post("/channels/{channel_id}/messages", nothing).limit(Bucket::MessageCreate),
            3,
        );
        let anna = person(1);
        let take = |who: &Actor, channel: &str| limits.take_route(&route, Some(who), HERE, &params(channel));
        for left in (0..5).rev() {
            let taken = take(&anna, "10").ok().flatten().unwrap();
            assert_eq!((taken.decision.limit, taken.decision.remaining), (5, left));
        }
        let refused = take(&anna, "10").err().unwrap();
        assert_eq!(refused.limited.scope, LimitScope::User);
        assert!(refused.limited.retry_after <= Duration::from_secs(1));
        assert!(take(&anna, "11").is_ok() && take(&person(2), "10").is_ok());
        let mut headers = HeaderMap::new();
        tell(&mut headers, &route, &refused.decision.unwrap());
        assert_eq!(headers["x-ratelimit-remaining"], "0");
        assert!(headers["x-ratelimit-bucket"].len() == 16);
        assert!(headers["x-ratelimit-reset-after"].to_str().unwrap().parse::<f64>().unwrap() > 0.0);
    }

    #[test]
    fn named_limits_are_shared_by_their_routes_and_default_ones_are_not() {
        let one = |route: Route, index| RouteLimit::new(&route.limit(Bucket::Reaction), index);
        let add = one(put("/channels/{channel_id}/a", nothing), 1);
        let remove = one(delete("/channels/{channel_id}/a", nothing), 2);
        assert_eq!((add.number, &add.id), (remove.number, &remove.id));
        let read = RouteLimit::new(&get("/channels/{channel_id}", nothing), 3);
        let other = RouteLimit::new(&delete("/channels/{channel_id}", nothing), 4);
        assert!(read.number != other.number && read.id != other.id);
    }

    #[test]
    fn logins_that_succeed_are_not_counted() {
        let limits = Limits::new(&Config::default().limits);
        let route = RouteLimit::new(&post("/auth/login", nothing).limit(Bucket::Login), 0);
        let take = || limits.take_route(&route, None, HERE, &[]);
        for _ in 0..20 {
            let taken = take().ok().flatten().unwrap();
            assert_eq!(limits.settle(taken, true).remaining, 5);
        }
        for _ in 0..5 {
            let taken = take().ok().flatten().unwrap();
            limits.settle(taken, false);
        }
        assert!(take().is_err());
    }

    #[test]
    fn settings_lift_limits() {
        let mut settings = Config::default().limits;
        settings.routes = false;
        settings.requests_per_address = Rate::NONE;
        let limits = Limits::new(&settings);
        let rows = [
            get("/x", nothing),
            get("/i/{code}", nothing).limit(Bucket::InviteLookup),
            post("/auth/login", nothing).limit(Bucket::Login),
        ];
        for (index, row) in rows.iter().enumerate() {
            let route = RouteLimit::new(row, index as u32);
            for _ in 0..100 {
                assert!(limits.take_route(&route, None, HERE, &[]).is_ok_and(|taken| taken.is_none()));
                assert!(limits.take_global(None, HERE).is_ok());
                assert!(limits.take_global(Some(&person(1)), HERE).is_ok());
            }
        }
    }

    #[test]
    fn the_limit_over_all_routes_is_global_and_per_caller() {
        let limits = Limits::new(&Config::default().limits);
        for _ in 0..20 {
            assert!(limits.take_global(None, HERE).is_ok());
        }
        let refused = limits.take_global(None, HERE).err().unwrap();
        assert_eq!((refused.limited.scope, refused.decision), (LimitScope::Global, None));
        for _ in 0..50 {
            assert!(limits.take_global(Some(&person(1)), HERE).is_ok());
        }
        assert!(limits.take_global(Some(&person(1)), HERE).is_err());
        assert!(limits.take_global(Some(&person(2)), HERE).is_ok());
    }
}
