//! The member list of a guild of 50 000 members, all of them online: what it takes of the hub's memory and CPU while one session
//! looks at it, and what each change of it costs. Everything is in this process; nobody is at the other end of the sessions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hearth::hub::{
    Activated, Activation, Auth, ClientInfo, ClientKind, Connection, Hub, HubHandle, Owner,
    RING_BUDGET_BYTES, Showing,
};
use hearth::logic::intents::Intents;
use hearth::logic::session::Packet;
use hearth::logic::session::client_frame::{GuildSubscription, Rows};
use hearth::model::{
    AuthSessionId, Channel, ChannelId, ChannelKind, GuildId, GuildSnapshot, Member, Permissions, Role,
    RoleColors, Status, Timestamp, User, UserId,
};

use crate::measure::{line, micros_each, millis, own_cpu, own_resident_kib};

const MEMBERS: u64 = 50_000;
/// Members that go and come back.
const MOVERS: usize = 10_000;
const GUILD: GuildId = GuildId::new(1);
const ROOM: ChannelId = ChannelId::new(2);
/// How often a figure is looked at until it stands.
const LOOK: Duration = Duration::from_millis(20);

/// Prints what a list costs.
pub async fn run() {
    let (hub, handle) = Hub::start(RING_BUDGET_BYTES).expect("a thread can be started");
    let mut people = Vec::with_capacity(MEMBERS as usize);
    for n in 0..MEMBERS {
        people.push(enter(&handle, n).await);
    }
    online(&handle, MEMBERS as usize).await;
    let without = toggle(&handle, &people).await;
    let (before_kib, began, cpu) = (own_resident_kib(), Instant::now(), own_cpu());
    let look = GuildSubscription {
        guild_id: GUILD,
        channels: vec![(ROOM, vec![Rows { first: 0, last: 99 }])],
        members: Vec::new(),
        typing: None,
        activities: None,
        threads: None,
    };
    let missing = handle.subscribe(&people[0], [look].into(), Vec::new()).await.expect("the hub runs");
    assert!(missing.is_empty(), "nothing is read for it");
    let (took, spent) = (began.elapsed(), own_cpu() - cpu);
    let mib = (own_resident_kib() - before_kib) as f64 / 1_024.0;
    let with = toggle(&handle, &people).await;
    let what = "Member list of 50 000 online, opened by its first reader: CPU; wait";
    let figure = format!("{:.0} ms; {:.0} ms", millis(spent), millis(took));
    line(what, &figure, "", None, "≤ 150 ms");
    line("The same list: resident memory", &format!("{mib:.1} MiB"), "", None, "≤ 32 MiB");
    line(
        "Member comes or goes (floor: the same without a list): CPU",
        &format!("{with:.1} µs"),
        &format!("{without:.1} µs"),
        Some(with / without),
        "",
    );
    drop(people);
    tokio::task::spawn_blocking(|| hub.stop()).await.expect("no panic").expect("the hub ran");
}

/// Lets some members go and come back; microseconds of CPU for each change.
async fn toggle(handle: &HubHandle, people: &[Connection]) -> f64 {
    let cpu = own_cpu();
    for (status, count) in [(Status::Invisible, people.len() - MOVERS), (Status::Online, people.len())] {
        // Every third, so that rows move all over the list.
        for connection in people.iter().skip(1).step_by(3).take(MOVERS) {
            let showing = Showing { status, ..Showing::default() };
            handle.update_presence(connection, showing).await.expect("the hub runs");
        }
        online(handle, count).await;
    }
    micros_each(own_cpu() - cpu, 2 * MOVERS as u64)
}

async fn online(handle: &HubHandle, count: usize) {
    while handle.online_count(GUILD) != count {
        tokio::time::sleep(LOOK).await;
    }
}

async fn enter(handle: &HubHandle, n: u64) -> Connection {
    let user = UserId::new(1_000 + n);
    let owner = Owner {
        user,
        auth: Auth::Person(AuthSessionId::new(n)),
        intents: Intents::ALL,
        shard: None,
        capabilities: 1 << 14,
        client: ClientInfo { kind: ClientKind::Web, os: "linux".into(), version: 0 },
    };
    let connection = handle.attach(owner).await.expect("nobody has another session");
    let activation = Activation {
        commit: 1,
        ready: vec![Packet::of("READY", "{}")],
        memberships: vec![(GUILD, member(user))],
        large: vec![GUILD],
        guilds: if handle.holds(GUILD) { Vec::new() } else { vec![snapshot()] },
        peers: Vec::new(),
        showing: Showing::default(),
    };
    let activated = handle.activate(&connection, activation).await.expect("the hub runs");
    assert_eq!(activated, Activated::Live);
    connection
}

fn member(id: UserId) -> Member {
    let user = User {
        id,
        username: format!("seed{id}"),
        discriminator: "0",
        global_name: Some(format!("Seed {}", id.get() * 7_919 % 100_000)),
        avatar: None,
        banner: None,
        accent_color: None,
        bot: false,
        public_flags: 0,
        avatar_decoration_data: None,
    };
    Member {
        user: Some(user.into()),
        nick: None,
        avatar: None,
        banner: None,
        roles: Vec::new(),
        joined_at: Timestamp(0),
        premium_since: None,
        deaf: false,
        mute: false,
        flags: 0,
        pending: false,
        communication_disabled_until: None,
    }
}

fn snapshot() -> Arc<GuildSnapshot> {
    let everyone = Role {
        id: GUILD.cast(),
        name: "@everyone".to_owned(),
        color: 0,
        colors: RoleColors { primary_color: 0, secondary_color: None, tertiary_color: None },
        hoist: false,
        icon: None,
        unicode_emoji: None,
        position: 0,
        permissions: Permissions::DEFAULT_EVERYONE,
        managed: false,
        mentionable: false,
        flags: 0,
        tags: None,
    };
    let room = Channel { id: ROOM, kind: ChannelKind::Text, guild_id: Some(GUILD), ..Channel::default() };
    Arc::new(GuildSnapshot {
        id: GUILD,
        owner_id: UserId::new(1_000),
        afk: None,
        roles: vec![everyone.into()],
        channels: vec![room.into()],
        member_count: MEMBERS,
    })
}
