//! Files ahead of their message: slots, their bytes, and fresh addresses for files that are there (API.md §1.10, §1.12).

use hyper::header::CONTENT_RANGE;

use super::reply::UPLOAD_OFFSET;
use super::{Answer, Call, Reply, Route, Who, delete, get, post, put};
use crate::actions::files::{self, Refresh, Refreshed};
use crate::actions::uploads::{self, CreateSlots, NewSlots, Offset};
use crate::actions::{ActionError, Fault};
use crate::logic::rate_limit::Bucket;

/// Every route of files by themselves.
pub fn routes() -> Vec<Route> {
    vec![
        post("/channels/{channel_id}/attachments", create)
            .takes::<CreateSlots>()
            .gives::<NewSlots>(200)
            .permission("ATTACH_FILES")
            .summary("Make slots for files that come ahead of their message"),
        get("/hearth/uploads/{upload_secret}", held)
            .who(Who::Nobody)
            .limit(Bucket::Upload)
            .summary("How many bytes of a slot's file are held, in Upload-Offset"),
        put("/hearth/uploads/{upload_secret}", send)
            .who(Who::Nobody)
            .limit(Bucket::Upload)
            .takes_bytes()
            .gives::<Held>(200)
            .summary("Send a slot's file, or with Content-Range the rest of it"),
        delete("/attachments/{upload_filename}", cancel).summary("Cancel a slot"),
        post("/attachments/refresh-urls", refresh)
            .takes::<Refresh>()
            .gives::<Refreshed>(200)
            .summary("Sign addresses of files anew"),
    ]
}

/// How much of a slot's file is held.
#[derive(serde::Serialize, schemars::JsonSchema)]
struct Held {
    /// Bytes.
    held_bytes: u64,
    /// Whether that is all of it.
    is_whole: bool,
}

async fn create(call: Call) -> Answer {
    let (actor, channel) = (call.actor()?, call.id("channel_id")?);
    let base = format!("{}/api/v10", call.origin());
    let slots = uploads::create_slots(&call.app, actor, channel, call.form(), base).await?;
    Ok(Reply::json(&slots)?.no_store())
}

async fn held(call: Call) -> Answer {
    let offset = uploads::look_up(&call.app, call.param("upload_secret")).await?;
    Ok(Reply::nothing().header(UPLOAD_OFFSET, offset.held_bytes.into()).no_store())
}

async fn send(mut call: Call) -> Answer {
    let sent = send_bytes(&mut call).await;
    call.drain().await;
    sent
}

async fn send_bytes(call: &mut Call) -> Answer {
    let from = match call.header(CONTENT_RANGE.as_str()) {
        None => 0,
        Some(header) => first_byte(header).ok_or(Fault::BadRequest)?,
    };
    let taken = uploads::take_turn(&call.app, call.param("upload_secret"), from).await?;
    let mut sent = match taken {
        Ok(sent) => sent,
        Err(offset) if offset.is_whole => return tell(offset),
        Err(Offset { held_bytes, .. }) => return Err(ActionError::WrongOffset { held_bytes }),
    };
    match call.receive(&mut sent.incoming).await {
        Ok(()) => tell(uploads::send_whole(&call.app, sent).await?),
        Err(error) => {
            // What came is held: the sender goes on with it.
            sent.incoming.pause().await?;
            Err(error)
        }
    }
}

fn tell(offset: Offset) -> Answer {
    let Offset { held_bytes, is_whole } = offset;
    Ok(Reply::json(&Held { held_bytes, is_whole })?.header(UPLOAD_OFFSET, held_bytes.into()))
}

/// The first number of `bytes N-LAST/TOTAL`.
fn first_byte(header: &str) -> Option<u64> {
    header.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

async fn cancel(call: Call) -> Answer {
    uploads::cancel(&call.app, call.actor()?, call.param("upload_filename")).await?;
    Ok(Reply::nothing())
}

async fn refresh(call: Call) -> Answer {
    Reply::json(&files::refresh(&call.app, call.actor()?, call.form())?)
}
