//! Files: a thumbnail beside the decoding it needs, uploads and downloads beside a bare file server, posts beside uploads.

use std::io::Cursor;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hearth::blobs::picture::{Fit, Wanted, scaled};
use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, RgbImage};
use serde_json::Value;

use crate::client::Http;
use crate::login::waits;
use crate::measure::{Process, fresh, line, median, millis, percentile, thread_cpu};
use crate::seed::{Plan, Random, Seeded};

const PLAN: Plan = Plan { members: 100, channels: 5, messages: 1_000, logins: 16 };
/// A photo of 12 megapixels.
const PHOTO: (u32, u32) = (4_000, 3_000);
/// Longest side of its thumbnail.
const THUMBNAIL: u32 = 400;
const ROUNDS: usize = 5;
/// Files sent and fetched, and how often each is fetched: the rate of one of a few hundredths of a second is the scheduler's choice,
/// by a factor of three. The first after the upload is told apart: it meets what the system's cache does not hold.
const FILES: u8 = 15;
const DOWNLOADS: usize = 4;
/// Rounds of posts with and without uploads: what one in a hundred waits for differs more from round to round than by them.
const LOAD_ROUNDS: usize = 15;
/// Bytes of one upload.
const FILE_BYTES: usize = 64 << 20;
/// Bytes that a client hands to its socket at once.
const PIECE_BYTES: usize = 256 << 10;
/// Uploads at once beside posts, and the share of the disk's rate that they have together.
const UPLOADERS: usize = 4;
const SHARE: f64 = 0.25;

/// Prints what files cost.
pub async fn run() {
    thumbnail();
    let (directory, seeded) = fresh(PLAN).await;
    let server = Process::hearth_with(directory.path(), &[("HEARTH_MAX_FILE_SIZE", "1GiB")]);
    let rows = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory can be made");
    let floor = Process::floor("floor-files", &[rows.path().display().to_string()]);
    let bytes_a_second = transfers(&server, &floor, &seeded).await;
    beside_uploads(&server, &seeded, bytes_a_second).await;
}

/// Prints the CPU of a thumbnail, beside that of decoding the photo.
fn thumbnail() {
    let mut random = Random::new(7);
    // Shapes with some noise on them, as photos have.
    let photo = RgbImage::from_fn(PHOTO.0, PHOTO.1, |x, y| {
        let noise = (random.next() % 9) as u32;
        image::Rgb([x / 16 + noise, y / 12 + noise, (x + y) / 28 + noise].map(|v| (v % 256) as u8))
    });
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 90).encode_image(&photo).expect("it is encoded");
    let (mut whole, mut decoded) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let cpu = thread_cpu();
        std::hint::black_box(scaled(&jpeg, Fit::Within(THUMBNAIL), Wanted::Best).expect("it is a picture"));
        whole.push(millis(thread_cpu() - cpu));
        let cpu = thread_cpu();
        let read = image::ImageReader::with_format(Cursor::new(&jpeg), ImageFormat::Jpeg);
        std::hint::black_box(read.decode().expect("it is a picture"));
        decoded.push(millis(thread_cpu() - cpu));
    }
    let (whole_ms, decoded_ms) = (median(whole), median(decoded));
    let what = "Thumbnail of a 12-megapixel JPEG (floor: decoding it): CPU";
    line(
        what,
        &format!("{whole_ms:.0} ms"),
        &format!("{decoded_ms:.0} ms"),
        Some(whole_ms / decoded_ms),
        "≤ 2",
    );
}

/// Prints rates of uploads and downloads; bytes a second of a bare upload.
async fn transfers(server: &Process, floor: &Process, seeded: &Seeded) -> f64 {
    let mut file: Vec<u8> = b"no kind of file we know".to_vec();
    let mut random = Random::new(11);
    while file.len() < FILE_BYTES {
        file.extend_from_slice(&random.next().to_be_bytes());
    }
    file.truncate(FILE_BYTES);
    let rate = |time: Duration| FILE_BYTES as f64 / time.as_secs_f64();
    let mut real = Http::open(server.address).await;
    let mut bare = Http::open(floor.address).await;
    let (mut up, mut up_floor, mut down, mut down_floor) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..FILES {
        file[FILE_BYTES - 1] = round; // a file that is not held yet
        let slot = slot(&mut real, seeded).await;
        let began = Instant::now();
        put(&mut real, &slot.0, &[&file], None).await;
        up.push(rate(began.elapsed()));
        let began = Instant::now();
        put(&mut bare, "/", &[&file], None).await;
        up_floor.push(rate(began.elapsed()));

        let path = posted(&mut real, seeded, &slot.1).await;
        for _ in 0..DOWNLOADS {
            let both = [(&mut real, path.as_str(), &mut down), (&mut bare, "/", &mut down_floor)];
            for (http, path, rates) in both {
                let began = Instant::now();
                http.begin("GET", path, "", 0).await;
                assert_eq!(http.skimmed().await, (200, FILE_BYTES), "{path}");
                rates.push(rate(began.elapsed()));
            }
        }
    }
    let bare_rate = median(up_floor.clone());
    let first = |rates: &[f64]| rates.iter().copied().step_by(DOWNLOADS).collect::<Vec<_>>();
    let (first, first_floor) = (first(&down), first(&down_floor));
    for (what, real, floor) in [
        ("Upload of 64 MiB (floor: hyper that hashes, writes and syncs)", up, up_floor),
        ("Download of 64 MiB (floor: hyper and a file)", down, down_floor),
        ("The first of each file alone", first, first_floor),
    ] {
        let (real, floor) = (median(real), median(floor));
        let shown = |rate: f64| format!("{:.0} MB/s", rate / 1e6);
        line(what, &shown(real), &shown(floor), Some(real / floor), "≥ 0.8");
    }
    bare_rate
}

/// Prints how long posts take while files come in at a quarter of what the disk takes.
async fn beside_uploads(server: &Process, seeded: &Seeded, bytes_a_second: f64) {
    let pause = Duration::from_secs_f64(PIECE_BYTES as f64 / (bytes_a_second * SHARE / UPLOADERS as f64));
    let file: Arc<[u8]> = vec![b'x'; FILE_BYTES].into();
    let (mut calm, mut busy) = (Vec::new(), Vec::new());
    for round in 0..LOAD_ROUNDS {
        calm.push(millis(percentile(&mut waits(server, seeded).await, 0.99)));
        let mut uploads = tokio::task::JoinSet::new();
        for n in 0..UPLOADERS {
            let mut http = Http::open(server.address).await;
            let slot = slot(&mut http, seeded).await;
            let (file, seeded) = (file.clone(), seeded.clone());
            uploads.spawn(async move {
                // Their pieces come in turn, as the posts do: nobody sends in step with strangers.
                tokio::time::sleep(pause.mul_f64(n as f64 / UPLOADERS as f64)).await;
                let mut slot = slot;
                for turn in 0..=u8::MAX {
                    // The loaders copy no file: the posts are measured by the same threads.
                    let own = [round as u8, n as u8, turn];
                    put(&mut http, &slot.0, &[&own, &file[own.len()..]], Some(pause)).await;
                    posted(&mut http, &seeded, &slot.1).await;
                    slot = self::slot(&mut http, &seeded).await;
                }
            });
        }
        busy.push(millis(percentile(&mut waits(server, seeded).await, 0.99)));
        uploads.shutdown().await;
    }
    let (busy_ms, calm_ms) = (median(busy), median(calm));
    let what = "p99 of a post beside four uploads at a quarter of the disk's rate (floor: without)";
    line(what, &format!("{busy_ms:.1} ms"), &format!("{calm_ms:.1} ms"), Some(busy_ms / calm_ms), "≤ 1.5");
}

/// A place for a file: the path its bytes go to, and its name for a message.
async fn slot(http: &mut Http, seeded: &Seeded) -> (String, String) {
    let path = format!("/api/v10/channels/{}/attachments", seeded.channels[0]);
    let body = format!(r#"{{"files":[{{"filename":"a.bin","file_size":{FILE_BYTES}}}]}}"#);
    let made: Value =
        serde_json::from_slice(&http.ok("POST", &path, &seeded.people[0].1, &body).await).expect("JSON");
    let of = |field: &str| made["attachments"][0][field].as_str().expect("a text").to_owned();
    (path_of(&of("upload_url")), of("upload_filename"))
}

/// Posts a file that came; the path it is read at.
async fn posted(http: &mut Http, seeded: &Seeded, name: &str) -> String {
    let path = format!("/api/v10/channels/{}/messages", seeded.channels[0]);
    let body = format!(r#"{{"attachments":[{{"id":0,"filename":"a.bin","uploaded_filename":"{name}"}}]}}"#);
    let made: Value =
        serde_json::from_slice(&http.ok("POST", &path, &seeded.people[0].1, &body).await).expect("JSON");
    path_of(made["attachments"][0]["url"].as_str().expect("a text"))
}

fn path_of(url: &str) -> String {
    let (_, rest) = url.split_once("://").expect("an absolute address");
    rest[rest.find('/').expect("a path")..].to_owned()
}

/// Uploads a file that lies in these parts.
async fn put(http: &mut Http, path: &str, parts: &[&[u8]], pause: Option<Duration>) {
    let length = parts.iter().map(|part| part.len()).sum();
    http.begin("PUT", path, "content-type: application/octet-stream\r\n", length).await;
    let mut turn = Instant::now();
    for piece in parts.iter().flat_map(|part| part.chunks(PIECE_BYTES)) {
        http.send(piece).await;
        if let Some(pause) = pause {
            turn += pause;
            tokio::time::sleep_until(turn.into()).await;
        }
    }
    let (status, answer) = http.answer().await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
}
