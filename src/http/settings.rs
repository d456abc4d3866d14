//! What a person sets for themself.

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, Who, get, patch, put};
use crate::actions::settings::{self, AnyObject, Note, WriteNote};
use crate::model::kind::{Guild, User};
use crate::model::{GuildId, UserGuildSettings, UserSettings};
use serde_json::{Map, Value};

/// The routes of settings, notes and preferences.
pub fn routes() -> Vec<Route> {
    let human = |route: Route| route.who(Who::Human);
    vec![
        human(get("/users/@me/settings", show)).gives::<UserSettings>(200).summary("One's own settings"),
        human(patch("/users/@me/settings", edit))
            .takes::<AnyObject>()
            .gives::<UserSettings>(200)
            .summary("Change one's own settings"),
        human(patch("/users/@me/guilds/@me/settings", edit_dms))
            .takes::<AnyObject>()
            .gives::<UserGuildSettings>(200)
            .summary("Change notification settings of direct messages"),
        human(patch("/users/@me/guilds/{guild_id}/settings", edit_guild))
            .takes::<AnyObject>()
            .gives::<UserGuildSettings>(200)
            .summary("Change notification settings of a guild"),
        human(patch("/users/@me/guilds/settings", edit_guilds))
            .takes::<AnyObject>()
            .gives::<Vec<UserGuildSettings>>(200)
            .summary("Change notification settings of several guilds"),
        human(get("/users/@me/notes", notes))
            .gives::<std::collections::BTreeMap<String, String>>(200)
            .summary("All own notes"),
        human(get("/users/@me/notes/{user_id}", note))
            .gives::<Note>(200)
            .summary("One's own note on somebody"),
        human(put("/users/@me/notes/{user_id}", write_note))
            .takes::<WriteNote>()
            .or_nothing()
            .summary("Write a note on somebody"),
        human(get("/hearth/users/@me/prefs", prefs))
            .gives::<Map<String, Value>>(200)
            .summary("One's own client preferences"),
        human(patch("/hearth/users/@me/prefs", edit_prefs))
            .takes::<AnyObject>()
            .gives::<Map<String, Value>>(200)
            .summary("Change one's own client preferences"),
    ]
}

async fn show(call: Call) -> Answer {
    Reply::json(&settings::get(&call.app, call.actor()?)?)
}

async fn edit(call: Call) -> Answer {
    Reply::json(&settings::edit(&call.app, call.actor()?, call.form()).await?)
}

async fn edit_dms(call: Call) -> Answer {
    Reply::json(&settings::edit_guild_settings(&call.app, call.actor()?, GuildId::new(0), call.form()).await?)
}

async fn edit_guild(call: Call) -> Answer {
    let guild = call.id::<Guild>("guild_id")?;
    Reply::json(&settings::edit_guild_settings(&call.app, call.actor()?, guild, call.form()).await?)
}

async fn edit_guilds(call: Call) -> Answer {
    Reply::json(&settings::edit_many_guild_settings(&call.app, call.actor()?, call.form()).await?)
}

async fn notes(call: Call) -> Answer {
    Reply::json(&settings::notes(&call.app, call.actor()?)?)
}

async fn note(call: Call) -> Answer {
    Reply::json(&settings::note(&call.app, call.actor()?, call.id::<User>("user_id")?)?)
}

async fn write_note(call: Call) -> Answer {
    settings::write_note(&call.app, call.actor()?, call.id::<User>("user_id")?, call.form()).await?;
    Ok(Reply::nothing())
}

async fn prefs(call: Call) -> Answer {
    Reply::json(&settings::prefs(&call.app, call.actor()?)?)
}

async fn edit_prefs(call: Call) -> Answer {
    Reply::json(&settings::edit_prefs(&call.app, call.actor()?, call.form()).await?)
}
