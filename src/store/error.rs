//! What can go wrong between an action and the disk.

use std::sync::Arc;

use crate::model::Permissions;

/// Why somebody may not do something (API.md §1.5, "Order of checks").
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The channel does not exist, or is a DM of others.
    #[error("the channel is unknown")]
    UnknownChannel,
    /// The guild does not exist or the actor is not in it.
    #[error("the guild is not the actor's")]
    NotMember,
    /// The channel exists and the actor may not view it.
    #[error("the channel is hidden from the actor")]
    Hidden,
    /// The actor may view it but lacks these rights.
    #[error("the actor lacks {0:?}")]
    Missing(Permissions),
    /// The target stands as high as the actor, or higher.
    #[error("the target is not below the actor")]
    Hierarchy,
}

/// A fault of the store itself.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The act is not allowed.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Free space is below the floor: writes wait for room, reads go on (SAFETY.md §5.5).
    #[error("the disk is nearly full: {free_bytes} bytes are free, {floor_bytes} are kept back")]
    DiskFull {
        /// What is free.
        free_bytes: u64,
        /// What is kept back.
        floor_bytes: u64,
    },
    /// The write queue stayed full for [`super::writer::ROOM_WAIT`].
    #[error("the server is writing as fast as it can")]
    Busy,
    /// The server is stopping, or the store failed and waits for its restart.
    #[error("the store takes no more writes")]
    Closed,
    /// A job panicked; it alone is lost.
    #[error("a write failed unexpectedly")]
    Panicked,
    /// A row does not decode.
    #[error("a row of {table} is damaged: {why}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// What the decoder said.
        why: String,
    },
    /// The file was written by a newer Hearth.
    #[error(
        "the data was written by a newer Hearth (schema {found}, this one reads up to {known}); start that version, or restore a backup made before it"
    )]
    Newer {
        /// Version in the file.
        found: u64,
        /// Newest version this program reads.
        known: u64,
    },
    /// redb said no.
    #[error("the store failed: {0}")]
    Redb(Arc<redb::Error>),
    /// The file system said no.
    #[error("the data directory failed: {0}")]
    Io(Arc<std::io::Error>),
}

macro_rules! from_redb {
    ($($kind:ident),*) => {$(
        impl From<redb::$kind> for StoreError {
            fn from(error: redb::$kind) -> Self {
                Self::Redb(Arc::new(error.into()))
            }
        }
    )*};
}
from_redb!(StorageError, TableError, TransactionError, CommitError, DatabaseError, SetDurabilityError);

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}
