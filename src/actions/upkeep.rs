//! What has to be done from time to time: soft kinds written behind, things ended whose time is over.

use std::time::Duration;

use super::error::ActionError;
use super::{accounts, audit_log, grants, sessions, uploads};
use crate::app::App;

/// How often soft kinds are written behind; a crash loses at most so much of them.
const SOFT_EVERY: Duration = Duration::from_secs(60);
/// How many rounds of soft kinds lie between two looks for what is over.
const ROUNDS_BETWEEN_SWEEPS: u32 = 10;

/// Goes on until the task is dropped.
pub async fn run(app: App) {
    let mut tick = tokio::time::interval(SOFT_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut round = 0u32;
    loop {
        tick.tick().await;
        // The first look comes after the start, which reads no more than it must (SAFETY.md §5.11).
        let is_time = round % ROUNDS_BETWEEN_SWEEPS == ROUNDS_BETWEEN_SWEEPS - 1;
        let due = if is_time { sweep(&app).await } else { Ok(()) };
        if let Err(error) = due.and(sessions::write_used(&app).await) {
            // A full disk or a busy writer is no reason to end: the next round tries again.
            tracing::warn!(%error, "upkeep was put off");
        }
        round = round.wrapping_add(1);
    }
}

async fn sweep(app: &App) -> Result<(), ActionError> {
    accounts::delete_due(app).await?;
    sessions::end_expired(app).await?;
    grants::sweep(app).await?;
    audit_log::forget_old(app).await?;
    uploads::end_old(app).await?;
    uploads::sweep_blobs(app).await
}
