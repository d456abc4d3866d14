//! Applications, integrations and followers as the API shows them; what `show` is for everything else.

use std::collections::BTreeMap;

use super::show::user_by_id;
use crate::model::{
    Application, ApplicationId, Integration, IntegrationAccount, IntegrationApplication,
    IntegrationTypeConfig, PublicApplication, SourceChannel, SourceGuild, UserId, Webhook, WebhookId, bot_of,
};
use crate::store::{ApplicationRow, Applications, Order, StoreError, UserGuilds, View, WebhookRow};

/// Most guilds that an application's count goes up to: what it shows is an estimate by its name.
const MAX_COUNTED_GUILDS: usize = 10_000;

/// What everybody may see of an application.
pub fn public_application(id: ApplicationId, row: &ApplicationRow) -> PublicApplication {
    let install_params = row.install_params.as_deref().and_then(|json| serde_json::from_str(json).ok());
    let in_guilds = IntegrationTypeConfig { oauth2_install_params: Clone::clone(&install_params) };
    PublicApplication {
        id,
        name: row.name.clone(),
        icon: row.icon.clone(),
        description: row.description.clone(),
        summary: "",
        kind: None,
        cover_image: row.cover_image.clone(),
        bot_public: row.bot_public,
        bot_require_code_grant: row.bot_require_code_grant,
        verify_key: row.verify_key.clone(),
        flags: row.flags,
        hook: true,
        tags: row.tags.clone(),
        install_params,
        integration_types_config: BTreeMap::from([("0".to_owned(), in_guilds)]),
        custom_install_url: row.custom_install_url.clone(),
    }
}

/// An application as its owner and its bot see it.
pub fn application(
    view: &View<'_>,
    id: ApplicationId,
    row: &ApplicationRow,
) -> Result<Application, StoreError> {
    let guilds = view.list::<UserGuilds>(&bot_of(id), None, Order::Ascending, MAX_COUNTED_GUILDS)?;
    Ok(Application {
        public: public_application(id, row),
        owner: user_by_id(view, row.owner)?,
        team: None,
        approximate_guild_count: guilds.len() as u64,
        approximate_user_install_count: 0,
        approximate_user_authorization_count: 0,
        redirect_uris: row.redirect_uris.clone(),
        interactions_endpoint_url: None,
        role_connections_verification_url: None,
        event_webhooks_status: 1,
        rpc_origins: Vec::new(),
        bot: user_by_id(view, bot_of(id))?,
    })
}

/// A bot as a guild's list of integrations shows it; `None` for an application that is gone.
pub fn integration(view: &View<'_>, id: ApplicationId) -> Result<Option<Integration>, StoreError> {
    let Some(row) = view.shared::<Applications>(&id)? else { return Ok(None) };
    let bot = user_by_id(view, bot_of(id))?;
    Ok(Some(Integration {
        id,
        name: row.name.clone(),
        kind: "discord",
        enabled: true,
        account: IntegrationAccount { id: bot.id.to_string(), name: bot.username.clone() },
        application: IntegrationApplication {
            id,
            name: row.name.clone(),
            icon: row.icon.clone(),
            description: row.description.clone(),
            summary: "",
            bot,
        },
        scopes: vec!["bot"],
    }))
}

/// A webhook; what it follows only for who may view that.
pub fn webhook(
    view: &View<'_>,
    id: WebhookId,
    row: &WebhookRow,
    viewer: UserId,
) -> Result<Webhook, StoreError> {
    let source = match row.source_channel {
        Some(channel) => match view.channel_access(viewer, channel) {
            Ok(access) => Some(access),
            Err(StoreError::Denied(_)) => None,
            Err(error) => return Err(error),
        },
        None => None,
    };
    Ok(Webhook {
        id,
        kind: row.kind,
        guild_id: row.guild,
        channel_id: row.channel,
        name: row.name.clone(),
        avatar: row.avatar.clone(),
        application_id: None,
        token: None,
        user: row.creator.map(|creator| user_by_id(view, creator)).transpose()?,
        source_guild: source.as_ref().and_then(|source| source.guild.as_ref()).map(|access| SourceGuild {
            id: access.id,
            name: access.guild.name.clone(),
            icon: access.guild.icon.clone(),
        }),
        source_channel: source
            .map(|source| SourceChannel { id: source.id, name: source.channel.name.clone() }),
    })
}
