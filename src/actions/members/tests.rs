//! Members as stories: joining at its limits, fields and their rights, roles given and taken, pruning.

use serde_json::json;

use super::*;
use crate::actions::fixture::{World, body, code};
use crate::actions::{Actor, bans};
use crate::model::{Permissions, Timestamp};
use crate::store::{AuthSessionRow, AuthSessions, RoleRow};

const DAY_MS: u64 = 86_400_000;

async fn patch(
    world: &World,
    actor: Actor,
    guild: GuildId,
    target: Actor,
    form: serde_json::Value,
) -> Result<crate::model::Member, ActionError> {
    edit(&world.app, actor, guild, target.user, body(form), None).await
}

#[tokio::test]
async fn who_joins_is_told_after_the_members_and_counted_once() {
    let world = World::new();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let guild = world.guild(alice).await;
    world.told();
    world.join(guild, bob).await;
    assert_eq!(world.told(), ["guild GUILD_MEMBER_ADD", "user GUILD_CREATE", "channel MESSAGE_CREATE"]);
    world.join(guild, bob).await;
    assert!(world.told().is_empty());
    assert_eq!(world.app.store.read(|view| show::member_count(view, guild)).unwrap(), 2);
}

#[tokio::test]
async fn the_banned_and_those_beyond_a_limit_do_not_get_in() {
    let world = World::new();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let guild = world.guild(alice).await;
    let tight = |guilds_per_user, members_per_guild| {
        let limits = Limits { guilds_per_user, members_per_guild };
        world.app.store.write(move |tx| join(tx, &tx.internal(), limits, guild, bob.user, &[]))
    };
    assert_eq!(code(tight(0, 9).await), 30_001);
    assert_eq!(code(tight(9, 1).await), 30_019);
    bans::create(&world.app, alice, guild, bob.user, body(json!({})), None).await.unwrap();
    assert_eq!(code(tight(9, 9).await), 40_007);
    assert_eq!(code(world.try_join(GuildId::new(5), bob).await), 10_004);
}

#[tokio::test]
async fn roles_of_an_invite_that_are_gone_are_left_out() {
    let world = World::new();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let guild = world.guild(alice).await;
    let crew = world.role(alice, guild, "Crew", Permissions::NONE).await;
    let limits = Limits::of(&world.app.config);
    let roles = [crew, RoleId::new(5), guild.cast(), crew];
    world.app.store.write(move |tx| join(tx, &tx.internal(), limits, guild, bob.user, &roles)).await.unwrap();
    assert_eq!(world.member_row(guild, bob.user).unwrap().roles, [crew]);
}

#[tokio::test]
async fn only_bots_with_the_intent_list_members_and_by_default_one() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    let (plain, lister) = (world.bot("plain", 0).await, world.bot("lister", 1 << 15).await);
    world.join(guild, plain).await;
    world.join(guild, lister).await;
    let page = |actor, query| list(&world.app, actor, guild, body(query));
    assert_eq!(code(page(alice, json!({}))), 20_002);
    assert_eq!(code(page(plain, json!({}))), 50_001);
    assert_eq!(page(lister, json!({})).unwrap().len(), 1);
    let after = page(lister, json!({ "limit": 1000, "after": alice.user })).unwrap();
    let found: Vec<_> = after.iter().filter_map(|member| Some(member.user.as_ref()?.id)).collect();
    assert_eq!(found, [plain.user, lister.user]);
    assert_eq!(code(page(lister, json!({ "limit": 1001 }))), 50_035);
}

#[tokio::test]
async fn names_are_found_by_their_beginning() {
    let world = World::new();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let guild = world.guild(alice).await;
    world.join(guild, bob).await;
    patch(&world, alice, guild, bob, json!({ "nick": "Alfred" })).await.unwrap();
    let find = |query| search(&world.app, bob, guild, body(query));
    assert_eq!(find(json!({ "query": "AL" })).await.unwrap().len(), 1);
    assert_eq!(find(json!({ "query": "AL", "limit": 10 })).await.unwrap().len(), 2);
    assert!(find(json!({ "query": "lice" })).await.unwrap().is_empty());
    assert_eq!(code(get(&world.app, bob, guild, UserId::new(5))), 10_007);
}

#[tokio::test]
async fn every_field_asks_for_its_own_right() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    let (bob, _) = world.member(alice, guild, "bob", Permissions::NONE).await;
    let (mods, _) = world.member(alice, guild, "mods", Permissions::MANAGE_NICKNAMES).await;
    assert_eq!(code(patch(&world, mods, guild, bob, json!({ "nick": "Bobby" })).await), 0);
    assert_eq!(code(patch(&world, mods, guild, bob, json!({ "nick": "B", "roles": [] })).await), 50_013);
    assert_eq!(world.member_row(guild, bob.user).unwrap().nick.as_deref(), Some("Bobby"));
    assert_eq!(code(patch(&world, mods, guild, alice, json!({ "nick": "A" })).await), 50_013);
    assert_eq!(code(patch(&world, mods, guild, bob, json!({ "flags": 4 })).await), 50_013);
    assert_eq!(code(patch(&world, mods, guild, bob, json!({ "mute": true })).await), 50_013);
    assert_eq!(code(patch(&world, alice, guild, bob, json!({ "mute": true })).await), 40_032);
    assert_eq!(code(patch(&world, alice, guild, bob, json!({ "channel_id": null })).await), 40_032);
    // Whoever could change nothing hears of that before their body's faults.
    assert_eq!(code(patch(&world, bob, guild, mods, json!({ "nick": "x".repeat(33) })).await), 50_013);
    assert_eq!(code(patch(&world, mods, guild, bob, json!({ "nick": "x".repeat(33) })).await), 50_035);
    let flags = patch(&world, alice, guild, bob, json!({ "flags": 0xFF })).await.unwrap().flags;
    assert_eq!(flags, 1 << 2);
    world.told();
    patch(&world, mods, guild, bob, json!({ "nick": "Bobby" })).await.unwrap();
    assert!(world.told().is_empty());
}

#[tokio::test]
async fn one_names_oneself_and_clears_it_again() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    let bob = world.person("bob").await;
    world.join(guild, bob).await;
    let own = |form| edit_own(&world.app, bob, guild, body(form), None);
    assert_eq!(own(json!({ "nick": "Bobby", "bio": "hi" })).await.unwrap().nick.as_deref(), Some("Bobby"));
    assert_eq!(own(json!({ "nick": "" })).await.unwrap().nick, None);
    let everyone = json!({ "permissions": Permissions::VIEW_CHANNEL });
    roles::edit(&world.app, alice, guild, guild.cast(), body(everyone), None).await.unwrap();
    assert_eq!(code(own(json!({ "nick": "Bobby" })).await), 50_013);
    assert_eq!(code(own(json!({ "bio": "still" })).await), 0);
}

#[tokio::test]
async fn a_time_out_lasts_28_days_at_most_and_spares_administrators() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    let (bob, _) = world.member(alice, guild, "bob", Permissions::MANAGE_MESSAGES).await;
    let (admin, _) = world.member(alice, guild, "admin", Permissions::ADMINISTRATOR).await;
    let in_days = |days: u64| {
        let until = crate::store::unix_ms() + days * DAY_MS;
        json!({ "communication_disabled_until": Timestamp(until).to_string() })
    };
    assert_eq!(code(patch(&world, alice, guild, bob, in_days(29)).await), 50_035);
    assert_eq!(code(patch(&world, alice, guild, admin, in_days(1)).await), 50_013);
    let general = world.channel(alice, guild, crate::model::ChannelKind::Text).id;
    patch(&world, admin, guild, bob, in_days(28)).await.unwrap();
    assert_eq!(world.held(bob, general), Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY);
    patch(&world, admin, guild, bob, json!({ "communication_disabled_until": null })).await.unwrap();
    assert!(world.held(bob, general).contains(Permissions::SEND_MESSAGES));
}

#[tokio::test]
async fn a_list_of_roles_counts_by_what_it_changes() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    let low = world.role(alice, guild, "Low", Permissions::NONE).await;
    let (mods, _) = world.member(alice, guild, "mods", Permissions::MANAGE_ROLES).await;
    let (bob, high) = world.member(alice, guild, "bob", Permissions::NONE).await;
    let managed = RoleRow { name: "bot".into(), managed: true, position: 1, ..RoleRow::default() };
    let managed = world.write(move |tx| roles::insert(tx, &tx.internal(), guild, &managed)).await;
    let roles = |list: &[RoleId]| json!({ "roles": list });
    // The role above the moderator stays, the one below comes.
    assert_eq!(code(patch(&world, mods, guild, bob, roles(&[high, low])).await), 0);
    assert_eq!(code(patch(&world, mods, guild, bob, roles(&[low])).await), 50_013);
    assert_eq!(code(patch(&world, mods, guild, bob, roles(&[high, managed])).await), 50_013);
    assert_eq!(code(patch(&world, mods, guild, bob, roles(&[high, guild.cast()])).await), 50_028);
    assert_eq!(code(patch(&world, mods, guild, bob, roles(&[high, RoleId::new(5)])).await), 10_011);
    assert_eq!(code(patch(&world, mods, guild, bob, roles(&[high])).await), 0);
    let audit = world.audit(guild);
    let changes = |at: usize| audit[at].changes.clone().unwrap();
    assert_eq!(audit[audit.len() - 1].action, 25);
    assert!(changes(audit.len() - 2).contains("$add") && changes(audit.len() - 1).contains("$remove"));
    assert!(changes(audit.len() - 1).contains(&format!(r#""id":"{low}""#)));
}

#[tokio::test]
async fn nobody_raises_themselves_but_may_lay_down_a_lower_role() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    let banning = world.role(alice, guild, "Banning", Permissions::BAN_MEMBERS).await;
    let plain = world.role(alice, guild, "Plain", Permissions::SEND_MESSAGES).await;
    let (mods, own) = world.member(alice, guild, "mods", Permissions::MANAGE_ROLES).await;
    let give = |role| roles::assign(&world.app, mods, guild, mods.user, role, None);
    assert_eq!(code(give(banning).await), 50_013);
    assert_eq!(code(give(plain).await), 0);
    let take = |role| roles::unassign(&world.app, mods, guild, mods.user, role, None);
    assert_eq!(code(take(plain).await), 0);
    assert_eq!(code(take(own).await), 50_013);
}

#[tokio::test]
async fn a_prune_takes_people_long_away_without_roles() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    let (_, _) = world.member(alice, guild, "crew", Permissions::NONE).await;
    let bot = world.bot("bot", 0).await;
    let mut away = Vec::new();
    for name in ["gone", "back", "new"] {
        let who = world.person(name).await;
        world.join(guild, who).await;
        away.push(who);
    }
    world.join(guild, bot).await;
    let (gone, back, new) = (away[0].user, away[1].user, away[2].user);
    world
        .write(move |tx| {
            let now_ms = tx.now_ms();
            for user in [gone, back, bot.user] {
                let mut row = tx.get::<Members>(&(guild, user))?.unwrap();
                row.joined_ms = now_ms - 90 * DAY_MS;
                tx.put::<Members>(&tx.internal(), &(guild, user), &row)?;
            }
            let seen = AuthSessionRow { used_ms: now_ms - DAY_MS, ..AuthSessionRow::default() };
            let session = tx.next_id();
            tx.put::<AuthSessions>(&tx.internal(), &(back, session), &seen)
        })
        .await;
    let count = |days: u64| prune_count(&world.app, alice, guild, body(json!({ "days": days })));
    assert_eq!(count(30).await.unwrap().pruned, Some(1));
    world.told();
    let pruned = prune(&world.app, alice, guild, body(json!({ "days": 30 })), None).await.unwrap();
    assert_eq!(pruned.pruned, Some(1));
    assert_eq!(world.told(), ["user GUILD_DELETE", "guild GUILD_MEMBER_REMOVE"]);
    assert!(world.member_row(guild, gone).is_none() && world.member_row(guild, new).is_some());
    let entry = world.audit(guild).pop().unwrap();
    assert_eq!(entry.options.unwrap(), r#"{"delete_member_days":"30","members_removed":"1"}"#);
    assert_eq!(code(prune_count(&world.app, away[1], guild, body(json!({}))).await), 50_013);
}
