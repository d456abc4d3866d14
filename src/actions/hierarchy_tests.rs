//! Who may do what to whom, as one table: owner, administrator, moderator, member and outsider against every act that ranks or rights
//! decide (API.md §4). The roles stand in this order, each below the one before.

use serde_json::{Value, json};

use super::actor::Actor;
use super::fixture::{World, body, code};
use super::{bans, channels, guilds, members, roles};
use crate::model::{ChannelId, ChannelKind, GuildId, Permissions, RoleId};

/// What a moderator of the table holds: all that is asked for below, but nothing that makes an administrator.
const MODERATION: Permissions = Permissions::KICK_MEMBERS
    .union(Permissions::BAN_MEMBERS)
    .union(Permissions::MODERATE_MEMBERS)
    .union(Permissions::MANAGE_NICKNAMES)
    .union(Permissions::MANAGE_ROLES)
    .union(Permissions::MANAGE_CHANNELS)
    .union(Permissions::MANAGE_GUILD);

struct Table {
    world: World,
    guild: GuildId,
    owner: Actor,
    admin: (Actor, RoleId),
    moderator: (Actor, RoleId),
    member: (Actor, RoleId),
    outsider: Actor,
    general: ChannelId,
}

impl Table {
    async fn new() -> Self {
        let world = World::new();
        let owner = world.person("owner").await;
        let guild = world.guild(owner).await;
        let member = world.member(owner, guild, "member", Permissions::NONE).await;
        let moderator = world.member(owner, guild, "moderator", MODERATION).await;
        let admin = world.member(owner, guild, "admin", Permissions::ADMINISTRATOR).await;
        let outsider = world.person("outsider").await;
        let general = world.channel(owner, guild, ChannelKind::Text).id;
        Self { world, guild, owner, admin, moderator, member, outsider, general }
    }

    async fn patch(&self, actor: Actor, target: Actor, form: Value) -> u32 {
        code(members::edit(&self.world.app, actor, self.guild, target.user, body(form), None).await)
    }

    async fn edit_role(&self, actor: Actor, role: RoleId, form: Value) -> u32 {
        code(roles::edit(&self.world.app, actor, self.guild, role, body(form), None).await)
    }

    async fn act(&self, name: &str, actor: Actor) -> u32 {
        let (app, guild) = (&self.world.app, self.guild);
        let (member, moderator, admin) = (self.member, self.moderator, self.admin);
        let none = || body(json!({}));
        match name {
            "kick member" => code(members::kick(app, actor, guild, member.0.user, None).await),
            "kick moderator" => code(members::kick(app, actor, guild, moderator.0.user, None).await),
            "kick admin" => code(members::kick(app, actor, guild, admin.0.user, None).await),
            "kick owner" => code(members::kick(app, actor, guild, self.owner.user, None).await),
            "ban member" => code(bans::create(app, actor, guild, member.0.user, none(), None).await),
            "ban moderator" => code(bans::create(app, actor, guild, moderator.0.user, none(), None).await),
            "ban admin" => code(bans::create(app, actor, guild, admin.0.user, none(), None).await),
            "ban owner" => code(bans::create(app, actor, guild, self.owner.user, none(), None).await),
            "ban outsider" => code(bans::create(app, actor, guild, self.outsider.user, none(), None).await),
            "see bans" => code(bans::list(app, actor, guild, body(json!({})))),
            "name member" => self.patch(actor, member.0, json!({ "nick": "n" })).await,
            "name admin" => self.patch(actor, admin.0, json!({ "nick": "n" })).await,
            "name owner" => self.patch(actor, self.owner, json!({ "nick": "n" })).await,
            "free member" => {
                self.patch(actor, member.0, json!({ "communication_disabled_until": null })).await
            }
            "free admin" => self.patch(actor, admin.0, json!({ "communication_disabled_until": null })).await,
            "give member's role" => {
                code(roles::assign(app, actor, guild, admin.0.user, member.1, None).await)
            }
            "give moderator's role" => {
                code(roles::assign(app, actor, guild, member.0.user, moderator.1, None).await)
            }
            "take admin's role" => {
                code(roles::unassign(app, actor, guild, admin.0.user, admin.1, None).await)
            }
            "take member's role" => {
                code(roles::unassign(app, actor, guild, member.0.user, member.1, None).await)
            }
            "make role" => code(roles::create(app, actor, guild, body(json!({})), None).await),
            "make admin role" => {
                let form = body(json!({ "permissions": Permissions::ADMINISTRATOR }));
                code(roles::create(app, actor, guild, form, None).await)
            }
            "paint member's role" => self.edit_role(actor, member.1, json!({ "color": 1 })).await,
            "paint moderator's role" => self.edit_role(actor, moderator.1, json!({ "color": 1 })).await,
            "paint admin's role" => self.edit_role(actor, admin.1, json!({ "color": 1 })).await,
            "strengthen member's role" => {
                self.edit_role(actor, member.1, json!({ "permissions": Permissions::VIEW_AUDIT_LOG })).await
            }
            "delete member's role" => code(roles::delete(app, actor, guild, member.1, None).await),
            "delete admin's role" => code(roles::delete(app, actor, guild, admin.1, None).await),
            "raise member's role" => {
                let form = body(json!([{ "id": member.1, "position": 3 }]));
                code(roles::reorder(app, actor, guild, form, None).await)
            }
            "make channel" => {
                code(channels::create(app, actor, guild, body(json!({ "name": "x" })), None).await)
            }
            "edit channel" => {
                code(channels::edit(app, actor, self.general, body(json!({ "nsfw": true })), None).await)
            }
            "delete channel" => code(channels::delete(app, actor, self.general, None).await),
            "deny everyone sending" => {
                let form = body(json!({ "type": 0, "deny": Permissions::SEND_MESSAGES }));
                code(channels::put_overwrite(app, actor, self.general, guild.get(), form, None).await)
            }
            "hand out MANAGE_ROLES" => {
                let form = body(json!({ "type": 0, "allow": Permissions::MANAGE_ROLES }));
                code(channels::put_overwrite(app, actor, self.general, member.1.get(), form, None).await)
            }
            "edit guild" => {
                code(guilds::edit(app, actor, guild, body(json!({ "name": "Other" })), None).await)
            }
            "take guild" => {
                code(guilds::edit(app, actor, guild, body(json!({ "owner_id": actor.user })), None).await)
            }
            "prune" => code(members::prune(app, actor, guild, body(json!({})), None).await),
            "leave" => code(guilds::leave(app, actor, guild).await),
            other => panic!("no act is called {other}"),
        }
    }
}

const MAY_NOT: u32 = 50_013;
const STRANGER: u32 = 50_001;

/// Act, then the codes that owner, admin, moderator, member and outsider get; 0 is done.
const ROWS: &[(&str, [u32; 5])] = &[
    ("kick member", [0, 0, 0, MAY_NOT, STRANGER]),
    ("kick moderator", [0, 0, MAY_NOT, MAY_NOT, STRANGER]),
    ("kick admin", [0, MAY_NOT, MAY_NOT, MAY_NOT, STRANGER]),
    ("kick owner", [MAY_NOT, MAY_NOT, MAY_NOT, MAY_NOT, STRANGER]),
    ("ban member", [0, 0, 0, MAY_NOT, STRANGER]),
    ("ban moderator", [0, 0, MAY_NOT, MAY_NOT, STRANGER]),
    ("ban admin", [0, MAY_NOT, MAY_NOT, MAY_NOT, STRANGER]),
    ("ban owner", [MAY_NOT, MAY_NOT, MAY_NOT, MAY_NOT, STRANGER]),
    ("ban outsider", [0, 0, 0, MAY_NOT, STRANGER]),
    ("see bans", [0, 0, 0, MAY_NOT, STRANGER]),
    ("name member", [0, 0, 0, 0, STRANGER]),
    ("name admin", [0, 0, MAY_NOT, MAY_NOT, STRANGER]),
    ("name owner", [0, MAY_NOT, MAY_NOT, MAY_NOT, STRANGER]),
    ("free member", [0, 0, 0, MAY_NOT, STRANGER]),
    ("free admin", [0, MAY_NOT, MAY_NOT, MAY_NOT, STRANGER]),
    ("give member's role", [0, 0, 0, MAY_NOT, STRANGER]),
    ("give moderator's role", [0, 0, MAY_NOT, MAY_NOT, STRANGER]),
    ("take admin's role", [0, MAY_NOT, MAY_NOT, MAY_NOT, STRANGER]),
    ("take member's role", [0, 0, 0, MAY_NOT, STRANGER]),
    ("make role", [0, 0, 0, MAY_NOT, STRANGER]),
    ("make admin role", [0, 0, MAY_NOT, MAY_NOT, STRANGER]),
    ("paint member's role", [0, 0, 0, MAY_NOT, STRANGER]),
    ("paint moderator's role", [0, 0, MAY_NOT, MAY_NOT, STRANGER]),
    ("paint admin's role", [0, MAY_NOT, MAY_NOT, MAY_NOT, STRANGER]),
    ("strengthen member's role", [0, 0, MAY_NOT, MAY_NOT, STRANGER]),
    ("delete member's role", [0, 0, 0, MAY_NOT, STRANGER]),
    ("delete admin's role", [0, MAY_NOT, MAY_NOT, MAY_NOT, STRANGER]),
    ("raise member's role", [0, MAY_NOT, MAY_NOT, MAY_NOT, STRANGER]),
    ("make channel", [0, 0, 0, MAY_NOT, STRANGER]),
    ("edit channel", [0, 0, 0, MAY_NOT, STRANGER]),
    ("delete channel", [0, 0, 0, MAY_NOT, STRANGER]),
    ("deny everyone sending", [0, 0, 0, MAY_NOT, STRANGER]),
    ("hand out MANAGE_ROLES", [0, 0, MAY_NOT, MAY_NOT, STRANGER]),
    ("edit guild", [0, 0, 0, MAY_NOT, STRANGER]),
    ("take guild", [0, MAY_NOT, MAY_NOT, MAY_NOT, STRANGER]),
    ("prune", [0, 0, 0, MAY_NOT, STRANGER]),
    ("leave", [50_055, 0, 0, 0, STRANGER]),
];

#[tokio::test]
async fn rank_and_right_decide_every_act() {
    let mut wrong = Vec::new();
    for (act, expected) in ROWS {
        for (index, expected) in expected.iter().enumerate() {
            let table = Table::new().await;
            let everyone = [table.owner, table.admin.0, table.moderator.0, table.member.0, table.outsider];
            let answer = table.act(act, everyone[index]).await;
            if answer != *expected {
                let name = ["owner", "admin", "moderator", "member", "outsider"][index];
                wrong.push(format!("{name}: {act} answers {answer}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
