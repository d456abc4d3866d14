//! Files that no row names any more go, a day after they were last kept (SAFETY.md §5.9).

use super::blocking;
use crate::actions::error::ActionError;
use crate::app::App;
use crate::model::BlobHash;
use crate::store::StoreError;

/// Looks through every kept file that is old enough, and removes those that nothing names.
///
/// # Errors
/// What the store or the disk said; the next look goes on.
pub async fn sweep_blobs(app: &App) -> Result<(), ActionError> {
    let blobs = app.blobs.clone();
    blocking(move || blobs.sweep_partial()).await?;
    for folder in 0..=u8::MAX {
        let blobs = app.blobs.clone();
        let old = blocking(move || blobs.old_ones(folder)).await?;
        // Most are named: only what a snapshot says is not is looked at again under its lock.
        let unnamed: Vec<BlobHash> = app.store.read::<_, StoreError>(|view| {
            old.into_iter()
                .filter_map(|hash| view.is_named(hash).map(|is| (!is).then_some(hash)).transpose())
                .collect()
        })?;
        for hash in unnamed {
            let (app, blobs) = (app.clone(), app.blobs.clone());
            let removed = tokio::task::spawn_blocking(move || {
                blobs.remove_unless(hash, || app.store.read::<_, StoreError>(|view| view.is_named(hash)))
            });
            removed.await.map_err(ActionError::internal)??;
        }
    }
    Ok(())
}
