//! Making a guild: with the usual channels, or with roles and channels of the caller's that refer to one another by placeholder ids.

use std::collections::HashMap;

use crate::actions::actor::Actor;
use crate::actions::channels::{self, Details, WrittenOverwrite, channel_name};
use crate::actions::error::{ActionError, Fault};
use crate::actions::{images, members, roles, show};
use crate::app::App;
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::{image_data, integer, list, object, snowflake, text};
use crate::logic::form::{Checked, Fields, Form, ImageData, Patch, kinds::among};
use crate::model::{
    ChannelId, ChannelKind, Guild, GuildId, Id, Overwrite, OverwriteTarget, Permissions, RoleId, UserId,
};
use crate::store::access::Own;
use crate::store::{ChannelRow, GuildRow, Guilds, MemberRow, RoleRow, Roles, Tx};

/// Most roles that a guild is made with, @everyone included (API.md §5).
const MAX_NEW_ROLES: usize = show::MAX_ROLES;
/// Most channels that a guild is made with: two rows each, within one write (SAFETY.md §5.2).
const MAX_NEW_CHANNELS: usize = 300;
/// Seconds until a voice member counts as idle.
pub(super) const AFK_TIMEOUTS: &[(i64, u32)] =
    &[(60, 60), (300, 300), (900, 900), (1_800, 1_800), (3_600, 3_600)];
/// The same where nothing else is said.
const DEFAULT_AFK_TIMEOUT_S: u32 = 300;

/// A role to be made with a guild.
#[derive(Clone)]
struct NewRole {
    placeholder: Option<u64>,
    role: roles::Edit,
}

impl Form for NewRole {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { placeholder: placeholder(f, "id"), role: roles::Edit::read(f) }
    }
}

/// A channel to be made with a guild.
#[derive(Clone)]
struct NewChannel {
    placeholder: Option<u64>,
    name: String,
    kind: ChannelKind,
    parent: Option<u64>,
    overwrites: Vec<WrittenOverwrite>,
    details: Details,
}

impl Form for NewChannel {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            placeholder: placeholder(f, "id"),
            name: f.need("name", text(1..=100)),
            kind: f.or("type", among(channels::KINDS), ChannelKind::Text),
            parent: placeholder(f, "parent_id"),
            overwrites: f.or(
                "permission_overwrites",
                list(object::<WrittenOverwrite>(), channels::MAX_OVERWRITES_IN_REQUEST),
                Vec::new(),
            ),
            details: Details::read(f),
        }
    }
}

fn placeholder(f: &mut Fields<'_>, name: &'static str) -> Option<u64> {
    f.opt(name, snowflake::<()>()).map(Id::get)
}

/// Body of `POST /guilds`.
#[derive(Clone)]
pub struct Create {
    name: String,
    icon: Option<ImageData>,
    verification_level: u8,
    default_message_notifications: u8,
    explicit_content_filter: u8,
    roles: Vec<NewRole>,
    channels: Vec<NewChannel>,
    afk_channel: Option<u64>,
    afk_timeout_s: u32,
    system_channel: Option<u64>,
    system_channel_flags: u64,
}

impl Form for Create {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            name: f.need("name", text(2..=100)),
            icon: f.opt("icon", image_data(images::MAX_UPLOAD_BYTES)),
            verification_level: f.or("verification_level", integer(0..=4u8), 0),
            default_message_notifications: f.or("default_message_notifications", integer(0..=1u8), 0),
            explicit_content_filter: f.or("explicit_content_filter", integer(0..=2u8), 0),
            roles: f.or("roles", list(object::<NewRole>(), MAX_NEW_ROLES), Vec::new()),
            channels: f.or("channels", list(object::<NewChannel>(), MAX_NEW_CHANNELS), Vec::new()),
            afk_channel: placeholder(f, "afk_channel_id"),
            afk_timeout_s: f.or("afk_timeout", among(AFK_TIMEOUTS), DEFAULT_AFK_TIMEOUT_S),
            system_channel: placeholder(f, "system_channel_id"),
            system_channel_flags: f.or("system_channel_flags", integer(0..=u32::MAX.into()), 0),
        }
    }
}

/// Makes a guild, which the actor then owns.
///
/// # Errors
/// 20001 for bots, 30001 at the limit, 50035 for placeholders that stand for nothing.
pub async fn create(app: &App, actor: Actor, form: Checked<Create>) -> Result<Guild, ActionError> {
    actor.session()?;
    let mut form = form.take()?;
    let limits = members::Limits::of(&app.config);
    app.store.read(|view| members::require_room_for_guild(view, limits, actor.user))?;
    let icon = match form.icon.take() {
        Some(picture) => Some(images::keep(app, picture, images::ICON).await?),
        None => None,
    };
    if form.channels.is_empty() {
        usual_channels(&mut form);
    }
    app.store
        .write(move |tx| {
            members::require_room_for_guild(tx, limits, actor.user)?;
            let by = tx.own(actor.user);
            let id: GuildId = tx.next_id();
            let plan = Plan::draw(tx, id, actor.user, &form)?;
            let row = plan.guild_row(&form, icon.clone())?;
            tx.put::<Guilds>(&by, &id, &row)?;
            plan.write(tx, &by, &form)?;
            let member = MemberRow { joined_ms: tx.now_ms(), ..MemberRow::default() };
            members::enrol(tx, &by, id, actor.user, &member)?;
            members::welcome(tx, id, actor.user)?;
            Ok(show::guild(tx, id, &row)?)
        })
        .await
}

/// The channels of a guild that was given none: a category with a place to write, where joins are told, and one to talk.
fn usual_channels(form: &mut Create) {
    const CATEGORY: u64 = 1;
    const GENERAL: u64 = 2;
    let channel = |placeholder, name: &str, kind, parent| NewChannel {
        placeholder,
        name: name.to_owned(),
        kind,
        parent,
        overwrites: Vec::new(),
        details: Details::default(),
    };
    form.channels = vec![
        channel(Some(CATEGORY), "Channels", ChannelKind::Category, None),
        channel(Some(GENERAL), "general", ChannelKind::Text, Some(CATEGORY)),
        channel(None, "General", ChannelKind::Voice, Some(CATEGORY)),
    ];
    form.system_channel = Some(GENERAL);
    form.afk_channel = None;
}

/// The ids of all that is to be made, drawn before anything is written.
struct Plan {
    guild: GuildId,
    owner: UserId,
    roles: Vec<RoleId>,
    channels: Vec<ChannelId>,
    role_of: HashMap<u64, RoleId>,
    channel_of: HashMap<u64, (ChannelId, ChannelKind)>,
}

impl Plan {
    /// Draws the ids and checks that every placeholder stands for something of the right kind.
    fn draw(tx: &mut Tx<'_>, guild: GuildId, owner: UserId, form: &Create) -> Result<Self, ActionError> {
        let mut plan = Self {
            guild,
            owner,
            roles: Vec::new(),
            channels: Vec::new(),
            role_of: HashMap::from([(0, guild.cast())]),
            channel_of: HashMap::new(),
        };
        for (index, role) in form.roles.iter().enumerate() {
            let id = if index == 0 { guild.cast() } else { tx.next_id() };
            plan.roles.push(id);
            plan.role_of.extend(role.placeholder.map(|placeholder| (placeholder, id)));
        }
        for channel in &form.channels {
            let id = tx.next_id();
            plan.channels.push(id);
            plan.channel_of.extend(channel.placeholder.map(|placeholder| (placeholder, (id, channel.kind))));
        }
        for channel in &form.channels {
            plan.parent(channel)?;
            plan.overwrites(&channel.overwrites)?;
        }
        Ok(plan)
    }

    fn channel(
        &self,
        field: &str,
        named: Option<u64>,
        fits: impl Fn(ChannelKind) -> bool,
    ) -> Result<Option<ChannelId>, ActionError> {
        let Some(named) = named else { return Ok(None) };
        match self.channel_of.get(&named) {
            Some((id, kind)) if fits(*kind) => Ok(Some(*id)),
            _ => {
                let message = "No channel of this kind has this id in the body.";
                Err(ActionError::field(field, FieldFault::new("CHANNEL_INVALID", message)))
            }
        }
    }

    fn parent(&self, channel: &NewChannel) -> Result<Option<ChannelId>, ActionError> {
        let is_category = |kind| kind == ChannelKind::Category && channel.kind != ChannelKind::Category;
        self.channel("channels", channel.parent, is_category)
    }

    fn overwrites(&self, written: &[WrittenOverwrite]) -> Result<Vec<Overwrite>, ActionError> {
        let mut overwrites: Vec<Overwrite> = Vec::with_capacity(written.len());
        for one in written {
            let target = match self.role_of.get(&one.id) {
                Some(role) => OverwriteTarget::Role(*role),
                None if one.id == self.owner.get() => OverwriteTarget::Member(self.owner),
                None => return Err(Fault::UnknownRole.into()),
            };
            overwrites.retain(|earlier| earlier.target != target);
            overwrites.push(Overwrite { target, allow: one.allow, deny: one.deny });
        }
        Ok(overwrites)
    }

    fn guild_row(&self, form: &Create, icon: Option<String>) -> Result<GuildRow, ActionError> {
        let is_text = |kind| matches!(kind, ChannelKind::Text | ChannelKind::Announcement);
        Ok(GuildRow {
            name: form.name.clone(),
            owner: self.owner,
            icon,
            afk_channel: self.channel("afk_channel_id", form.afk_channel, ChannelKind::is_voice)?,
            afk_timeout_s: form.afk_timeout_s,
            verification_level: form.verification_level,
            default_message_notifications: form.default_message_notifications,
            explicit_content_filter: form.explicit_content_filter,
            system_channel: self.channel("system_channel_id", form.system_channel, is_text)?,
            system_channel_flags: form.system_channel_flags,
            ..GuildRow::default()
        })
    }

    fn write(&self, tx: &mut Tx<'_>, by: &Own<'_>, form: &Create) -> Result<(), ActionError> {
        let mut everyone = RoleRow {
            name: "@everyone".to_owned(),
            permissions: Permissions::DEFAULT_EVERYONE,
            ..RoleRow::default()
        };
        if let Some(first) = form.roles.first() {
            everyone.permissions = first.role.permissions().unwrap_or(everyone.permissions);
        }
        tx.put::<Roles>(by, &(self.guild, self.guild.cast()), &everyone)?;
        for ((id, new), position) in self.roles.iter().zip(&form.roles).skip(1).zip(1..) {
            let mut row = RoleRow { name: roles::DEFAULT_NAME.to_owned(), position, ..RoleRow::default() };
            new.role.apply(&mut row, &Patch::Keep);
            tx.put::<Roles>(by, &(self.guild, *id), &row)?;
        }
        for ((id, new), position) in self.channels.iter().zip(&form.channels).zip(0..) {
            let mut row = ChannelRow {
                kind: new.kind,
                guild: Some(self.guild),
                name: Some(channel_name(new.kind, &new.name)),
                position,
                overwrites: self.overwrites(&new.overwrites)?,
                parent: self.parent(new)?,
                ..ChannelRow::default()
            };
            new.details.apply(&mut row);
            channels::insert(tx, by, self.guild, *id, &row)?;
        }
        Ok(())
    }
}
