//! Files that no row names any more go, a day after they were last kept (SAFETY.md §5.9).

use crate::actions::error::ActionError;
use crate::app::App;
use crate::model::BlobHash;
use crate::store::StoreError;

/// Looks through every kept file that is old enough, and removes those that nothing names.
///
/// # Errors
/// What the store or the disk said; the next look goes on.
pub async fn sweep_blobs(app: &App) -> Result<(), ActionError> {
    app.blobs.sweep_leftovers().await?;
    let mut from = None;
    loop {
        let (old, next) = app.blobs.old_ones(from).await?;
        // Most are named: only what a snapshot says is not is looked at again under its lock.
        let unnamed: Vec<BlobHash> = app.store.read::<_, StoreError>(|view| {
            old.into_iter()
                .filter_map(|hash| view.is_named(hash).map(|is| (!is).then_some(hash)).transpose())
                .collect()
        })?;
        for hash in unnamed {
            let is_named = || Ok(app.store.read::<_, StoreError>(|view| view.is_named(hash))?);
            app.blobs.remove_unless::<ActionError>(hash, is_named).await?;
        }
        match next {
            Some(next) => from = Some(next),
            None => return Ok(()),
        }
    }
}
