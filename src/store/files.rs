//! Files: which rows name which bytes, where an attachment is, what an account keeps. A file on disk lives as long as a row names it
//! (SAFETY.md §5.9), so these rows come and go with the message that lists the file.

use std::collections::BTreeSet;

use super::access::Proof;
use super::rows::{AttachmentPlaceRow, AttachmentRow, Body, CountRow, DoomedFilesRow, MessageRow};
use super::tables::{
    AttachmentPlaces, BlobUsers, ChannelMedia, DoomedFiles, StoredBytes, blob_user, media_kind,
};
use super::{Order, StoreError, Tx, View};
use crate::logic::links;
use crate::logic::sniff::{FileKind, FileType};
use crate::model::{AttachmentId, BlobHash, ChannelId, MessageId, UserId};

impl MessageRow {
    /// The kinds under which the channel's media index lists it.
    pub fn media_kinds(&self) -> BTreeSet<u64> {
        let Body::Plain(content) = &self.body;
        let kinds = self.attachments.iter().map(AttachmentRow::media_kind);
        kinds.chain(links::has_link(content).then_some(media_kind::LINK)).collect()
    }
}

impl AttachmentRow {
    fn media_kind(&self) -> u64 {
        match FileType::of_media_type(&self.file.media_type) {
            FileKind::Picture => media_kind::IMAGE,
            FileKind::Video => media_kind::VIDEO,
            FileKind::Audio => media_kind::AUDIO,
            FileKind::Text | FileKind::Other => media_kind::FILE,
        }
    }
}

impl Tx<'_> {
    /// Notes what a message that was written names: `before` is what stood there, if anything.
    pub(super) fn note_files(
        &mut self,
        by: &impl Proof,
        channel: ChannelId,
        id: MessageId,
        before: Option<&MessageRow>,
        after: &MessageRow,
    ) -> Result<(), StoreError> {
        let old: &[AttachmentRow] = before.map_or(&[], |row| &row.attachments);
        let is_in =
            |list: &[AttachmentRow], file: &AttachmentRow| list.iter().any(|other| other.id == file.id);
        for file in after.attachments.iter().filter(|file| !is_in(old, file)) {
            let place = AttachmentPlaceRow { channel, message: id, owner: after.author };
            self.put::<AttachmentPlaces>(by, &file.id, &place)?;
            for (hash, kind) in named(file) {
                self.put::<BlobUsers>(by, &(hash, kind, file.id.get()), &())?;
            }
            self.count_bytes(by, after.author, i128::from(file.file.size_bytes))?;
        }
        for file in old.iter().filter(|file| !is_in(&after.attachments, file)) {
            self.release_file(by, after.author, file)?;
        }
        let (kinds, new_kinds) =
            (before.map(MessageRow::media_kinds).unwrap_or_default(), after.media_kinds());
        for kind in new_kinds.difference(&kinds) {
            self.put::<ChannelMedia>(by, &(channel, *kind, id), &())?;
        }
        for kind in kinds.difference(&new_kinds) {
            self.delete::<ChannelMedia>(by, &(channel, *kind, id))?;
        }
        Ok(())
    }

    /// Leaves what a deleted message named to the sweep: one row, however many files.
    pub(super) fn doom_files(
        &mut self,
        by: &impl Proof,
        channel: ChannelId,
        id: MessageId,
        row: &MessageRow,
    ) -> Result<(), StoreError> {
        if row.media_kinds().is_empty() {
            return Ok(());
        }
        let doomed = DoomedFilesRow { owner: row.author, files: row.attachments.clone() };
        self.put::<DoomedFiles>(by, &(channel, id), &doomed)
    }

    /// Takes the rows of a deleted message's files away: at most a few dozen.
    pub fn sweep_files(
        &mut self,
        by: &impl Proof,
        channel: ChannelId,
        id: MessageId,
        doomed: &DoomedFilesRow,
    ) -> Result<(), StoreError> {
        for file in &doomed.files {
            self.release_file(by, doomed.owner, file)?;
        }
        for kind in media_kind::ALL {
            self.delete::<ChannelMedia>(by, &(channel, kind, id))?;
        }
        self.delete::<DoomedFiles>(by, &(channel, id))?;
        Ok(())
    }

    fn release_file(
        &mut self,
        by: &impl Proof,
        owner: UserId,
        file: &AttachmentRow,
    ) -> Result<(), StoreError> {
        self.delete::<AttachmentPlaces>(by, &file.id)?;
        for (hash, kind) in named(file) {
            self.delete::<BlobUsers>(by, &(hash, kind, file.id.get()))?;
        }
        self.count_bytes(by, owner, -i128::from(file.file.size_bytes))
    }

    fn count_bytes(&mut self, by: &impl Proof, owner: UserId, more: i128) -> Result<(), StoreError> {
        let stored = i128::from(self.stored_bytes(owner)?) + more;
        let count = u64::try_from(stored.max(0)).unwrap_or(u64::MAX);
        self.put::<StoredBytes>(by, &owner, &CountRow { count })
    }
}

/// The bytes that an attachment names, with the kind of thing it names them as.
fn named(file: &AttachmentRow) -> impl Iterator<Item = (BlobHash, u64)> + use<> {
    let poster = file.poster.map(|hash| (hash, blob_user::POSTER));
    [(file.file.hash, blob_user::ATTACHMENT)].into_iter().chain(poster)
}

impl View<'_> {
    /// Bytes of an account's files in messages.
    pub fn stored_bytes(&self, owner: UserId) -> Result<u64, StoreError> {
        Ok(self.get::<StoredBytes>(&owner)?.map_or(0, |row| row.count))
    }

    /// Whether a row names these bytes.
    pub fn is_named(&self, hash: BlobHash) -> Result<bool, StoreError> {
        Ok(!self.list::<BlobUsers>(&hash, None, Order::Ascending, 1)?.is_empty())
    }

    /// An attachment of a message that is there, in this channel.
    pub fn attachment(
        &self,
        channel: ChannelId,
        id: AttachmentId,
    ) -> Result<Option<AttachmentRow>, StoreError> {
        let Some(place) = self.get::<AttachmentPlaces>(&id)?.filter(|place| place.channel == channel) else {
            return Ok(None);
        };
        let message = self.message(channel, place.message)?;
        Ok(message.and_then(|row| row.attachments.into_iter().find(|file| file.id == id)))
    }
}
