//! Pictures in messages and of people and guilds: their secrets go, their sizes and formats are made, those that move go on moving.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::gif::GifEncoder;
use image::{Delay, DynamicImage, Frame, ImageFormat, RgbImage, RgbaImage};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Person, Server};

/// EXIF (TIFF 6.0, big-endian) that turns a picture by 90° and holds a place.
const EXIF: &[u8] =
    b"MM\0\x2a\0\0\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\x88\x25\0\x04\0\0\0\x01\0\0\0\x26\0\0\0\0\
    \0\x01\0\x01\0\x02\0\0\0\x0cGPS-SECRET-48.13\0\0\0\0";

/// A picture with as many colours as a photo has.
pub fn photo(width: u32, height: u32) -> DynamicImage {
    let noise = |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) as u8;
    RgbImage::from_fn(width, height, |x, y| image::Rgb([noise(x, y), noise(y, x), noise(x + y, y)])).into()
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

/// A PNG picture.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    encoded(&photo(width, height), ImageFormat::Png)
}

/// A GIF of three frames.
pub fn gif(side: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    for n in 0..3 {
        let picture = RgbaImage::from_pixel(side, side, image::Rgba([n * 80, 90, 40, 255]));
        encoder.encode_frame(Frame::from_parts(picture, 0, 0, Delay::from_numer_denom_ms(100, 1))).unwrap();
    }
    drop(encoder);
    bytes
}

/// Pixels of a picture.
pub fn size(bytes: &[u8]) -> (u32, u32) {
    let picture = image::load_from_memory(bytes).unwrap();
    (picture.width(), picture.height())
}

fn jpeg_with_secrets(width: u32, height: u32) -> Vec<u8> {
    let plain = encoded(&photo(width, height), ImageFormat::Jpeg);
    let mut jpeg = plain[..2].to_vec();
    jpeg.extend_from_slice(&[0xff, 0xe1]);
    jpeg.extend_from_slice(&(EXIF.len() as u16 + 8).to_be_bytes());
    jpeg.extend_from_slice(b"Exif\0\0");
    jpeg.extend_from_slice(EXIF);
    jpeg.extend_from_slice(&plain[2..]);
    jpeg.extend_from_slice(b"GPS-SECRET in a film after the end");
    jpeg
}

async fn scene(server: &Server) -> (Person<'_>, String, String) {
    let mira = server.owner("mira").await;
    let (guild, channel) = mira.make_guild("Maple House").await;
    (mira, guild, channel)
}

async fn send(person: &Person<'_>, channel: &str, name: &str, bytes: &[u8]) -> Value {
    let path = format!("/channels/{channel}/messages");
    person.send_parts(Method::POST, &path, &[("files[0]", name, bytes)]).await.ok()["attachments"][0].clone()
}

#[tokio::test]
async fn a_photo_keeps_its_pixels_and_loses_where_it_was_taken() {
    let server = Server::start().await;
    let (mira, _, channel) = scene(&server).await;
    let given = jpeg_with_secrets(300, 200);
    let file = send(&mira, &channel, "holiday.jpg", &given).await;
    assert_eq!((&file["width"], &file["height"]), (&json!(200), &json!(300)), "upright");
    assert_eq!((&file["content_type"], &file["placeholder_version"]), (&json!("image/jpeg"), &json!(1)));
    assert!(STANDARD.decode(file["placeholder"].as_str().unwrap()).unwrap().len() > 4);
    let url = file["url"].as_str().unwrap();
    let fetched = server.fetch(url, &[]).await;
    let has_secret = |bytes: &[u8]| bytes.windows(10).any(|window| window == b"GPS-SECRET");
    assert!(has_secret(&given) && !has_secret(&fetched.bytes));
    assert_eq!(fetched.bytes.len() as u64, file["size"].as_u64().unwrap());
    assert_eq!(image::load_from_memory(&fetched.bytes).unwrap(), image::load_from_memory(&given).unwrap());
    assert_eq!(fetched.header("content-disposition"), "inline; filename*=UTF-8''holiday%2Ejpg");

    let preview = server.fetch(&format!("{url}size=100&format=webp"), &[]).await;
    assert_eq!(
        (size(&preview.bytes), preview.header("content-type")),
        ((85, 128), "image/jpeg"),
        "a photo, upright"
    );
    let preview = server.fetch(&format!("{url}size=64&format=png"), &[]).await;
    assert_eq!((size(&preview.bytes), preview.header("content-type")), ((43, 64), "image/png"));
    let again = server.fetch(&format!("{url}size=64&format=png"), &[]).await;
    assert_eq!(
        (again.bytes, again.headers["etag"].clone()),
        (preview.bytes.clone(), preview.headers["etag"].clone())
    );
}

#[tokio::test]
async fn pictures_that_are_bombs_or_broken_are_plain_files() {
    let server = Server::start().await;
    let (mira, _, channel) = scene(&server).await;
    let mut flood = png(2, 2);
    flood[16..24].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]);
    let half = png(50, 50)[..400].to_vec();
    let files: [(&str, &[u8]); 5] = [
        ("flood.png", &flood),
        ("half.png", &half),
        ("cut.jpg", &jpeg_with_secrets(40, 40)[..500]),
        ("head.gif", b"GIF89a"),
        ("text.webp", b"RIFF\xff\xff\xff\xffWEBPVP8 nothing"),
    ];
    for (name, bytes) in files {
        let file = send(&mira, &channel, name, bytes).await;
        assert!(file.get("width").is_none() && file.get("placeholder").is_none(), "{file}");
        let fetched = server.fetch(file["url"].as_str().unwrap(), &[]).await;
        assert!(fetched.header("content-disposition").starts_with("attachment;"), "{name}");
        assert_eq!(server.fetch(&format!("{}size=64", file["url"].as_str().unwrap()), &[]).await.status, 200);
    }
}

#[tokio::test]
async fn a_moving_picture_is_kept_and_has_a_still() {
    let server = Server::start().await;
    let (mira, _, channel) = scene(&server).await;
    let given = gif(48);
    let file = send(&mira, &channel, "cat.gif", &given).await;
    assert_eq!((&file["flags"], &file["width"]), (&json!(32), &json!(48)));
    let url = file["url"].as_str().unwrap();
    assert_eq!(server.fetch(url, &[]).await.bytes, given);
    let still = server.fetch(&format!("{url}format=png"), &[]).await;
    assert_eq!((size(&still.bytes), still.header("content-type")), ((48, 48), "image/png"));
}

pub fn data_uri(kind: &str, bytes: &[u8]) -> String {
    format!("data:image/{kind};base64,{}", STANDARD.encode(bytes))
}

#[tokio::test]
async fn avatars_and_icons_come_in_every_size_and_format() {
    let server = Server::start().await;
    let (mira, guild, _) = scene(&server).await;
    let own = mira.patch("/users/@me", json!({ "avatar": data_uri("png", &png(1_500, 1_200)) })).await.ok();
    let hash = own["avatar"].as_str().unwrap().to_owned();
    assert!(hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let base = format!("{}/cdn/avatars/{}/{hash}", server.origin, mira.id);
    for (rest, pixels, media_type) in [
        (".png", 1_024, "image/png"),
        (".png?size=64", 64, "image/png"),
        (".jpg?size=100", 128, "image/jpeg"),
        (".webp?size=16", 16, "image/webp"),
        (".png?size=4096", 1_024, "image/png"),
        (".png?size=0", 16, "image/png"),
    ] {
        let fetched = server.fetch(&format!("{base}{rest}"), &[]).await;
        assert_eq!((fetched.status, fetched.header("content-type")), (200, media_type), "{rest}");
        assert_eq!(size(&fetched.bytes), (pixels, pixels), "{rest}");
        assert_eq!(fetched.header("cache-control"), "public, max-age=31536000, immutable");
    }
    assert_eq!(server.fetch(&format!("{base}.gif"), &[]).await.status, 415);
    for bad in [".svg", ".png/x", "0.png", ""] {
        assert_eq!(server.fetch(&format!("{base}{bad}"), &[]).await.status, 404, "{bad}");
    }
    let moving = gif(32);
    let edited =
        mira.patch(&format!("/guilds/{guild}"), json!({ "icon": data_uri("gif", &moving) })).await.ok();
    let icon = edited["icon"].as_str().unwrap();
    assert!(icon.starts_with("a_") && icon.len() == 34, "{icon}");
    let base = format!("{}/cdn/icons/{guild}/{icon}", server.origin);
    assert_eq!(server.fetch(&format!("{base}.gif"), &[]).await.bytes, moving);
    assert_eq!(
        server.fetch(&format!("{base}.webp?animated=true"), &[]).await.header("content-type"),
        "image/gif"
    );
    assert_eq!(server.fetch(&format!("{base}.webp"), &[]).await.header("content-type"), "image/webp");
    let junk = json!({ "icon": data_uri("png", b"<svg onload=alert(1)>") });
    let faults = mira.patch(&format!("/guilds/{guild}"), junk).await.refused(400, 50035);
    assert_eq!(faults["errors"]["icon"]["_errors"][0]["code"], "IMAGE_INVALID");
    assert_eq!(server.fetch(&format!("{}/cdn/embed/avatars/3.png", server.origin), &[]).await.status, 200);
    assert_eq!(server.fetch(&format!("{}/cdn/embed/avatars/9.png", server.origin), &[]).await.status, 404);
}
