//! Channels as stories: made with the category's overwrites, changed bit by bit, synced, moved, deleted.

use serde_json::{Value, json};

use super::*;
use crate::actions::fixture::{World, body, code};
use crate::actions::guilds;
use crate::model::{OverwriteTarget, Permissions, RoleId};

/// A guild of Alice's, its category, text and voice channel.
struct Den {
    world: World,
    alice: Actor,
    guild: GuildId,
    category: ChannelId,
    general: ChannelId,
    voice: ChannelId,
}

impl Den {
    async fn new() -> Self {
        let world = World::new();
        let alice = world.person("alice").await;
        let guild = world.guild(alice).await;
        let id = |kind| world.channel(alice, guild, kind).id;
        let (category, general, voice) =
            (id(ChannelKind::Category), id(ChannelKind::Text), id(ChannelKind::Voice));
        Self { world, alice, guild, category, general, voice }
    }

    async fn member(&self, name: &str, rights: Permissions) -> (Actor, RoleId) {
        self.world.member(self.alice, self.guild, name, rights).await
    }

    async fn make(&self, actor: Actor, form: Value) -> Result<Arc<Channel>, ActionError> {
        create(&self.world.app, actor, self.guild, body(form), None).await
    }

    async fn change(
        &self,
        actor: Actor,
        channel: ChannelId,
        form: Value,
    ) -> Result<Arc<Channel>, ActionError> {
        edit(&self.world.app, actor, channel, body(form), None).await
    }

    async fn put(&self, actor: Actor, channel: ChannelId, target: u64, form: Value) -> u32 {
        code(put_overwrite(&self.world.app, actor, channel, target, body(form), None).await)
    }

    async fn order(&self, actor: Actor, moves: Value) -> u32 {
        code(reorder(&self.world.app, actor, self.guild, body(moves), None).await)
    }

    fn overwrites(&self, channel: ChannelId) -> Vec<crate::model::Overwrite> {
        get(&self.world.app, self.alice, channel).unwrap().permission_overwrites.unwrap()
    }
}

#[tokio::test]
async fn a_channel_is_named_as_its_type_and_takes_its_categorys_overwrites() {
    let den = Den::new().await;
    let hidden = json!({ "type": 0, "deny": Permissions::VIEW_CHANNEL });
    den.put(den.alice, den.category, den.guild.get(), hidden).await;
    den.world.told();
    let made =
        den.make(den.alice, json!({ "name": " Our  Secret ", "parent_id": den.category, "bitrate": 9000 }));
    let made = made.await.unwrap();
    assert_eq!(den.world.told(), ["channel CHANNEL_CREATE"]);
    assert_eq!(made.name, Some(Some("our-secret".to_owned())));
    assert_eq!(den.overwrites(made.id), den.overwrites(den.category));
    assert_eq!((made.bitrate, made.position), (None, Some(2)));
    let voice = den
        .make(den.alice, json!({ "name": "Big Hall", "type": 2, "permission_overwrites": [] }))
        .await
        .unwrap();
    assert_eq!((voice.name.clone(), voice.bitrate), (Some(Some("Big Hall".to_owned())), Some(64_000)));
    let bad = json!({ "name": "", "type": 13, "parent_id": "x", "bitrate": 1, "topic": "t".repeat(1025) });
    let Err(ActionError::Form(faults)) = den.make(den.alice, bad).await else { panic!("it was made") };
    let faults = format!("{faults:?}");
    for field in ["name", "type", "parent_id", "bitrate", "topic"] {
        assert!(faults.contains(&format!("{field:?}")), "{field} is missing in {faults}");
    }
    let nested = json!({ "name": "x", "type": 4, "parent_id": den.category });
    assert_eq!(code(den.make(den.alice, nested).await), 50_035);
    assert_eq!(code(den.make(den.alice, json!({ "name": "x", "parent_id": den.voice })).await), 50_035);
}

#[tokio::test]
async fn who_makes_a_channel_gives_only_what_they_hold() {
    let den = Den::new().await;
    let (bob, role) = den.member("bob", Permissions::MANAGE_CHANNELS).await;
    let with = |rights: Permissions| json!({ "name": "x", "permission_overwrites": [{ "id": role, "type": 0, "allow": rights }] });
    assert_eq!(code(den.make(bob, with(Permissions::SEND_MESSAGES)).await), 0);
    assert_eq!(code(den.make(bob, with(Permissions::MANAGE_MESSAGES)).await), 50_013);
    assert_eq!(code(den.make(bob, with(Permissions::MANAGE_ROLES)).await), 50_013);
    assert_eq!(code(den.make(den.alice, with(Permissions::MANAGE_ROLES)).await), 0);
    let foreign = json!({ "name": "x", "permission_overwrites": [{ "id": "5", "type": 0 }] });
    assert_eq!(code(den.make(bob, foreign).await), 10_011);
}

#[tokio::test]
async fn an_overwrite_asks_for_the_bits_that_change() {
    let den = Den::new().await;
    let (_, other) = den.member("other", Permissions::NONE).await;
    let (bob, own) = den.member("bob", Permissions::MANAGE_ROLES).await;
    let both = Permissions::SEND_MESSAGES | Permissions::MANAGE_MESSAGES;
    let set = json!({ "type": 0, "allow": both });
    assert_eq!(den.put(den.alice, den.general, other.get(), set).await, 0);
    // Bob lacks MANAGE_MESSAGES: he may leave it as it is, but neither take nor deny it.
    let less = json!({ "type": 0, "allow": Permissions::MANAGE_MESSAGES });
    assert_eq!(den.put(bob, den.general, other.get(), less).await, 0);
    let nothing = json!({ "type": 0, "allow": "0" });
    assert_eq!(den.put(bob, den.general, other.get(), nothing).await, 50_013);
    let remove = |who, target| delete_overwrite(&den.world.app, who, den.general, target, None);
    assert_eq!(code(remove(bob, other.get()).await), 50_013);
    let raise = json!({ "type": 0, "allow": Permissions::MANAGE_ROLES });
    assert_eq!(den.put(bob, den.general, own.get(), raise.clone()).await, 50_013);
    // Only an administrator hands out MANAGE_ROLES; with it Bob rules every bit of this channel but that one.
    assert_eq!(den.put(den.alice, den.general, own.get(), raise).await, 0);
    assert_eq!(code(remove(bob, other.get()).await), 0);
    assert_eq!(code(remove(bob, own.get()).await), 50_013);
    assert_eq!(code(remove(bob, other.get()).await), 10_009);
    assert_eq!(den.put(den.alice, den.general, 5, json!({ "type": 0 })).await, 10_011);
    assert_eq!(den.put(den.alice, den.general, 5, json!({ "type": 1 })).await, 10_013);
}

#[tokio::test]
async fn every_changed_overwrite_has_its_entry_with_strings_for_options() {
    let den = Den::new().await;
    let (bob, role) = den.member("bob", Permissions::NONE).await;
    let before = den.world.audit(den.guild).len();
    den.world.told();
    for _ in 0..2 {
        den.put(den.alice, den.general, role.get(), json!({ "type": 0, "allow": "2048" })).await;
    }
    assert_eq!(den.world.told(), ["channel CHANNEL_UPDATE"]);
    let form = json!({ "permission_overwrites": [
        { "id": role, "type": 0, "deny": "2048" },
        { "id": bob.user, "type": 1, "allow": "1024" },
    ] });
    den.change(den.alice, den.general, form).await.unwrap();
    delete_overwrite(&den.world.app, den.alice, den.general, bob.user.get(), None).await.unwrap();
    let audit = den.world.audit(den.guild).split_off(before);
    let acts: Vec<_> = audit.iter().map(|entry| entry.action).collect();
    assert_eq!(acts, [13, 14, 13, 15]);
    let options = |at: usize| audit[at].options.clone().unwrap();
    assert_eq!(options(0), format!(r#"{{"id":"{role}","role_name":"bob","type":"0"}}"#));
    assert_eq!(options(2), format!(r#"{{"id":"{}","type":"1"}}"#, bob.user));
    assert!(
        audit[1].changes.as_ref().unwrap().contains(r#"{"key":"allow","old_value":"2048","new_value":"0"}"#)
    );
}

#[tokio::test]
async fn a_category_copies_to_the_children_that_equalled_it() {
    let den = Den::new().await;
    let everyone = den.guild.get();
    den.put(den.alice, den.voice, everyone, json!({ "type": 0, "deny": Permissions::SPEAK })).await;
    den.world.told();
    den.put(den.alice, den.category, everyone, json!({ "type": 0, "deny": Permissions::SEND_MESSAGES }))
        .await;
    assert_eq!(den.world.told(), ["channel CHANNEL_UPDATE", "channel CHANNEL_UPDATE"]);
    assert_eq!(den.overwrites(den.general), den.overwrites(den.category));
    assert_ne!(den.overwrites(den.voice), den.overwrites(den.category));
    let lock = json!([{ "id": den.voice, "lock_permissions": true }]);
    assert_eq!(den.order(den.alice, lock).await, 0);
    assert_eq!(den.overwrites(den.voice), den.overwrites(den.category));
}

#[tokio::test]
async fn a_lock_asks_for_the_bits_it_would_change() {
    let den = Den::new().await;
    let held = Permissions::MANAGE_CHANNELS | Permissions::MANAGE_ROLES;
    let (bob, role) = den.member("bob", held).await;
    let grant = json!({ "type": 0, "allow": Permissions::MANAGE_MESSAGES });
    den.put(den.alice, den.category, role.get(), grant).await;
    let apart = den.make(den.alice, json!({ "name": "apart" })).await.unwrap().id;
    let lock = json!([{ "id": apart, "parent_id": den.category, "lock_permissions": true }]);
    assert_eq!(den.order(bob, lock.clone()).await, 50_013);
    assert_eq!(get(&den.world.app, bob, apart).unwrap().parent_id, Some(None));
    assert_eq!(den.order(den.alice, lock).await, 0);
}

#[tokio::test]
async fn one_channel_changes_its_category_by_call() {
    let den = Den::new().await;
    let freed = |id: ChannelId| json!({ "id": id, "parent_id": null, "position": 3 });
    assert_eq!(den.order(den.alice, json!([freed(den.general), freed(den.voice)])).await, 40_009);
    den.world.told();
    let moves = json!([freed(den.general), { "id": den.voice, "position": 7 }, { "id": "5", "position": 1 }]);
    assert_eq!(den.order(den.alice, moves).await, 0);
    assert_eq!(den.world.told(), ["channel CHANNEL_UPDATE", "channel CHANNEL_UPDATE"]);
    assert_eq!(get(&den.world.app, den.alice, den.general).unwrap().parent_id, Some(None));
    assert_eq!(get(&den.world.app, den.alice, den.voice).unwrap().position, Some(7));
    let (bob, role) = den.member("bob", Permissions::MANAGE_CHANNELS).await;
    let deny = json!({ "type": 0, "deny": Permissions::MANAGE_CHANNELS });
    den.put(den.alice, den.voice, role.get(), deny).await;
    assert_eq!(den.order(bob, json!([freed(den.voice)])).await, 50_013);
}

#[tokio::test]
async fn fields_need_manage_channels_and_overwrites_manage_roles() {
    let den = Den::new().await;
    let (keeper, _) = den.member("keeper", Permissions::MANAGE_CHANNELS).await;
    let (roler, _) = den.member("roler", Permissions::MANAGE_ROLES).await;
    let plain = den.world.person("plain").await;
    den.world.join(den.guild, plain).await;
    let fields = json!({ "nsfw": true });
    let overwrites = json!({ "permission_overwrites": [{ "id": den.guild, "type": 0, "deny": "2048" }] });
    for (who, form, expected) in [
        (keeper, &fields, 0),
        (keeper, &overwrites, 50_013),
        (roler, &overwrites, 0),
        (roler, &fields, 50_013),
        (plain, &fields, 50_013),
        (plain, &overwrites, 50_013),
    ] {
        let answer = den.change(who, den.general, form.clone()).await;
        assert_eq!(code(answer), expected, "{form}");
        den.change(den.alice, den.general, json!({ "nsfw": false, "permission_overwrites": [] }))
            .await
            .unwrap();
    }
    let hidden = json!({ "type": 0, "deny": Permissions::VIEW_CHANNEL });
    den.put(den.alice, den.general, den.guild.get(), hidden).await;
    assert_eq!(code(den.change(keeper, den.general, json!({ "name": "" })).await), 50_001);
    assert_eq!(code(get(&den.world.app, keeper, den.general)), 50_001);
    assert_eq!(code(get(&den.world.app, keeper, ChannelId::new(5))), 10_003);
    assert!(list(&den.world.app, keeper, den.guild).unwrap().iter().all(|channel| channel.id != den.general));
}

#[tokio::test]
async fn only_text_and_announcement_channels_change_into_one_another() {
    let den = Den::new().await;
    let to = |kind: u8| json!({ "type": kind });
    assert_eq!(den.change(den.alice, den.general, to(5)).await.unwrap().kind, ChannelKind::Announcement);
    assert_eq!(code(den.change(den.alice, den.general, to(2)).await), 50_024);
    assert_eq!(code(den.change(den.alice, den.voice, to(0)).await), 50_024);
    assert_eq!(code(den.change(den.alice, den.voice, to(2)).await), 0);
}

#[tokio::test]
async fn a_third_name_within_ten_minutes_waits() {
    let den = Den::new().await;
    for name in ["one", "two"] {
        den.change(den.alice, den.general, json!({ "name": name })).await.unwrap();
    }
    den.change(den.alice, den.general, json!({ "name": "two", "nsfw": true })).await.unwrap();
    let third = den.change(den.alice, den.general, json!({ "topic": "three" })).await;
    assert!(matches!(third, Err(ActionError::RateLimited(_))));
    den.change(den.alice, den.voice, json!({ "name": "other" })).await.unwrap();
}

#[tokio::test]
async fn a_deleted_category_frees_its_children() {
    let den = Den::new().await;
    den.world.told();
    delete(&den.world.app, den.alice, den.category, None).await.unwrap();
    assert_eq!(
        den.world.told(),
        ["channel CHANNEL_DELETE", "channel CHANNEL_UPDATE", "channel CHANNEL_UPDATE"]
    );
    assert_eq!(get(&den.world.app, den.alice, den.general).unwrap().parent_id, Some(None));
    assert_eq!(code(get(&den.world.app, den.alice, den.category)), 10_003);
}

#[tokio::test]
async fn a_deleted_channel_leaves_the_guilds_settings() {
    let den = Den::new().await;
    let settings = json!({ "afk_channel_id": den.voice, "rules_channel_id": den.general });
    guilds::edit(&den.world.app, den.alice, den.guild, body(settings), None).await.unwrap();
    let community = |features: &[&str]| {
        let form = json!({ "features": features });
        guilds::edit(&den.world.app, den.alice, den.guild, body(form), None)
    };
    community(&["COMMUNITY"]).await.unwrap();
    assert_eq!(code(delete(&den.world.app, den.alice, den.general, None).await), 50_074);
    community(&[]).await.unwrap();
    den.world.told();
    delete(&den.world.app, den.alice, den.general, None).await.unwrap();
    assert_eq!(den.world.told(), ["channel CHANNEL_DELETE", "guild GUILD_UPDATE"]);
    delete(&den.world.app, den.alice, den.voice, None).await.unwrap();
    let look = body::<guilds::Look>(json!({})).take().unwrap();
    let guild = guilds::get(&den.world.app, den.alice, den.guild, look).unwrap();
    assert_eq!((guild.system_channel_id, guild.rules_channel_id, guild.afk_channel_id), (None, None, None));
    let acts: Vec<_> = den.world.audit(den.guild).iter().map(|entry| entry.action).collect();
    assert_eq!(acts, [1, 1, 1, 12, 12]);
}

#[tokio::test]
async fn role_overwrites_merge_and_the_member_has_the_last_word() {
    let den = Den::new().await;
    let (bob, high) = den.member("bob", Permissions::NONE).await;
    let low = den.world.role(den.alice, den.guild, "Low", Permissions::NONE).await;
    crate::actions::roles::assign(&den.world.app, den.alice, den.guild, bob.user, low, None).await.unwrap();
    let send = Permissions::SEND_MESSAGES;
    den.put(den.alice, den.general, high.get(), json!({ "type": 0, "deny": send })).await;
    den.put(den.alice, den.general, low.get(), json!({ "type": 0, "allow": send })).await;
    assert!(den.world.held(bob, den.general).contains(send), "an allow of any role beats a deny");
    den.put(den.alice, den.general, bob.user.get(), json!({ "type": 1, "deny": send })).await;
    assert!(!den.world.held(bob, den.general).contains(send));
    let view = Permissions::VIEW_CHANNEL;
    den.put(den.alice, den.general, bob.user.get(), json!({ "type": 1, "allow": send, "deny": view })).await;
    assert_eq!(den.world.held(bob, den.general), Permissions::NONE, "without VIEW there is nothing");
    assert!(den.overwrites(den.general).iter().any(|own| own.target == OverwriteTarget::Member(bob.user)));
}
