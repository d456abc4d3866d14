//! What a guild shows of itself to everybody, and how it shuts its doors for a day.

use hyper::header::{CACHE_CONTROL, HeaderValue};

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, Who, get, patch, put};
use crate::actions::ActionError;
use crate::actions::guilds::{self, EditWidget, Measures, Style, Widget, WidgetSettings};
use crate::model::kind::Guild as GuildKind;
use crate::model::{GuildId, Incidents};

/// How long others may keep what a guild shows: pages with a widget ask for it at every visit.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// The routes of widgets and measures.
pub fn routes() -> Vec<Route> {
    vec![
        get("/guilds/{guild_id}/widget", settings)
            .gives::<WidgetSettings>(200)
            .permission("MANAGE_GUILD")
            .summary("Whether a guild shows a widget"),
        patch("/guilds/{guild_id}/widget", edit)
            .takes::<EditWidget>()
            .gives::<WidgetSettings>(200)
            .audited()
            .permission("MANAGE_GUILD")
            .summary("Choose whether a guild shows a widget"),
        get("/guilds/{guild_id}/widget.json", widget)
            .who(Who::Nobody)
            .gives::<Widget>(200)
            .summary("What a guild shows of itself to everybody"),
        get("/guilds/{guild_id}/widget.png", badge)
            .who(Who::Nobody)
            .query::<Style>()
            .gives_picture("image/png")
            .summary("How many of a guild are online, as a picture"),
        put("/guilds/{guild_id}/incident-actions", take_measures)
            .takes::<Measures>()
            .gives::<Incidents>(200)
            .permission("MANAGE_GUILD")
            .summary("Pause a guild's invites or its members' messages to strangers"),
    ]
}

fn id(call: &Call) -> Result<GuildId, ActionError> {
    call.id::<GuildKind>("guild_id")
}

async fn settings(call: Call) -> Answer {
    Reply::json(&guilds::widget_settings(&call.app, call.actor()?, id(&call)?)?)
}

async fn edit(call: Call) -> Answer {
    let (guild, form, reason) = (id(&call)?, call.form(), call.reason()?);
    Reply::json(&guilds::edit_widget(&call.app, call.actor()?, guild, form, reason).await?)
}

async fn widget(call: Call) -> Answer {
    let shown = guilds::widget(&call.app, id(&call)?, &call.origin().to_string(), call.cdn_base())?;
    Ok(Reply::json(&shown)?.header(CACHE_CONTROL, KEPT))
}

async fn badge(call: Call) -> Answer {
    call.query::<Style>()?;
    let picture = guilds::widget_badge(&call.app, id(&call)?)?;
    Ok(Reply::bytes(HeaderValue::from_static("image/png"), picture.into()).header(CACHE_CONTROL, KEPT))
}

async fn take_measures(call: Call) -> Answer {
    Reply::json(&guilds::take_measures(&call.app, call.actor()?, id(&call)?, call.form()).await?)
}
