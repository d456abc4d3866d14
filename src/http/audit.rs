//! The audit log.

use super::call::Call;
use super::reply::{Answer, Reply};
use super::route::{Route, get};
use crate::actions::audit_log::{self, Page};
use crate::model::AuditLogPage;
use crate::model::kind::Guild;

/// The route of the audit log.
pub fn routes() -> Vec<Route> {
    vec![
        get("/guilds/{guild_id}/audit-logs", page)
            .query::<Page>()
            .gives::<AuditLogPage>(200)
            .permission("VIEW_AUDIT_LOG")
            .summary("A page of a guild's audit log"),
    ]
}

async fn page(call: Call) -> Answer {
    let guild = call.id::<Guild>("guild_id")?;
    Reply::json(&audit_log::page(&call.app, call.actor()?, guild, call.query_form())?)
}
