//! The figures we defend, each against its floor in the same run. `make bench` prints them all as rows of the README's table;
//! `cargo bench -- posts start` only those. Every figure is measured in a process of its own.

mod bare;
mod client;
mod crowd;
mod fanout;
mod herd;
mod history;
mod http;
mod lists;
mod login;
mod measure;
mod media;
mod memory;
mod posts;
mod ready;
#[path = "../../tests/seed/mod.rs"]
mod seed;
mod start;
mod voice;

use std::process::{Command, ExitCode};

/// In the order in which they are printed.
const FIGURES: &[&str] = &[
    "posts", "http", "fanout", "herd", "memory", "ready", "lists", "login", "media", "history", "start",
    "voice", "janus", "mumble",
];
/// Those printed only when asked for: for larger machines.
const ON_REQUEST: &[&str] = &["voice-1000"];
/// Marks the process that measures one figure.
const ONE: &str = "one";

fn main() -> ExitCode {
    // Cargo adds a flag of its own.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    match arguments.first().map(String::as_str) {
        Some(ONE) => in_runtime(figure(&arguments[1])),
        Some("floor-http") => in_runtime(bare::serve_http(&arguments[1..])),
        Some("floor-files") => in_runtime(bare::serve_files(&arguments[1..])),
        Some("floor-broadcast") => in_runtime(bare::serve_broadcast(&arguments[1..])),
        Some("floor-voice") => in_runtime(voice::serve_floor()),
        _ => return run_each(&arguments),
    }
    ExitCode::SUCCESS
}

fn run_each(wanted: &[String]) -> ExitCode {
    println!("| Figure | Hearth | Floor | Ratio | Defended |\n|---|---|---|---|---|");
    let mut is_good = true;
    let is_wanted = |name: &str| wanted.iter().any(|one| one == name);
    let by_default = FIGURES.iter().filter(|name| wanted.is_empty() || is_wanted(name));
    for name in by_default.chain(ON_REQUEST.iter().filter(|name| is_wanted(name))) {
        let this = std::env::current_exe().expect("a program knows where it is");
        is_good &= Command::new(this).args([ONE, name]).status().expect("it starts again").success();
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn figure(name: &str) {
    match name {
        "posts" => posts::run().await,
        "http" => http::run().await,
        "fanout" => fanout::run().await,
        "herd" => herd::run().await,
        "memory" => memory::run().await,
        "ready" => ready::run().await,
        "lists" => lists::run().await,
        "login" => login::run().await,
        "media" => media::run().await,
        "history" => history::run().await,
        "start" => start::run().await,
        "voice" => voice::run().await,
        "voice-1000" => voice::run_large().await,
        "janus" => voice::run_janus().await,
        "mumble" => voice::run_mumble().await,
        other => panic!("there is no figure named {other}: {FIGURES:?} {ON_REQUEST:?}"),
    }
}

fn in_runtime(work: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads can be started");
    runtime.block_on(work);
}
