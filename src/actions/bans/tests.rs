//! Bans as stories: told before the removal, for strangers too, in bulk.

use serde_json::json;

use super::*;
use crate::actions::fixture::{World, body, code};

#[tokio::test]
async fn a_ban_is_told_before_the_removal_and_keeps_the_door_shut() {
    let world = World::new();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let guild = world.guild(alice).await;
    world.join(guild, bob).await;
    world.told();
    let reason = Reason::parse("spam").unwrap();
    create(&world.app, alice, guild, bob.user, body(json!({})), reason).await.unwrap();
    assert_eq!(world.told(), ["holders GUILD_BAN_ADD", "user GUILD_DELETE", "guild GUILD_MEMBER_REMOVE"]);
    create(&world.app, alice, guild, bob.user, body(json!({})), None).await.unwrap();
    assert!(world.told().is_empty());
    assert_eq!(code(world.try_join(guild, bob).await), 40_007);
    assert_eq!(get(&world.app, alice, guild, bob.user).unwrap().reason.as_deref(), Some("spam"));
    remove(&world.app, alice, guild, bob.user, None).await.unwrap();
    assert_eq!(world.told(), ["holders GUILD_BAN_REMOVE"]);
    assert_eq!(code(remove(&world.app, alice, guild, bob.user, None).await), 10_026);
    assert_eq!(code(get(&world.app, alice, guild, bob.user)), 10_026);
    world.join(guild, bob).await;
    let acts: Vec<_> = world.audit(guild).iter().map(|entry| entry.action).collect();
    assert_eq!(acts, [22, 23]);
}

#[tokio::test]
async fn strangers_can_be_banned_and_unknown_accounts_cannot() {
    let world = World::new();
    let (alice, eve) = (world.person("alice").await, world.person("eve").await);
    let guild = world.guild(alice).await;
    world.told();
    let form = json!({ "delete_message_days": 7, "reason": "known elsewhere" });
    create(&world.app, alice, guild, eve.user, body(form), None).await.unwrap();
    assert_eq!(world.told(), ["holders GUILD_BAN_ADD"]);
    assert_eq!(get(&world.app, alice, guild, eve.user).unwrap().reason.as_deref(), Some("known elsewhere"));
    assert_eq!(code(create(&world.app, alice, guild, UserId::new(5), body(json!({})), None).await), 10_013);
    let long = json!({ "delete_message_seconds": 604_801 });
    assert_eq!(code(create(&world.app, alice, guild, eve.user, body(long), None).await), 50_035);
    assert_eq!(code(create(&world.app, alice, guild, alice.user, body(json!({})), None).await), 50_013);
}

#[tokio::test]
async fn bans_come_in_pages_ascending_both_ways() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    let mut banned = Vec::new();
    for name in ["a", "b", "c"] {
        let who = world.person(name).await.user;
        create(&world.app, alice, guild, who, body(json!({})), None).await.unwrap();
        banned.push(who);
    }
    let page = |query| {
        let bans = list(&world.app, alice, guild, body(query)).unwrap();
        bans.iter().map(|ban| ban.user.id).collect::<Vec<_>>()
    };
    assert_eq!(page(json!({})), banned);
    assert_eq!(page(json!({ "after": banned[0], "limit": 1 })), banned[1..2]);
    assert_eq!(page(json!({ "before": banned[2], "limit": 1 })), banned[1..2]);
    assert_eq!(page(json!({ "before": banned[1], "after": banned[1] })), banned[..1]);
}

#[tokio::test]
async fn a_bulk_ban_says_who_it_could_not_ban() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    let rights = Permissions::BAN_MEMBERS | Permissions::MANAGE_GUILD;
    let (mods, _) = world.member(alice, guild, "mods", rights).await;
    let (bob, eve) = (world.person("bob").await, world.person("eve").await);
    world.join(guild, bob).await;
    let form = json!({ "user_ids": [bob.user, eve.user, alice.user, mods.user, "5"] });
    let done = create_bulk(&world.app, mods, guild, body(form), None).await.unwrap();
    assert_eq!(done.banned_users, [bob.user, eve.user]);
    assert_eq!(done.failed_users, [UserId::new(5), alice.user, mods.user]);
    let again = json!({ "user_ids": [bob.user] });
    assert_eq!(code(create_bulk(&world.app, mods, guild, body(again.clone()), None).await), 500_000);
    let (only_bans, _) = world.member(alice, guild, "half", Permissions::BAN_MEMBERS).await;
    assert_eq!(code(create_bulk(&world.app, only_bans, guild, body(again), None).await), 50_013);
}
