//! The files of a message: what its author says about them joined with the files that came, as rows.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::NewFile;
use super::slots::{self, SlotKey};
use crate::actions::error::{ActionError, Fault};
use crate::app::App;
use crate::logic::field::FieldFault;
use crate::logic::file_name::{self, SPOILER_PREFIX};
use crate::logic::form::kinds::{boolean, list, number, object, raw_text, snowflake, text};
use crate::logic::form::{FaultTree, Fields, Form, Kind as _};
use crate::logic::sniff::{FileKind, FileType};
use crate::model::{AttachmentId, BlobHash, ChannelId, UserId, attachment_flag};
use crate::store::access::Proof;
use crate::store::{AttachmentRow, FileRow, MessageRow, StoreError, Tx, View};

/// Most files of a message (API.md §5).
pub const MAX_ATTACHMENTS: usize = 10;
/// Most files that a request may speak of before it is refused unread.
const MAX_NAMED: usize = 50;
/// Most code points of a description, and of a title (API.md §5).
const MAX_DESCRIPTION_CHARS: usize = 1_024;
/// Most bytes of a waveform (API.md §1.10).
const MAX_WAVEFORM_BYTES: usize = 256;
/// Longest sound or video that a sender may claim, seconds: a day.
const MAX_DURATION_SECS: f64 = 86_400.0;
/// Most bytes of a video's still (API.md §1.10).
const MAX_POSTER_BYTES: u64 = 1 << 20;

/// What a sender says of one file.
#[derive(Clone, Debug)]
pub struct AttachmentForm {
    id: Option<u64>,
    filename: Option<String>,
    description: Option<String>,
    title: Option<String>,
    duration_secs: Option<f64>,
    waveform: Option<String>,
    is_spoiler: Option<bool>,
    uploaded_filename: Option<String>,
    poster_filename: Option<String>,
}

impl Form for AttachmentForm {
    fn read(f: &mut Fields<'_>) -> Self {
        Self {
            id: f.opt("id", snowflake::<()>()).map(|id| id.get()),
            filename: f.opt("filename", raw_text(0..=1_024)),
            description: f.opt("description", text(0..=MAX_DESCRIPTION_CHARS)),
            title: f.opt("title", text(0..=MAX_DESCRIPTION_CHARS)),
            duration_secs: f.opt("duration_secs", number(0.0..=MAX_DURATION_SECS)),
            waveform: f.opt("waveform", text(0..=1_024).then(String::new(), waveform)),
            is_spoiler: f.opt("is_spoiler", boolean()),
            uploaded_filename: f.opt("uploaded_filename", text(1..=128)),
            poster_filename: f.opt("poster_filename", text(1..=128)),
        }
    }
}

fn waveform(text: String) -> Result<String, FieldFault> {
    match STANDARD.decode(&text) {
        Ok(bytes) if bytes.len() <= MAX_WAVEFORM_BYTES => Ok(text),
        Ok(_) => Err(FieldFault::too_long(MAX_WAVEFORM_BYTES)),
        Err(_) => Err(FieldFault::new("BASE64_TYPE_DECODE", "Must be base64")),
    }
}

/// The kind of the field `attachments`.
pub fn attachment_forms() -> crate::logic::form::kinds::List<crate::logic::form::kinds::Object<AttachmentForm>>
{
    list(object(), MAX_NAMED)
}

/// Why files can't be attached; told inside the write, after the rights.
#[derive(Clone, Debug)]
enum Refusal {
    Fault(Fault),
    Fields(FaultTree),
}

impl From<Refusal> for ActionError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Fault(fault) => fault.into(),
            Refusal::Fields(tree) => tree.into(),
        }
    }
}

/// A file found for an entry, still without an id.
#[derive(Clone, Debug)]
struct Planned {
    row: AttachmentRow,
    slots: Vec<SlotKey>,
}

/// The files that a request brings, looked up ahead of the write.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the sender says of files that are there already, by their id.
    kept: HashMap<u64, AttachmentForm>,
    /// Whether files that are there already and not named go.
    is_complete: bool,
    files: Result<Vec<Planned>, Refusal>,
    most_bytes: Option<u64>,
}

impl Plan {
    /// Joins what is said with what came; slots are those of `sender`, and webhooks have none. `forms` absent, or on a new message, means that every file that came is meant.
    ///
    /// # Errors
    /// What the store or the disk said; faults of the request wait for [`Plan::attach`].
    pub async fn prepare(
        app: &App,
        sender: Option<UserId>,
        channel: ChannelId,
        forms: Option<&[AttachmentForm]>,
        files: Vec<NewFile>,
        existing: &[AttachmentId],
    ) -> Result<Self, ActionError> {
        let most_bytes = Some(app.config.media.bytes_per_user.get()).filter(|most| *most > 0);
        let is_complete = forms.is_some();
        let mut kept = HashMap::new();
        let mut planned = Ok(Vec::new());
        let mut files: Vec<Option<NewFile>> = files.into_iter().map(Some).collect();
        for (index, form) in forms.unwrap_or_default().iter().enumerate() {
            if let Some(id) = form.id.filter(|id| existing.iter().any(|own| own.get() == *id)) {
                kept.insert(id, form.clone());
                continue;
            }
            let found = find(app, sender, channel, form, &mut files).await?;
            let fault = |found| at(index, found);
            planned = planned.and_then(|mut list: Vec<Planned>| {
                list.push(found.map_err(fault)?);
                Ok(list)
            });
        }
        // A new message takes every file; on an edit with a list those without an entry were not meant.
        if existing.is_empty() || !is_complete {
            planned = planned.map(|mut list| {
                list.extend(files.into_iter().flatten().map(|file| plan(file, None)));
                list
            });
        }
        if planned.as_ref().is_ok_and(|list| list.len() > MAX_ATTACHMENTS) {
            planned = Err(Refusal::Fault(Fault::TooManyAttachments));
        }
        Ok(Self { kept, is_complete, files: planned, most_bytes })
    }

    /// Whether no file comes and none goes.
    pub fn is_empty(&self) -> bool {
        !self.is_complete && self.files.as_ref().is_ok_and(Vec::is_empty)
    }

    /// Whether files come.
    pub fn brings_files(&self) -> bool {
        !self.files.as_ref().is_ok_and(Vec::is_empty)
    }

    /// Puts the files into a message's row, and ends the slots they came by.
    ///
    /// # Errors
    /// 30015, 50146, faults of `attachments`.
    pub fn attach(&self, tx: &mut Tx<'_>, by: &impl Proof, row: &mut MessageRow) -> Result<(), ActionError> {
        let files = self.files.clone()?;
        if self.is_complete {
            row.attachments.retain(|file| self.kept.contains_key(&file.id.get()));
        }
        for file in &mut row.attachments {
            if let Some(form) = self.kept.get(&file.id.get()) {
                describe(file, form);
            }
        }
        if row.attachments.len() + files.len() > MAX_ATTACHMENTS {
            return Err(Fault::TooManyAttachments.into());
        }
        let new_bytes: u64 = files.iter().map(|file| file.row.file.size_bytes).sum();
        self.check_quota(tx, row, new_bytes)?;
        for Planned { row: file, slots } in files {
            for slot in slots {
                // Gone since it was looked up: used by another message, or cancelled.
                slots::end(tx, by, row.author, &slot)?.ok_or(Fault::UploadNotFound)?;
            }
            row.attachments.push(AttachmentRow { id: tx.next_id(), ..file });
        }
        Ok(())
    }

    fn check_quota(&self, view: &View<'_>, row: &MessageRow, new_bytes: u64) -> Result<(), ActionError> {
        let Some(most_bytes) = self.most_bytes.filter(|_| new_bytes > 0) else { return Ok(()) };
        let stored_bytes = view.stored_bytes(row.author)?;
        if stored_bytes.saturating_add(new_bytes) <= most_bytes {
            return Ok(());
        }
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        let message = format!(
            "Your files here may have {} MiB together; they have {} MiB, and these would add {} MiB. Delete some first.",
            mib(most_bytes),
            mib(stored_bytes),
            mib(new_bytes)
        );
        Err(ActionError::field("attachments", FieldFault::new("STORAGE_QUOTA_REACHED", message)))
    }
}

fn at(index: usize, refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Fields(tree) => {
            let (mut list, mut whole) = (FaultTree::default(), FaultTree::default());
            list.merge_below(index.to_string(), tree);
            whole.merge_below("attachments".to_owned(), list);
            Refusal::Fields(whole)
        }
        fault => fault,
    }
}

/// The file that an entry means: a slot's, or one that came with the request.
async fn find(
    app: &App,
    sender: Option<UserId>,
    channel: ChannelId,
    form: &AttachmentForm,
    files: &mut [Option<NewFile>],
) -> Result<Result<Planned, Refusal>, ActionError> {
    let mut slots = Vec::new();
    let found = match &form.uploaded_filename {
        Some(secret) => {
            let Some((key, filename, file)) = slots::finished(app, sender, channel, secret).await? else {
                return Ok(Err(Refusal::Fault(Fault::UploadNotFound)));
            };
            slots.push(key);
            NewFile { key: None, filename: form.filename.clone().unwrap_or(filename), file }
        }
        None => {
            let place = files.iter_mut().find(|file| file.as_ref().is_some_and(|file| file.key == form.id));
            let Some(file) = form.id.and(place).and_then(Option::take) else {
                let fault = FieldFault::new("ATTACHMENT_NOT_FOUND", "No file came for this entry");
                return Ok(Err(Refusal::Fields(FaultTree::of("id", fault))));
            };
            file
        }
    };
    let mut planned = plan(found, Some(form));
    if let Some(secret) = &form.poster_filename {
        let poster = slots::finished(app, sender, channel, secret).await?;
        let Some((key, _, file)) = poster else { return Ok(Err(Refusal::Fault(Fault::UploadNotFound))) };
        match poster_hash(&planned.row, &file) {
            Some(hash) => planned.row.poster = Some(hash),
            None => {
                let message = "Must be a JPEG, PNG or WebP picture of at most 1 MiB, for a video";
                let fault = FieldFault::new("IMAGE_INVALID", message);
                return Ok(Err(Refusal::Fields(FaultTree::of("poster_filename", fault))));
            }
        }
        slots.push(key);
    }
    planned.slots = slots;
    Ok(Ok(planned))
}

fn poster_hash(video: &AttachmentRow, poster: &FileRow) -> Option<BlobHash> {
    let is_picture = matches!(poster.media_type.as_str(), "image/jpeg" | "image/png" | "image/webp");
    let is_fitting = is_picture && poster.width.is_some() && poster.size_bytes <= MAX_POSTER_BYTES;
    let is_video = FileType::of_media_type(&video.file.media_type) == FileKind::Video;
    (is_fitting && is_video).then_some(poster.hash)
}

fn plan(new: NewFile, form: Option<&AttachmentForm>) -> Planned {
    let given = form.and_then(|form| form.filename.as_ref()).filter(|name| !name.is_empty());
    let given = given.unwrap_or(&new.filename);
    let filename = file_name::clean(given);
    let title = (filename != *given)
        .then(|| given.chars().filter(|c| !c.is_control()).take(file_name::MAX_NAME_CHARS).collect());
    let mut flags = if new.file.is_animated { attachment_flag::IS_ANIMATED } else { 0 };
    if filename.starts_with(SPOILER_PREFIX) {
        flags |= attachment_flag::IS_SPOILER;
    }
    let mut row = AttachmentRow { filename, title, flags, file: new.file, ..AttachmentRow::default() };
    if let Some(form) = form {
        describe(&mut row, form);
        row.waveform = form.waveform.clone();
        if let Some(secs) = form.duration_secs.filter(|_| row.file.duration_ms.is_none()) {
            row.file.duration_ms = Some((secs * 1_000.0) as u64);
        }
    }
    Planned { row, slots: Vec::new() }
}

/// What may be said anew of a file at any time.
fn describe(row: &mut AttachmentRow, form: &AttachmentForm) {
    let line = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    if let Some(description) = &form.description {
        row.description = line(description);
    }
    if let Some(title) = &form.title {
        row.title = line(title);
    }
    match form.is_spoiler {
        Some(true) => row.flags |= attachment_flag::IS_SPOILER,
        Some(false) => row.flags &= !attachment_flag::IS_SPOILER,
        None => {}
    }
}

/// The files of a copy of a message: those of its source, each with an id of its own; what the copy has already keeps its id.
pub fn mirror(tx: &mut Tx<'_>, copy: &mut MessageRow, source: &[AttachmentRow]) -> Result<(), StoreError> {
    let had = std::mem::take(&mut copy.attachments);
    for file in source {
        let same = had.iter().find(|own| own.file.hash == file.file.hash && own.filename == file.filename);
        let id = same.map_or_else(|| tx.next_id(), |own| own.id);
        copy.attachments.push(AttachmentRow { id, ..file.clone() });
    }
    Ok(())
}
