//! Guilds as stories: made, seen, changed, handed over, left, deleted.

use serde_json::json;

use super::*;
use crate::actions::fixture::{World, body, code};
use crate::actions::{channels, integrations, roles};
use crate::model::{ChannelKind, Permissions};
use crate::store::{
    AccountRow, Accounts, Channels, DoomedChannels, DoomedGuilds, GuildChannels, MemberCounts, Members,
    Roles, UserGuilds,
};

const PASSWORD: &str = "correct horse";

async fn set_password(world: &World, who: crate::actions::Actor) {
    let hash =
        world.app.passwords.hash(crate::auth::passwords::Password::offer(PASSWORD.to_owned())).await.unwrap();
    let row = AccountRow { password: Some(hash.as_stored().to_owned()), ..AccountRow::default() };
    world.write(move |tx| tx.put::<Accounts>(&tx.internal(), &who.user, &row)).await;
}

#[tokio::test]
async fn a_new_guild_has_a_place_to_write_and_one_to_talk() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    assert_eq!(world.told(), ["user GUILD_CREATE"]);
    let channels = channels::list(&world.app, alice, guild).unwrap();
    let kinds: Vec<_> = channels.iter().map(|channel| channel.kind).collect();
    assert_eq!(kinds, [ChannelKind::Category, ChannelKind::Text, ChannelKind::Voice]);
    assert_eq!(channels[1].parent_id, Some(Some(channels[0].id)));
    let shown = get(&world.app, alice, guild, Look { with_counts: true }).unwrap();
    assert_eq!(shown.system_channel_id, Some(channels[1].id));
    assert_eq!(shown.approximate_member_count, Some(1));
    assert_eq!(shown.roles[0].permissions, Permissions::DEFAULT_EVERYONE);
    assert_eq!(shown.roles[0].id, guild.cast());
}

#[tokio::test]
async fn placeholders_link_what_a_guild_is_made_with() {
    let world = World::new();
    let alice = world.person("alice").await;
    let form = json!({
        "name": "Club", "system_channel_id": 11,
        "roles": [{ "id": 0, "permissions": "1024" }, { "id": 7, "name": "Crew", "permissions": "8192" }],
        "channels": [
            { "id": 10, "type": 4, "name": "Top" },
            { "id": 11, "type": 0, "name": "Our Room", "parent_id": 10,
              "permission_overwrites": [{ "id": "7", "type": 0, "allow": "2048" }] },
        ],
    });
    let guild = create(&world.app, alice, body(form)).await.unwrap();
    assert_eq!(guild.roles[0].permissions, Permissions::VIEW_CHANNEL);
    let room = world.channel(alice, guild.id, ChannelKind::Text);
    assert_eq!(room.name, Some(Some("our-room".to_owned())));
    assert_eq!(guild.system_channel_id, Some(room.id));
    let overwrites = room.permission_overwrites.as_ref().unwrap();
    assert_eq!(overwrites[0].raw_target(), (guild.roles[1].id.get(), 0));
    let lost = json!({ "name": "Club", "channels": [{ "type": 0, "name": "x", "parent_id": 99 }] });
    assert_eq!(code(create(&world.app, alice, body(lost)).await), 50_035);
}

#[tokio::test]
async fn strangers_learn_nothing_of_a_guild() {
    let world = World::new();
    let (alice, eve) = (world.person("alice").await, world.person("eve").await);
    let guild = world.guild(alice).await;
    let look = Look { with_counts: false };
    assert_eq!(code(get(&world.app, eve, guild, look)), 10_004);
    assert_eq!(code(get(&world.app, eve, GuildId::new(5), look)), 10_004);
    assert_eq!(code(channels::list(&world.app, eve, guild)), 50_001);
    assert_eq!(code(crate::actions::voice::state(&world.app, eve, guild, eve.user)), 50_001);
    assert_eq!(code(crate::actions::voice::state(&world.app, alice, guild, alice.user)), 10_065);
    // The right comes before the body's faults.
    assert_eq!(code(edit(&world.app, eve, guild, body(json!({ "name": "" })), None).await), 50_001);
}

#[tokio::test]
async fn settings_change_with_one_entry_and_nothing_changes_without() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    let general = world.channel(alice, guild, ChannelKind::Text);
    world.told();
    let form = json!({ "name": "Den", "rules_channel_id": general.id, "preferred_locale": "tlh" });
    edit(&world.app, alice, guild, body(form.clone()), None).await.unwrap();
    assert_eq!(world.told(), ["guild GUILD_UPDATE"]);
    let audit = world.audit(guild);
    assert_eq!(audit.len(), 1);
    assert!(
        audit[0]
            .changes
            .as_ref()
            .unwrap()
            .contains(r#"{"key":"name","old_value":"Hearth","new_value":"Den"}"#)
    );
    edit(&world.app, alice, guild, body(form), None).await.unwrap();
    assert!(world.told().is_empty() && world.audit(guild).len() == 1);
    let voice = world.channel(alice, guild, ChannelKind::Voice);
    let wrong = json!({ "system_channel_id": voice.id });
    assert_eq!(code(edit(&world.app, alice, guild, body(wrong), None).await), 50_035);
}

#[tokio::test]
async fn manage_guild_is_not_enough_for_community_nor_for_the_ownership() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    let (bob, _) = world.member(alice, guild, "bob", Permissions::MANAGE_GUILD).await;
    let community = json!({ "features": ["COMMUNITY"] });
    assert_eq!(code(edit(&world.app, bob, guild, body(community.clone()), None).await), 50_013);
    let closed =
        edit(&world.app, bob, guild, body(json!({ "features": ["INVITES_DISABLED", "PARTNERED"] })), None);
    let closed = closed.await.unwrap();
    assert!(
        closed.features.contains(&"INVITES_DISABLED".to_owned())
            && !closed.features.contains(&"PARTNERED".to_owned())
    );
    assert_eq!(code(edit(&world.app, bob, guild, body(json!({ "owner_id": bob.user })), None).await), 50_013);
    assert_eq!(code(edit(&world.app, alice, guild, body(community), None).await), 0);
}

#[tokio::test]
async fn the_owner_hands_the_guild_to_a_person_with_the_password() {
    let world = World::new();
    let alice = world.person("alice").await;
    set_password(&world, alice).await;
    let guild = world.guild(alice).await;
    let (bob, bot) = (world.person("bob").await, world.bot("bot", 0).await);
    world.join(guild, bob).await;
    world.join(guild, bot).await;
    let to = |who: crate::actions::Actor, password: &str| {
        body(json!({ "owner_id": who.user, "password": password }))
    };
    assert_eq!(code(edit(&world.app, alice, guild, to(bob, "wrong"), None).await), 50_035);
    assert_eq!(code(edit(&world.app, alice, guild, to(bot, PASSWORD), None).await), 50_132);
    let shown = edit(&world.app, alice, guild, to(bob, PASSWORD), None).await.unwrap();
    assert_eq!(shown.owner_id, bob.user);
    assert_eq!(code(leave(&world.app, bob, guild).await), 50_055);
    leave(&world.app, alice, guild).await.unwrap();
}

#[tokio::test]
async fn leaving_tells_who_goes_first_and_then_the_rest() {
    let world = World::new();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    let guild = world.guild(alice).await;
    world.join(guild, bob).await;
    assert_eq!(
        list_own(&world.app, bob, body(json!({ "with_counts": true }))).unwrap()[0].approximate_member_count,
        Some(2)
    );
    world.told();
    leave(&world.app, bob, guild).await.unwrap();
    assert_eq!(world.told(), ["user GUILD_DELETE", "guild GUILD_MEMBER_REMOVE"]);
    assert!(list_own(&world.app, bob, body(json!({}))).unwrap().is_empty());
    assert_eq!(code(leave(&world.app, bob, guild).await), 50_001);
}

#[tokio::test]
async fn ones_own_guilds_come_in_pages_by_id() {
    let world = World::new();
    let alice = world.person("alice").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.guild(alice).await);
    }
    let page = |query| {
        let guilds = list_own(&world.app, alice, body(query)).unwrap();
        guilds.iter().map(|guild| guild.id).collect::<Vec<_>>()
    };
    assert_eq!(page(json!({})), ids);
    assert_eq!(page(json!({ "limit": 2 })), ids[..2]);
    assert_eq!(page(json!({ "after": ids[0], "limit": 1 })), ids[1..2]);
    assert_eq!(page(json!({ "before": ids[2], "limit": 1 })), ids[1..2]);
}

#[tokio::test]
async fn a_deleted_guild_is_gone_at_once_and_swept_to_the_last_row() {
    let world = World::new();
    let (alice, bob) = (world.person("alice").await, world.person("bob").await);
    set_password(&world, alice).await;
    let guild = world.guild(alice).await;
    world.join(guild, bob).await;
    world.role(alice, guild, "Crew", Permissions::NONE).await;
    let general = world.channel(alice, guild, ChannelKind::Text).id;
    assert_eq!(code(delete(&world.app, bob, guild, body(json!({ "password": "x" })), None).await), 50_013);
    assert_eq!(code(delete(&world.app, alice, guild, body(json!({})), None).await), 60_003);
    world.told();
    delete(&world.app, alice, guild, body(json!({ "password": PASSWORD })), None).await.unwrap();
    assert_eq!(world.told(), ["guild GUILD_DELETE", "gone"]);
    assert_eq!(code(channels::get(&world.app, bob, general)), 50_001);
    assert_eq!(code(roles::list(&world.app, alice, guild)), 50_001);
    assert!(list_own(&world.app, bob, body(json!({}))).unwrap().is_empty());
    while sweep(&world.app).await.unwrap() {}
    let counts = world.app.store.read(|view| -> Result<_, StoreError> {
        let left = view.list::<Members>(&guild, None, Order::Ascending, 9)?.len()
            + view.list::<Roles>(&guild, None, Order::Ascending, 9)?.len()
            + view.list::<GuildChannels>(&guild, None, Order::Ascending, 9)?.len()
            + view.list::<UserGuilds>(&bob.user, None, Order::Ascending, 9)?.len()
            + view.list::<DoomedGuilds>(&(), None, Order::Ascending, 9)?.len()
            + usize::from(view.has::<MemberCounts>(&guild)?)
            + usize::from(view.has::<Channels>(&general)?);
        Ok((left, view.list::<DoomedChannels>(&(), None, Order::Ascending, 9)?.len()))
    });
    assert_eq!(counts.unwrap(), (0, 3));
}

#[tokio::test]
async fn a_bots_integration_goes_with_the_bot_and_its_role() {
    let world = World::new();
    let alice = world.person("alice").await;
    let bot = world.bot("helper", 0).await;
    let guild = world.guild(alice).await;
    world.join(guild, bot).await;
    let role = crate::store::RoleRow {
        name: "helper".into(),
        managed: true,
        bot: Some(bot.user),
        position: 1,
        ..Default::default()
    };
    world.write(move |tx| roles::insert(tx, &tx.internal(), guild, &role).map(drop)).await;
    let listed = serde_json::to_value(integrations::list(&world.app, alice, guild).unwrap()).unwrap();
    assert_eq!(listed[0]["id"], bot.user.to_string());
    world.told();
    integrations::delete(&world.app, alice, guild, bot.user.cast(), None).await.unwrap();
    assert_eq!(
        world.told(),
        [
            "user GUILD_DELETE",
            "guild GUILD_MEMBER_REMOVE",
            "guild GUILD_ROLE_DELETE",
            "guild INTEGRATION_DELETE",
            "guild GUILD_INTEGRATIONS_UPDATE",
        ]
    );
    assert_eq!(code(integrations::delete(&world.app, alice, guild, bot.user.cast(), None).await), 10_005);
    assert_eq!(world.audit(guild)[0].action, 82);
}
