//! Changing a guild's settings.

use std::sync::Arc;

use super::create::AFK_TIMEOUTS;
use crate::actions::actor::{Actor, Reason};
use crate::actions::audit::{self, Act, Changes, Entry};
use crate::actions::error::{ActionError, Fault};
use crate::actions::{accounts, images, members, show};
use crate::app::App;
use crate::logic::field::FieldFault;
use crate::logic::form::kinds::{among, boolean, image_data, integer, list, raw_text, snowflake, text};
use crate::logic::form::{Checked, Fields, Form, ImageData, Patch};
use crate::model::{Audience, ChannelId, ChannelKind, Dispatch, Guild, GuildId, Permissions, UserId};
use crate::store::access::{GuildAccess, GuildAllowed, right};
use crate::store::{Channels, Denied, GuildRow, Guilds, Tx, View};

/// Features that members may switch; all others come with what they name, and are passed over.
const SWITCHED: [&str; 2] = ["COMMUNITY", "INVITES_DISABLED"];
/// The switch that takes ADMINISTRATOR (API.md §7.50).
const COMMUNITY: &str = SWITCHED[0];
/// Interface languages (API.md §1.3); any other becomes the first.
const LOCALES: &[&str] = &[
    "en-US", "en-GB", "bg", "cs", "da", "de", "el", "es-419", "es-ES", "fi", "fr", "hi", "hr", "hu", "id",
    "it", "ja", "ko", "lt", "nl", "no", "pl", "pt-BR", "ro", "ru", "sv-SE", "th", "tr", "uk", "vi", "zh-CN",
    "zh-TW",
];

/// Body of `PATCH /guilds/{guild}`.
#[derive(Clone)]
pub struct Edit {
    name: Option<String>,
    description: Patch<String>,
    icon: Patch<ImageData>,
    banner: Patch<ImageData>,
    splash: Patch<ImageData>,
    discovery_splash: Patch<ImageData>,
    owner: Option<UserId>,
    password: Option<String>,
    verification_level: Patch<u8>,
    default_message_notifications: Patch<u8>,
    explicit_content_filter: Patch<u8>,
    afk_channel: Patch<ChannelId>,
    afk_timeout_s: Option<u32>,
    system_channel: Patch<ChannelId>,
    system_channel_flags: Option<u64>,
    rules_channel: Patch<ChannelId>,
    public_updates_channel: Patch<ChannelId>,
    safety_alerts_channel: Patch<ChannelId>,
    preferred_locale: Patch<String>,
    features: Option<Vec<String>>,
    premium_progress_bar_enabled: Option<bool>,
}

impl Form for Edit {
    fn read(f: &mut Fields<'_>) -> Self {
        let picture = || image_data(images::MAX_UPLOAD_BYTES);
        Self {
            name: f.opt("name", text(2..=100)),
            description: f.patch("description", text(0..=300)),
            icon: f.patch("icon", picture()),
            banner: f.patch("banner", picture()),
            splash: f.patch("splash", picture()),
            discovery_splash: f.patch("discovery_splash", picture()),
            owner: f.opt("owner_id", snowflake()),
            password: f.opt("password", raw_text(1..=1_024)),
            verification_level: f.patch("verification_level", integer(0..=4u8)),
            default_message_notifications: f.patch("default_message_notifications", integer(0..=1u8)),
            explicit_content_filter: f.patch("explicit_content_filter", integer(0..=2u8)),
            afk_channel: f.patch("afk_channel_id", snowflake()),
            afk_timeout_s: f.opt("afk_timeout", among(AFK_TIMEOUTS)),
            system_channel: f.patch("system_channel_id", snowflake()),
            system_channel_flags: f.opt("system_channel_flags", integer(0..=u32::MAX.into())),
            rules_channel: f.patch("rules_channel_id", snowflake()),
            public_updates_channel: f.patch("public_updates_channel_id", snowflake()),
            safety_alerts_channel: f.patch("safety_alerts_channel_id", snowflake()),
            preferred_locale: f.patch("preferred_locale", text(2..=16)),
            features: f.opt("features", list(text(1..=64), 64)),
            premium_progress_bar_enabled: f.opt("premium_progress_bar_enabled", boolean()),
        }
    }
}

/// Pictures of a form, kept: their hashes.
#[derive(Clone)]
struct Pictures {
    icon: Patch<String>,
    banner: Patch<String>,
    splash: Patch<String>,
    discovery_splash: Patch<String>,
}

/// Changes a guild. Its owner may hand it to another member, with the password.
///
/// # Errors
/// 50013 without MANAGE_GUILD, for COMMUNITY without ADMINISTRATOR, and for the ownership without it; 50132 for a bot as owner.
pub async fn edit(
    app: &App,
    actor: Actor,
    id: GuildId,
    form: Checked<Edit>,
    reason: Option<Reason>,
) -> Result<Arc<Guild>, ActionError> {
    let access = app
        .store
        .read(|view| view.allow_guild::<right::ManageGuild>(actor.user, id).map(|by| (*by).clone()))?;
    let form = form.take()?;
    if form.owner.is_some_and(|owner| owner != access.guild.owner) {
        if !access.is_owner() {
            return Err(Fault::MissingPermissions.into());
        }
        accounts::require_password(app, actor.user, form.password.clone()).await?;
    }
    let pictures = Pictures {
        icon: images::keep_patch(app, form.icon.clone(), images::ICON).await?,
        banner: images::keep_patch(app, form.banner.clone(), images::BANNER).await?,
        splash: images::keep_patch(app, form.splash.clone(), images::SPLASH).await?,
        discovery_splash: images::keep_patch(app, form.discovery_splash.clone(), images::DISCOVERY_SPLASH)
            .await?,
    };
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::ManageGuild>(actor.user, id)?;
            let mut row = (*by.guild).clone();
            form.apply_settings(&mut row);
            form.apply_channels(tx, id, &mut row)?;
            form.apply_features(&by, &mut row)?;
            form.apply_owner(tx, &by, &mut row)?;
            pictures.icon.clone().apply(&mut row.icon);
            pictures.banner.clone().apply(&mut row.banner);
            pictures.splash.clone().apply(&mut row.splash);
            pictures.discovery_splash.clone().apply(&mut row.discovery_splash);
            write(tx, &by, &row, reason.as_ref())
        })
        .await
}

/// Body of `POST /guilds/{guild}/mfa`.
#[derive(Clone, Copy)]
pub struct MfaLevel {
    level: u8,
}

impl Form for MfaLevel {
    fn read(f: &mut Fields<'_>) -> Self {
        Self { level: f.need("level", integer(0..=1u8)) }
    }
}

/// The level that a guild has.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub struct MfaLevelNow {
    level: u8,
}

/// Says whether moderators of a guild need a second factor. Only its owner does, and only with one of their own: without, they would
/// lock themselves out of their guild.
///
/// # Errors
/// 50001, 50013 for others than the owner, 60003 for level 1 by an owner without a second factor.
pub async fn set_mfa_level(
    app: &App,
    actor: Actor,
    id: GuildId,
    form: Checked<MfaLevel>,
    reason: Option<Reason>,
) -> Result<MfaLevelNow, ActionError> {
    app.store
        .write(move |tx| {
            let by = tx.allow_guild::<right::ManageGuild>(actor.user, id)?;
            if !by.is_owner() {
                return Err(Fault::MissingPermissions.into());
            }
            let level = form.get()?.level;
            if level > 0 && !show::own_user_by_id(tx, actor.user)?.mfa_enabled {
                return Err(Fault::SecondFactorNeeded.into());
            }
            let row = GuildRow { mfa_level: level, ..(*by.guild).clone() };
            write(tx, &by, &row, reason.as_ref())?;
            Ok(MfaLevelNow { level })
        })
        .await
}

impl Edit {
    fn apply_settings(&self, row: &mut GuildRow) {
        row.name = self.name.clone().unwrap_or_else(|| row.name.clone());
        self.description.clone().apply(&mut row.description);
        row.description = row.description.take().filter(|description| !description.is_empty());
        row.verification_level = self.verification_level.set_or(0).unwrap_or(row.verification_level);
        row.default_message_notifications =
            self.default_message_notifications.set_or(0).unwrap_or(row.default_message_notifications);
        row.explicit_content_filter =
            self.explicit_content_filter.set_or(0).unwrap_or(row.explicit_content_filter);
        row.afk_timeout_s = self.afk_timeout_s.unwrap_or(row.afk_timeout_s);
        row.system_channel_flags = self.system_channel_flags.unwrap_or(row.system_channel_flags);
        if let Some(locale) = self.preferred_locale.clone().set_or(String::new()) {
            let known = LOCALES.iter().find(|known| **known == locale);
            row.preferred_locale = known.unwrap_or(&LOCALES[0]).to_string();
        }
        row.premium_progress_bar_enabled =
            self.premium_progress_bar_enabled.unwrap_or(row.premium_progress_bar_enabled);
    }

    fn apply_channels(&self, view: &View<'_>, guild: GuildId, row: &mut GuildRow) -> Result<(), ActionError> {
        let is_text = |kind| matches!(kind, ChannelKind::Text | ChannelKind::Announcement);
        let texts = [
            ("system_channel_id", self.system_channel, &mut row.system_channel),
            ("rules_channel_id", self.rules_channel, &mut row.rules_channel),
            ("public_updates_channel_id", self.public_updates_channel, &mut row.public_updates_channel),
            ("safety_alerts_channel_id", self.safety_alerts_channel, &mut row.safety_alerts_channel),
        ];
        for (field, patch, slot) in texts {
            require_channel(view, guild, field, patch, is_text)?;
            patch.apply(slot);
        }
        require_channel(view, guild, "afk_channel_id", self.afk_channel, ChannelKind::is_voice)?;
        self.afk_channel.apply(&mut row.afk_channel);
        Ok(())
    }

    fn apply_features(&self, actor: &GuildAccess, row: &mut GuildRow) -> Result<(), ActionError> {
        let Some(wanted) = &self.features else { return Ok(()) };
        for switched in SWITCHED {
            let was_on = row.features.iter().any(|feature| feature == switched);
            let is_on = wanted.iter().any(|feature| feature == switched);
            if was_on == is_on {
                continue;
            }
            if switched == COMMUNITY && !actor.is_admin() {
                return Err(Denied::Missing(Permissions::ADMINISTRATOR).into());
            }
            if is_on {
                row.features.push(switched.to_owned());
            } else {
                row.features.retain(|feature| feature != switched);
            }
        }
        Ok(())
    }

    fn apply_owner(
        &self,
        view: &View<'_>,
        actor: &GuildAccess,
        row: &mut GuildRow,
    ) -> Result<(), ActionError> {
        let Some(owner) = self.owner.filter(|owner| *owner != row.owner) else { return Ok(()) };
        if !actor.is_owner() {
            return Err(Fault::MissingPermissions.into());
        }
        members::row_of(view, actor.id, owner)?;
        if members::is_bot(view, owner)? {
            return Err(Fault::OwnerCannotBeBot.into());
        }
        row.owner = owner;
        Ok(())
    }
}

/// Checks that a setting names a channel of the guild that fits.
pub(super) fn require_channel(
    view: &View<'_>,
    guild: GuildId,
    field: &str,
    named: Patch<ChannelId>,
    fits: impl Fn(ChannelKind) -> bool,
) -> Result<(), ActionError> {
    let Patch::Set(channel) = named else { return Ok(()) };
    match view.shared::<Channels>(&channel)? {
        Some(found) if found.guild == Some(guild) && fits(found.kind) => Ok(()),
        _ => {
            let fault = FieldFault::new("CHANNEL_INVALID", "No channel of this guild that fits.");
            Err(ActionError::field(field, fault))
        }
    }
}

pub(super) fn write(
    tx: &mut Tx<'_>,
    by: &GuildAllowed<'_, right::ManageGuild>,
    row: &GuildRow,
    reason: Option<&Reason>,
) -> Result<Arc<Guild>, ActionError> {
    let shown = Arc::new(show::guild(tx, by.id, row)?);
    if *row == *by.guild {
        return Ok(shown);
    }
    tx.put::<Guilds>(by, &by.id, row)?;
    let mut changes = Changes::none();
    changes.objects(Some(&fields(&by.guild)), Some(&fields(row)));
    let entry = Entry {
        guild: by.id,
        actor: by.actor,
        act: Act::GuildUpdate,
        target: Some(by.id.to_string()),
        changes,
        options: None,
        reason: reason.map(Reason::as_str),
    };
    audit::record(tx, by, entry)?;
    tx.emit(Audience::Guild(by.id), Dispatch::GuildUpdate(shown.clone()));
    Ok(shown)
}

/// The fields of a guild under the names that the audit log gives them.
fn fields(row: &GuildRow) -> serde_json::Value {
    serde_json::json!({
        "name": row.name,
        "description": row.description,
        "icon_hash": row.icon,
        "banner_hash": row.banner,
        "splash_hash": row.splash,
        "discovery_splash_hash": row.discovery_splash,
        "owner_id": row.owner,
        "verification_level": row.verification_level,
        "default_message_notifications": row.default_message_notifications,
        "explicit_content_filter": row.explicit_content_filter,
        "afk_channel_id": row.afk_channel,
        "afk_timeout": row.afk_timeout_s,
        "system_channel_id": row.system_channel,
        "system_channel_flags": row.system_channel_flags,
        "rules_channel_id": row.rules_channel,
        "public_updates_channel_id": row.public_updates_channel,
        "safety_alerts_channel_id": row.safety_alerts_channel,
        "preferred_locale": row.preferred_locale,
        "vanity_url_code": row.vanity,
        "widget_enabled": row.widget_enabled,
        "widget_channel_id": row.widget_channel,
        "features": row.features,
        "premium_progress_bar_enabled": row.premium_progress_bar_enabled,
    })
}
