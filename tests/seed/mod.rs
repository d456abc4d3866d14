//! Fills a data directory through the store: a guild with as many members, channels and messages as a test or bench wants, none of
//! them with a password, and some of them logged in. The same plan always makes the same ids and texts.

#![allow(dead_code, reason = "each test and bench uses its own part")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hearth::auth::keys::Keys;
use hearth::auth::tokens::{Purpose, Tokens};
use hearth::model::{
    AuthSessionId, ChannelId, ChannelKind, GuildId, Id, MessageId, Permissions, RoleId, UserId,
};
use hearth::store::*;

/// The first millisecond of the seeded history, in Unix time: everything seeded is older than what a server adds.
const BEGAN_MS: u64 = 1_700_000_000_000;
/// The time from one message to the next.
const STEP_MS: u64 = 20;
/// Rows of one job, as SAFETY.md §5.2 bounds them.
const JOB_ROWS: u64 = 1_000;
/// Jobs on their way at once: large commits, since nobody waits for one of them.
const JOBS_AT_ONCE: usize = 128;
/// Rows that go with one member.
const ROWS_PER_MEMBER: u64 = 5;
/// Members who write; the others read.
const MOST_AUTHORS: u64 = 2_000;
/// How long a seeded login lasts.
const LOGIN_LIFE: Duration = Duration::from_secs(300 * 24 * 3_600);
/// Cache while seeding, bytes.
const CACHE_BYTES: usize = 512 << 20;

/// How much there is of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Members of the guild, its owner first.
    pub members: u64,
    /// Text channels, the first of them the system channel.
    pub channels: u64,
    /// Messages over all channels, the later channels quieter.
    pub messages: u64,
    /// Members who are logged in, from the owner on.
    pub logins: u64,
}

impl Plan {
    /// A few people in a small guild.
    pub const SMALL: Self = Self { members: 20, channels: 5, messages: 1_000, logins: 20 };
}

/// What a seeded directory holds.
#[derive(Clone, Debug)]
pub struct Seeded {
    /// The guild.
    pub guild: GuildId,
    /// Its channels.
    pub channels: Vec<ChannelId>,
    /// Its members who are logged in, the owner first: account and session token.
    pub people: Vec<(UserId, String)>,
}

fn id<T>(ms: u64, n: u64) -> Id<T> {
    Id::new(Id::<T>::from_ms(BEGAN_MS + ms).get() + n)
}
fn guild() -> GuildId {
    id(0, 1)
}
fn channel(n: u64) -> ChannelId {
    id(1, n)
}
fn member(n: u64) -> UserId {
    id(10 + n / 1_000, n % 1_000)
}
fn session(n: u64) -> AuthSessionId {
    id(1_000_000 + n / 1_000, n % 1_000)
}
fn message(n: u64) -> MessageId {
    id(2_000_000 + n * STEP_MS, 0)
}
/// A role that every third member has.
fn role() -> RoleId {
    id(0, 2)
}

/// Fills a directory that has no store yet.
pub async fn fill(directory: &Path, plan: Plan) -> Seeded {
    let options = Options { cache_bytes: CACHE_BYTES, ..Options::default() };
    let store = Store::open(directory, options).unwrap().start(|_| ()).unwrap();
    write(&store, move |tx| write_guild(tx, plan)).await;
    in_jobs(&store, plan.members, JOB_ROWS / ROWS_PER_MEMBER, move |tx, n| write_member(tx, plan, n)).await;
    in_jobs(&store, plan.messages, JOB_ROWS, move |tx, n| write_message(tx, plan, n)).await;
    write(&store, move |tx| {
        for n in 0..plan.channels {
            let newest = tx.list::<Messages>(&channel(n), None, Order::Descending, 1)?;
            let state = ChannelStateRow {
                last_message: newest.first().map(|((_, id), _)| *id),
                ..Default::default()
            };
            tx.put::<ChannelStates>(&tx.internal(), &channel(n), &state)?;
        }
        Ok(())
    })
    .await;
    tokio::task::spawn_blocking(move || store.close()).await.unwrap().unwrap();
    seeded(directory, plan)
}

/// What [`fill`] made of a plan before, with fresh tokens.
pub fn seeded(directory: &Path, plan: Plan) -> Seeded {
    let tokens = Tokens::new(Keys::open(directory).unwrap().session);
    let people = (0..plan.logins.min(plan.members))
        .map(|n| (member(n), tokens.issue(Purpose::Session, member(n), session(n), unix_ms())))
        .collect();
    Seeded { guild: guild(), channels: (0..plan.channels).map(channel).collect(), people }
}

/// An id greater than all that are seeded, and smaller than all that come later.
pub fn end_of_history(plan: Plan) -> MessageId {
    message(plan.messages)
}

type Written = Result<(), StoreError>;

async fn write(store: &Store, work: impl Fn(&mut Tx<'_>) -> Written + Send + 'static) {
    store.write(move |tx| work(tx)).await.unwrap();
}

/// Writes `count` things, `at_once` of them in a job.
async fn in_jobs(
    store: &Store,
    count: u64,
    at_once: u64,
    each: impl Fn(&mut Tx<'_>, u64) -> Written + Send + Sync + 'static,
) {
    let each = Arc::new(each);
    let mut jobs = tokio::task::JoinSet::new();
    for from in (0..count).step_by(at_once as usize) {
        if jobs.len() >= JOBS_AT_ONCE {
            jobs.join_next().await.unwrap().unwrap();
        }
        let (store, each) = (store.clone(), each.clone());
        let until = (from + at_once).min(count);
        jobs.spawn(async move { write(&store, move |tx| (from..until).try_for_each(|n| each(tx, n))).await });
    }
    while let Some(job) = jobs.join_next().await {
        job.unwrap();
    }
}

fn write_guild(tx: &mut Tx<'_>, plan: Plan) -> Written {
    // Nobody's right is asked: this is the world before the first request.
    let by = tx.internal();
    let row = GuildRow {
        name: "Seeded".to_owned(),
        owner: member(0),
        system_channel: Some(channel(0)),
        preferred_locale: "en-US".to_owned(),
        afk_timeout_s: 300,
        ..GuildRow::default()
    };
    tx.put::<Guilds>(&by, &guild(), &row)?;
    tx.put::<MemberCounts>(&by, &guild(), &CountRow { count: plan.members })?;
    tx.put::<Meta>(&by, &"owner".to_owned(), &MetaRow::Number(member(0).get()))?;
    let everyone = RoleRow {
        name: "@everyone".to_owned(),
        permissions: Permissions::DEFAULT_EVERYONE,
        ..RoleRow::default()
    };
    tx.put::<Roles>(&by, &(guild(), guild().cast()), &everyone)?;
    let regular = RoleRow {
        name: "regular".to_owned(),
        position: 1,
        permissions: Permissions::NONE,
        ..RoleRow::default()
    };
    tx.put::<Roles>(&by, &(guild(), role()), &regular)?;
    for n in 0..plan.channels {
        let row = ChannelRow {
            kind: ChannelKind::Text,
            guild: Some(guild()),
            name: Some(format!("channel-{n}")),
            position: n as u32,
            topic: Some("What was said here was said by nobody.".to_owned()),
            ..ChannelRow::default()
        };
        tx.put::<Channels>(&by, &channel(n), &row)?;
        tx.put::<GuildChannels>(&by, &(guild(), channel(n)), &())?;
    }
    Ok(())
}

fn write_member(tx: &mut Tx<'_>, plan: Plan, n: u64) -> Written {
    let (by, user, now_ms) = (tx.internal(), member(n), tx.now_ms());
    let name = format!("seed{n:06}");
    let row =
        UserRow { username: name.clone(), global_name: Some(format!("Seed {n}")), ..UserRow::default() };
    tx.put::<Users>(&by, &user, &row)?;
    tx.put::<Accounts>(&by, &user, &AccountRow { admin: n == 0, ..AccountRow::default() })?;
    tx.put::<Usernames>(&by, &name, &UserIdRow { id: user })?;
    let roles = if n.is_multiple_of(3) { vec![role()] } else { Vec::new() };
    let row = MemberRow { roles, joined_ms: BEGAN_MS + n, ..MemberRow::default() };
    tx.put::<Members>(&by, &(guild(), user), &row)?;
    tx.put::<UserGuilds>(&by, &(user, guild()), &())?;
    if n < plan.logins {
        let expires_ms = now_ms + LOGIN_LIFE.as_millis() as u64;
        let row =
            AuthSessionRow { created_ms: now_ms, used_ms: now_ms, expires_ms, ..AuthSessionRow::default() };
        tx.put::<AuthSessions>(&by, &(user, session(n)), &row)?;
    }
    Ok(())
}

fn write_message(tx: &mut Tx<'_>, plan: Plan, n: u64) -> Written {
    let mut random = Random::new(n);
    // The smaller of two draws: the first channel gets about twice its share, the last one hardly any.
    let room = random.below(plan.channels).min(random.below(plan.channels));
    let author = member(random.below(plan.members.min(MOST_AUTHORS)));
    let row = MessageRow { author, body: Body::Plain(random.text()), ..MessageRow::default() };
    tx.put::<Messages>(&tx.internal(), &(channel(room), message(n)), &row)
}

/// Numbers that look random and come again with the same seed (splitmix64).
pub struct Random(u64);

impl Random {
    /// Numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// What somebody writes: mostly a sentence, now and then a page.
    pub fn text(&mut self) -> String {
        let words = match self.below(100) {
            0..60 => 3 + self.below(12),
            60..95 => 10 + self.below(40),
            _ => 60 + self.below(200),
        };
        let mut text = String::new();
        for n in 0..words {
            if n > 0 {
                text.push(' ');
            }
            text.push_str(WORDS[self.below(WORDS.len() as u64) as usize]);
        }
        text
    }
}

const WORDS: &[&str] = &[
    "the", "a", "we", "lantern", "build", "of", "and", "river", "said", "over", "please", "quiet",
    "tomorrow", "is", "not", "it", "server", "where", "kettle", "again", "in", "on", "to", "bridge",
    "nobody", "yes", "maybe", "window", "that", "this", "winter", "song", "for", "with", "harbour", "under",
    "look", "ok", "how", "when", "thanks", "ember", "table", "later", "good", "morning",
];
