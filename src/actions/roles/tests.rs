//! Roles as stories: rights that can be given, order, deletion.

use serde_json::json;

use super::*;
use crate::actions::channels;
use crate::actions::fixture::{World, body, code};
use crate::model::ChannelKind;
use crate::store::RoleRow;

#[tokio::test]
async fn nobody_gives_rights_they_lack_nor_takes_them() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    let banning = world.role(alice, guild, "Banning", Permissions::BAN_MEMBERS).await;
    let held = Permissions::MANAGE_ROLES | Permissions::KICK_MEMBERS;
    let (mods, _) = world.member(alice, guild, "mods", held).await;
    let make =
        |rights: Permissions| create(&world.app, mods, guild, body(json!({ "permissions": rights })), None);
    assert_eq!(code(make(Permissions::BAN_MEMBERS).await), 50_013);
    assert_eq!(code(make(Permissions::ADMINISTRATOR).await), 50_013);
    assert_eq!(code(make(Permissions::KICK_MEMBERS).await), 0);
    let set = |rights: Permissions| {
        edit(&world.app, mods, guild, banning, body(json!({ "permissions": rights })), None)
    };
    assert_eq!(code(set(Permissions::BAN_MEMBERS | Permissions::KICK_MEMBERS).await), 0);
    assert_eq!(code(set(Permissions::KICK_MEMBERS).await), 50_013);
    let everyone = json!({ "permissions": Permissions::DEFAULT_EVERYONE | Permissions::BAN_MEMBERS });
    assert_eq!(code(edit(&world.app, mods, guild, guild.cast(), body(everyone), None).await), 50_013);
}

#[tokio::test]
async fn a_new_role_is_the_lowest_with_the_rights_of_everyone() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    world.told();
    let role = create(&world.app, alice, guild, body(json!({})), None).await.unwrap();
    assert_eq!(world.told(), ["guild GUILD_ROLE_CREATE"]);
    assert_eq!((role.name.as_str(), role.position), ("new role", 1));
    assert_eq!(role.permissions, Permissions::DEFAULT_EVERYONE);
    let colours = json!({ "colors": { "primary_color": 5, "secondary_color": 6 }, "unknown": 1 });
    let role = edit(&world.app, alice, guild, role.id, body(colours), None).await.unwrap();
    assert_eq!((role.color, role.colors.secondary_color), (5, Some(6)));
    let entry = world.audit(guild).pop().unwrap();
    assert_eq!((entry.action, entry.target), (31, Some(role.id.to_string())));
}

#[tokio::test]
async fn of_everyone_only_the_rights_change_and_it_stays() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    let form = json!({ "name": "nobody", "hoist": true, "permissions": "1024" });
    let role = edit(&world.app, alice, guild, guild.cast(), body(form), None).await.unwrap();
    assert_eq!(
        (role.name.as_str(), role.hoist, role.permissions),
        ("@everyone", false, Permissions::VIEW_CHANNEL)
    );
    assert_eq!(code(delete(&world.app, alice, guild, guild.cast(), None).await), 50_028);
    let managed = RoleRow { name: "bot".into(), managed: true, position: 1, ..RoleRow::default() };
    let managed = world.write(move |tx| insert(tx, &tx.internal(), guild, &managed)).await;
    assert_eq!(code(delete(&world.app, alice, guild, managed, None).await), 50_028);
    assert_eq!(code(edit(&world.app, alice, guild, managed, body(json!({ "color": 3 })), None).await), 0);
}

#[tokio::test]
async fn a_deleted_role_is_worth_nothing_at_once_and_tells_of_no_member() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    let (bob, role) = world.member(alice, guild, "bob", Permissions::MANAGE_CHANNELS).await;
    let general = world.channel(alice, guild, ChannelKind::Text).id;
    let form = json!({ "type": 0, "allow": Permissions::MANAGE_MESSAGES });
    channels::put_overwrite(&world.app, alice, general, role.get(), body(form), None).await.unwrap();
    assert!(world.held(bob, general).contains(Permissions::MANAGE_MESSAGES));
    world.told();
    delete(&world.app, alice, guild, role, None).await.unwrap();
    assert_eq!(world.told(), ["guild GUILD_ROLE_DELETE"]);
    assert!(
        !world.held(bob, general).intersects(Permissions::MANAGE_MESSAGES | Permissions::MANAGE_CHANNELS)
    );
    assert!(channels::get(&world.app, alice, general).unwrap().permission_overwrites.unwrap().is_empty());
    assert_eq!(world.member_row(guild, bob.user).unwrap().roles, [role], "rows are swept later");
    while sweep(&world.app).await.unwrap() {}
    assert!(world.member_row(guild, bob.user).unwrap().roles.is_empty());
    assert!(world.told().is_empty());
    assert!(
        world
            .app
            .store
            .read(|view| view.list::<DoomedRoles>(&(), None, Order::Ascending, 1))
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn the_order_above_oneself_stands() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    let low = world.role(alice, guild, "Low", Permissions::NONE).await;
    let mid = world.role(alice, guild, "Mid", Permissions::NONE).await;
    let (mods, own) = world.member(alice, guild, "mods", Permissions::MANAGE_ROLES).await;
    let top = world.role(alice, guild, "Top", Permissions::NONE).await;
    let order = || -> Vec<RoleId> {
        let all = list(&world.app, alice, guild).unwrap();
        all.iter().map(|role| role.id).collect()
    };
    let everyone = guild.cast();
    assert_eq!(order(), [everyone, low, mid, own, top]);
    let put = |moves| reorder(&world.app, mods, guild, body(moves), None);
    assert_eq!(code(put(json!([{ "id": low, "position": 9 }])).await), 50_013);
    assert_eq!(code(put(json!([{ "id": top, "position": 1 }])).await), 50_013);
    assert_eq!(code(put(json!([{ "id": low, "position": 2 }, { "id": own, "position": 9 }])).await), 50_013);
    assert_eq!(order(), [everyone, low, mid, own, top], "nothing was moved");
    // A client's whole list names the roles above too, where they stand.
    let whole: Vec<_> = [everyone, mid, low, own, top]
        .iter()
        .zip(0..)
        .map(|(id, at)| json!({ "id": id, "position": at }))
        .collect();
    world.told();
    put(serde_json::Value::Array(whole)).await.unwrap();
    assert_eq!(order(), [everyone, mid, low, own, top]);
    assert_eq!(world.told(), ["guild GUILD_ROLE_UPDATE", "guild GUILD_ROLE_UPDATE"]);
    assert_eq!(code(put(json!([{ "id": "5", "position": 1 }])).await), 10_011);
}

#[tokio::test]
async fn a_role_is_given_once_and_to_many() {
    let world = World::new();
    let alice = world.person("alice").await;
    let guild = world.guild(alice).await;
    let role = world.role(alice, guild, "Crew", Permissions::NONE).await;
    let (bob, cara) = (world.person("bob").await, world.person("cara").await);
    world.join(guild, bob).await;
    world.join(guild, cara).await;
    world.told();
    for _ in 0..2 {
        assign(&world.app, alice, guild, bob.user, role, None).await.unwrap();
    }
    assert_eq!(world.told(), ["guild GUILD_MEMBER_UPDATE"]);
    let form = json!({ "member_ids": [bob.user, cara.user, "5"] });
    let given = add_members(&world.app, alice, guild, role, body(form), None).await.unwrap();
    assert_eq!(given.keys().copied().collect::<Vec<_>>(), [bob.user, cara.user]);
    assert_eq!(world.told(), ["guild GUILD_MEMBER_UPDATE"]);
    assert_eq!(member_counts(&world.app, bob, guild).await.unwrap(), BTreeMap::from([(role, 2)]));
    assert_eq!(member_ids(&world.app, bob, guild, role).await.unwrap(), [bob.user, cara.user]);
    for _ in 0..2 {
        unassign(&world.app, alice, guild, bob.user, role, None).await.unwrap();
    }
    assert_eq!(world.told(), ["guild GUILD_MEMBER_UPDATE"]);
    let nobody = UserId::new(5);
    assert_eq!(code(assign(&world.app, alice, guild, nobody, role, None).await), 10_007);
    assert_eq!(code(assign(&world.app, alice, guild, bob.user, guild.cast(), None).await), 50_028);
    assert_eq!(code(assign(&world.app, alice, guild, bob.user, RoleId::new(5), None).await), 10_011);
}

#[tokio::test]
async fn a_guild_holds_250_roles() {
    let world = World::new();
    let alice = world.person("alice").await;
    let roles: Vec<_> =
        (0..show::MAX_ROLES).map(|at| json!({ "id": at, "name": format!("r{at}") })).collect();
    let guild =
        crate::actions::guilds::create(&world.app, alice, body(json!({ "name": "Full", "roles": roles })))
            .await;
    let guild = guild.unwrap();
    assert_eq!(guild.roles.len(), show::MAX_ROLES);
    assert_eq!(code(create(&world.app, alice, guild.id, body(json!({})), None).await), 30_005);
}
