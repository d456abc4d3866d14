//! What is below `/cdn`: files of messages by signed addresses, pictures of people and guilds by hash (API.md §1.12). Whatever the file,
//! nothing is answered that runs in the origin of the app (SAFETY.md §1).

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::file_body::Body;
use super::peer::Peer;
use super::{errors, range};
use crate::actions::files::{self, Content, Format, Served, Wish};
use crate::actions::{ActionError, Fault};
use crate::app::App;
use crate::logic::file_links::Signature;
use crate::model::{AttachmentId, ChannelId, EmojiId, SoundId, StickerId};

/// Folders whose files are named `{owner}/{hash}.{extension}`.
const FOLDERS: [&str; 8] = [
    "avatars",
    "banners",
    "icons",
    "splashes",
    "discovery-splashes",
    "channel-icons",
    "role-icons",
    "app-icons",
];
/// What a file may do when it is opened by itself: be looked at and listened to.
const POLICY: &str =
    "default-src 'none'; img-src 'self' data:; media-src 'self' blob:; style-src 'unsafe-inline'; sandbox";

type Answered = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// What answers requests below `/cdn`.
pub fn cdn(app: App) -> Box<dyn Fn(Request<Incoming>, Peer) -> Answered + Send + Sync> {
    Box::new(move |request, _| {
        let app = app.clone();
        Box::pin(async move {
            let found = find(&app, &request).await;
            found.map_or_else(|error| refuse(&error), |served| answer(served, request.headers()))
        })
    })
}

fn refuse(error: &ActionError) -> Response<Body> {
    let reply = errors::answer(error, "/cdn");
    let mut response = super::edge::respond(reply, 500);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn find(app: &App, request: &Request<Incoming>) -> Result<Served, ActionError> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Fault::MethodNotAllowed.into());
    }
    let path = percent_decode_str(request.uri().path()).decode_utf8().map_err(|_| Fault::NotFound)?;
    let query = request.uri().query().unwrap_or_default();
    let parts: Vec<&str> = path.strip_prefix("/cdn/").unwrap_or_default().split('/').collect();
    match parts.as_slice() {
        ["embed", "avatars", file] => default_avatar(file),
        ["attachments", channel, attachment, _name] => {
            let channel: ChannelId = channel.parse().map_err(|_| Fault::NotFound)?;
            let attachment: AttachmentId = attachment.parse().map_err(|_| Fault::NotFound)?;
            let signature = Signature::parse(query).ok_or(Fault::NotFound)?;
            files::attachment(app, channel, attachment, signature, wish(query, None)).await
        }
        [folder, owner, file] if FOLDERS.contains(folder) && owner.parse::<u64>().is_ok() => {
            picture(app, file, query).await
        }
        ["guilds", guild, "users", user, "avatars" | "banners", file]
            if guild.parse::<u64>().is_ok() && user.parse::<u64>().is_ok() =>
        {
            picture(app, file, query).await
        }
        ["external", hmac, scheme @ ("http" | "https"), rest @ ..] if !rest.is_empty() => {
            let raw = request.uri().path().splitn(6, '/').nth(5).unwrap_or_default();
            let asked = query.split('&').find_map(|pair| pair.strip_prefix("q="));
            let asked = asked.map(|text| percent_decode_str(text).decode_utf8_lossy());
            let url = format!(
                "{scheme}://{raw}{}{}",
                if asked.is_some() { "?" } else { "" },
                asked.unwrap_or_default()
            );
            files::external(app, &url, hmac, wish(query, None)).await
        }
        ["emojis", file] => {
            let (id, wish) = numbered(file, query)?;
            files::emoji(app, EmojiId::new(id), wish).await
        }
        ["stickers", file] => {
            let (id, wish) = numbered(file, query)?;
            files::sticker(app, StickerId::new(id), wish).await
        }
        ["soundboard-sounds", id] => {
            files::sound(app, SoundId::new(id.parse().map_err(|_| Fault::NotFound)?)).await
        }
        _ => Err(Fault::NotFound.into()),
    }
}

/// The id and format of `{id}.{extension}`.
fn numbered(file: &str, query: &str) -> Result<(u64, Wish), Fault> {
    let (id, extension) = file.rsplit_once('.').ok_or(Fault::NotFound)?;
    let format = Format::parse(extension).ok_or(Fault::NotFound)?;
    Ok((id.parse().map_err(|_| Fault::NotFound)?, wish(query, Some(format))))
}

async fn picture(app: &App, file: &str, query: &str) -> Result<Served, ActionError> {
    let (hash, extension) = file.rsplit_once('.').ok_or(Fault::NotFound)?;
    let format = Format::parse(extension).ok_or(Fault::NotFound)?;
    files::picture(app, hash, wish(query, Some(format))).await
}

/// `size`, `format` and `animated` of a query string. What means nothing asks for nothing.
fn wish(query: &str, format: Option<Format>) -> Wish {
    let value =
        |name: &str| query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
    let value = |name: &str| value(name).map(|(_, value)| value);
    Wish {
        size: value("size").and_then(|size| size.parse().ok()),
        format: format.or_else(|| value("format").and_then(Format::parse)),
        is_animated: value("animated") == Some("true"),
    }
}

/// A file with the headers that keep it harmless, or the part of it that was asked for.
fn answer(served: Served, asked: &HeaderMap) -> Response<Body> {
    let tag = format!("\"{}\"", served.tag);
    let length = match &served.content {
        Content::Bytes(bytes) => bytes.len() as u64,
        Content::Kept(kept) => kept.length_bytes,
    };
    let text = |name| asked.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let mut response = Response::new(Body::default());
    let headers = response.headers_mut();
    set(headers, ETAG, &tag);
    let kept = match served.max_age_secs {
        Some(secs) => format!("private, max-age={secs}, immutable"),
        None => "public, max-age=31536000, immutable".to_owned(),
    };
    set(headers, CACHE_CONTROL, &kept);
    if text(IF_NONE_MATCH)
        .is_some_and(|tags| tags.split(',').any(|known| known.trim() == tag || known.trim() == "*"))
    {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    set(headers, CONTENT_TYPE, &served.media_type);
    set(headers, CONTENT_SECURITY_POLICY, POLICY);
    set(headers, ACCEPT_RANGES, "bytes");
    set(headers, HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
    if let Some(filename) = &served.filename {
        let how = if served.is_shown { "inline" } else { "attachment" };
        let name = utf8_percent_encode(filename, NON_ALPHANUMERIC);
        set(headers, CONTENT_DISPOSITION, &format!("{how}; filename*=UTF-8''{name}"));
    }
    let is_same = text(IF_RANGE).is_none_or(|known| known == tag);
    let part =
        text(RANGE).filter(|_| is_same).map_or(range::Part::Whole, |asked| range::parse(asked, length));
    let (start, end) = match part {
        range::Part::Whole => (0, length),
        range::Part::Of(start, end) => {
            set(headers, CONTENT_RANGE, &format!("bytes {start}-{}/{length}", end - 1));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            (start, end)
        }
        range::Part::Beyond => {
            set(headers, CONTENT_RANGE, &format!("bytes */{length}"));
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            return response;
        }
    };
    *response.body_mut() = match served.content {
        Content::Bytes(bytes) => Body::new(bytes.slice(start as usize..end as usize)),
        Content::Kept(kept) => Body::kept(kept, start, end - start),
    };
    response
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn default_avatar(file: &str) -> Result<Served, ActionError> {
    let number =
        file.strip_suffix(".png").and_then(|number| number.parse().ok()).filter(|number| *number <= 5);
    let number: u8 = number.ok_or(Fault::NotFound)?;
    Ok(Served {
        content: Content::Bytes(Bytes::from(draw_avatar(number))),
        media_type: "image/png".to_owned(),
        tag: format!("default-{number}"),
        filename: None,
        is_shown: true,
        max_age_secs: None,
    })
}

/// One of six avatars for accounts without one: a sun over hills, drawn once per request at 64 × 64, a few microseconds.
fn draw_avatar(number: u8) -> Vec<u8> {
    const SKIES: [[u8; 3]; 6] = [
        [233, 150, 122],
        [126, 178, 186],
        [214, 188, 116],
        [158, 132, 184],
        [132, 178, 132],
        [214, 140, 160],
    ];
    const SIDE: i64 = 64;
    let sky = SKIES[usize::from(number)];
    let dim = |by: u16| sky.map(|part| (u16::from(part) * by / 100) as u8);
    let picture = image::RgbImage::from_fn(SIDE as u32, SIDE as u32, |x, y| {
        let (x, y) = (i64::from(x), i64::from(y));
        let is_sun = (x - 42).pow(2) + (y - 20).pow(2) < 81;
        let near = y > 46 + (x - 20).pow(2) / 90;
        let far = y > 36 + (x - 46).pow(2) / 60;
        image::Rgb(match (near, far, is_sun) {
            (true, ..) => dim(48),
            (_, true, _) => dim(68),
            (_, _, true) => [255, 240, 214],
            _ => sky,
        })
    });
    let mut png = Vec::new();
    image::DynamicImage::from(picture)
        .write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png)
        .expect("encoding into memory cannot fail");
    png
}
