//! Rate limits (API.md §1.6): GCRA, one number per bucket, in a map of bounded size. Time is a `Duration` since any fixed moment.

use std::collections::HashMap;
use std::time::Duration;

/// Entries a [`Limiter`] holds (SAFETY.md §6); past it, buckets that are full again go first, then those that are nearest to it.
pub const MAX_ENTRIES: usize = 100_000;

/// So many requests in a span of time: all at once, and then one each `per / count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    count: u32,
    interval_ns: u64,
}

impl Quota {
    /// `count` requests (at least one) in `per` (at least `count` ns, at most some centuries).
    pub const fn new(count: u32, per: Duration) -> Self {
        let count = if count == 0 { 1 } else { count };
        let interval_ns = per.as_nanos() as u64 / count as u64;
        Self { count, interval_ns: if interval_ns == 0 { 1 } else { interval_ns } }
    }

    /// How many requests a full bucket lets through at once.
    pub const fn count(self) -> u32 {
        self.count
    }

    const fn span_ns(self) -> u64 {
        self.interval_ns * self.count as u64
    }
}

/// What a bucket says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// How many requests a full bucket lets through.
    pub limit: u32,
    /// How many it would let through after this one.
    pub remaining: u32,
    /// When the bucket will be full again, if nothing more comes.
    pub reset_after: Duration,
    /// `None`: let through. Else when the same request will be.
    pub retry_after: Option<Duration>,
}

/// Decides on a request at `now_ns` for a bucket that is full at `full_ns` (the "theoretical arrival time"); returns that moment anew.
fn decide(full_ns: u64, now_ns: u64, quota: Quota) -> (u64, Decision) {
    let used_ns = full_ns.saturating_sub(now_ns).min(quota.span_ns());
    let wanted_ns = used_ns + quota.interval_ns;
    let over_ns = wanted_ns.saturating_sub(quota.span_ns());
    let (taken_ns, retry_after) =
        if over_ns == 0 { (wanted_ns, None) } else { (used_ns, Some(Duration::from_nanos(over_ns))) };
    let decision = Decision {
        limit: quota.count,
        remaining: ((quota.span_ns() - taken_ns) / quota.interval_ns) as u32,
        reset_after: Duration::from_nanos(taken_ns),
        retry_after,
    };
    (now_ns + taken_ns, decision)
}

/// Which bucket: whose, of what, for which major parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// The limit; routes and named limits number themselves.
    pub limit: u32,
    /// The account or address, 0 for a limit that all callers share.
    pub caller: Caller,
    /// The major parameter, 0 for none.
    pub major: u64,
}

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// All callers together.
    Everyone,
    /// An account.
    Account(u64),
    /// An address; IPv6 by its /64 network.
    Address(u64),
}

/// Buckets by key.
#[derive(Debug, Default)]
pub struct Limiter {
    full_ns: HashMap<Key, u64>,
}

impl Limiter {
    /// Takes one request out of a bucket.
    pub fn take(&mut self, key: Key, quota: Quota, now: Duration) -> Decision {
        let now_ns = now.as_nanos() as u64;
        if let Some(full_ns) = self.full_ns.get_mut(&key) {
            let (next, decision) = decide(*full_ns, now_ns, quota);
            *full_ns = next;
            return decision;
        }
        if self.full_ns.len() >= MAX_ENTRIES {
            self.evict(now_ns);
        }
        let (next, decision) = decide(now_ns, now_ns, quota);
        self.full_ns.insert(key, next);
        decision
    }

    /// Whether a bucket would let a request through, without taking one.
    pub fn check(&self, key: Key, quota: Quota, now: Duration) -> Decision {
        let now_ns = now.as_nanos() as u64;
        decide(self.full_ns.get(&key).copied().unwrap_or(now_ns), now_ns, quota).1
    }

    /// Gives one request back, where a limit counts failures and this was none.
    pub fn refund(&mut self, key: Key, quota: Quota) {
        if let Some(full_ns) = self.full_ns.get_mut(&key) {
            *full_ns = full_ns.saturating_sub(quota.interval_ns);
        }
    }

    /// How many buckets are kept.
    pub fn len(&self) -> usize {
        self.full_ns.len()
    }

    /// Whether no bucket is kept.
    pub fn is_empty(&self) -> bool {
        self.full_ns.is_empty()
    }

    /// Forgets buckets that are full, which loses nothing, and at least an eighth of all, so that its cost is spread over as many calls.
    fn evict(&mut self, now_ns: u64) {
        self.full_ns.retain(|_, full_ns| *full_ns > now_ns);
        let keep = MAX_ENTRIES - MAX_ENTRIES / 8;
        if self.full_ns.len() <= keep {
            return;
        }
        let mut moments: Vec<u64> = self.full_ns.values().copied().collect();
        let excess = moments.len() - keep;
        let (_, last_out, _) = moments.select_nth_unstable(excess - 1);
        let last_out = *last_out;
        self.full_ns.retain(|_, full_ns| *full_ns > last_out);
    }
}

/// The limits of API.md §1.6 by name. Routes without one share nothing and have [`Bucket::Default`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// 20 in 5 s per route.
    Default,
    /// No limit of its own.
    Unlimited,
    /// Posting messages: 5 in 5 s per channel.
    MessageCreate,
    /// Editing messages: 5 in 5 s per channel.
    MessageEdit,
    /// Deleting messages: 5 in 1 s per channel.
    MessageDelete,
    /// Deleting messages in bulk: 1 in 1 s per channel.
    BulkDelete,
    /// Adding and removing reactions: 4 in 1 s per channel.
    Reaction,
    /// Typing: 5 in 5 s per channel.
    Typing,
    /// Changing a channel's name or topic: 2 in 10 min per channel. An action takes it, since only those fields count.
    ChannelRename,
    /// Nicknames: 5 in 10 s per guild.
    Nickname,
    /// Editing roles: 10 in 10 s per guild.
    RoleEdit,
    /// Editing members: 10 in 10 s per guild.
    MemberEdit,
    /// Creating guilds: 10 in an hour.
    GuildCreate,
    /// Creating channels: 250 a day per guild.
    ChannelCreate,
    /// Creating invites: 5 in 10 s per channel.
    InviteCreate,
    /// Looking up invites: 30 a minute per address.
    InviteLookup,
    /// Opening DMs: 10 in 10 min. An action takes it, since only new people count.
    DmOpen,
    /// Asking people by name to be friends: 10 a minute, so that names are not probed.
    FriendRequest,
    /// Executing a webhook: 5 in 2 s per webhook, whoever calls.
    WebhookExecute,
    /// Asking for a slot and sending its bytes: 20 in 10 s per slot, whoever calls, so that files of many people behind one address do
    /// not wait for each other.
    Upload,
    /// Search: 5 in 5 s.
    Search,
    /// Logging in, failures only: 5 a minute per address.
    Login,
    /// Registering and asking for password resets: 5 a minute per address.
    Register,
    /// All requests of a caller together.
    Global,
}

/// Who shares a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Each account has its own, or each address where nobody is logged in.
    PerCaller,
    /// Each address has its own.
    PerAddress,
    /// All callers share it.
    Shared,
}

impl Bucket {
    /// The default quota.
    pub const fn quota(self) -> Quota {
        const fn of(count: u32, secs: u64) -> Quota {
            Quota::new(count, Duration::from_secs(secs))
        }
        match self {
            Self::Default => of(20, 5),
            Self::Unlimited => of(u32::MAX, 1 << 32),
            Self::MessageCreate | Self::MessageEdit | Self::Typing | Self::Search => of(5, 5),
            Self::MessageDelete => of(5, 1),
            Self::BulkDelete => of(1, 1),
            Self::Reaction => of(4, 1),
            Self::ChannelRename => of(2, 600),
            Self::Nickname | Self::InviteCreate => of(5, 10),
            Self::RoleEdit | Self::MemberEdit => of(10, 10),
            Self::GuildCreate => of(10, 3_600),
            Self::ChannelCreate => of(250, 86_400),
            Self::InviteLookup => of(30, 60),
            Self::DmOpen => of(10, 600),
            Self::FriendRequest => of(10, 60),
            Self::WebhookExecute => of(5, 2),
            Self::Upload => of(20, 10),
            Self::Login | Self::Register => of(5, 60),
            Self::Global => of(50, 1),
        }
    }

    /// Who shares it.
    pub const fn counted(self) -> Counted {
        match self {
            Self::InviteLookup | Self::Login | Self::Register => Counted::PerAddress,
            Self::WebhookExecute | Self::ChannelCreate | Self::Upload => Counted::Shared,
            _ => Counted::PerCaller,
        }
    }

    /// Whether only what fails counts (SAFETY.md §1).
    pub const fn counts_failures_only(self) -> bool {
        matches!(self, Self::Login)
    }

    /// The number for [`Key::limit`]; routes of the default bucket take theirs from [`FIRST_ROUTE`] on.
    pub const fn number(self) -> u32 {
        self as u32
    }
}

/// The first [`Key::limit`] of routes that have a bucket to themselves.
pub const FIRST_ROUTE: u32 = 1_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(caller: u64) -> Key {
        Key { limit: 1, caller: Caller::Address(caller), major: 0 }
    }

    #[test]
    fn a_full_bucket_lets_its_count_through_and_then_one_per_interval() {
        let quota = Quota::new(5, Duration::from_secs(5));
        let mut limiter = Limiter::default();
        let mut take = |ms| limiter.take(key(1), quota, Duration::from_millis(ms));
        for left in (0..5).rev() {
            let decision = take(0);
            assert_eq!((decision.retry_after, decision.remaining, decision.limit), (None, left, 5));
        }
        let refused = take(200);
        assert_eq!(refused.retry_after, Some(Duration::from_millis(800)));
        assert_eq!((refused.remaining, refused.reset_after), (0, Duration::from_millis(4_800)));
        assert_eq!(take(999).retry_after, Some(Duration::from_millis(1)));
        assert_eq!(take(1_000).retry_after, None);
        assert!(take(1_000).retry_after.is_some());
        assert_eq!(take(60_000).remaining, 4);
    }

    #[test]
    fn a_refund_makes_room() {
        let quota = Quota::new(1, Duration::from_secs(60));
        let mut limiter = Limiter::default();
        assert!(limiter.take(key(1), quota, Duration::ZERO).retry_after.is_none());
        limiter.refund(key(1), quota);
        assert!(limiter.check(key(1), quota, Duration::ZERO).retry_after.is_none());
        assert!(limiter.take(key(1), quota, Duration::ZERO).retry_after.is_none());
        assert!(limiter.take(key(1), quota, Duration::ZERO).retry_after.is_some());
    }

    #[test]
    fn a_million_keys_stay_within_the_cap_and_the_most_indebted_are_kept() {
        let quota = Quota::new(2, Duration::from_secs(3_600));
        let mut limiter = Limiter::default();
        let flooder = Key { limit: 2, caller: Caller::Account(7), major: 0 };
        let long = Quota::new(1, Duration::from_secs(86_400));
        assert!(limiter.take(flooder, long, Duration::ZERO).retry_after.is_none());
        for address in 0..1_000_000 {
            limiter.take(key(address), quota, Duration::from_nanos(address));
            assert!(limiter.len() <= MAX_ENTRIES);
        }
        assert!(limiter.take(flooder, long, Duration::from_secs(1)).retry_after.is_some());
    }

    proptest! {
        /// In no window is more let through than a full bucket and what trickles in meanwhile; who waits as told is let through;
        /// and the numbers told agree with what happens.
        #[test]
        fn never_more_than_allowed(
            count in 1_u32..20,
            per_ms in 50_u64..5_000,
            gaps_ms in prop::collection::vec(0_u64..400, 1..200),
        ) {
            let quota = Quota::new(count, Duration::from_millis(per_ms));
            let interval_ns = per_ms * 1_000_000 / u64::from(count);
            let mut limiter = Limiter::default();
            let (mut now_ns, mut passed_ns) = (0_u64, Vec::new());
            for gap_ms in gaps_ms {
                now_ns += gap_ms * 1_000_000;
                let now = Duration::from_nanos(now_ns);
                let decision = limiter.take(key(1), quota, now);
                let again = limiter.check(key(1), quota, now);
                prop_assert_eq!(again.retry_after.is_none(), decision.remaining > 0);
                prop_assert!(decision.remaining < count && decision.reset_after <= Duration::from_millis(per_ms));
                match decision.retry_after {
                    None => passed_ns.push(now_ns),
                    Some(wait) => {
                        prop_assert!(limiter.check(key(1), quota, now + wait).retry_after.is_none());
                        prop_assert!(
                            limiter.check(key(1), quota, now + wait - Duration::from_nanos(1)).retry_after.is_some()
                        );
                    }
                }
            }
            for (first, start) in passed_ns.iter().enumerate() {
                for (last, end) in passed_ns.iter().enumerate().skip(first) {
                    let most = u64::from(count) + (end - start) / interval_ns;
                    prop_assert!((last - first + 1) as u64 <= most);
                }
            }
        }
    }
}
