//! Clocks, percentiles, lines of the table, and the server as a process of its own whose CPU and memory can be read.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::seed::{self, Plan, Seeded};

/// How long another program may take to start.
const STARTS_WITHIN: Duration = Duration::from_secs(10);
/// Ticks of `/proc/PID/stat` in a second; the same on every Linux that Rust runs on.
const TICKS_PER_SECOND: u64 = 100;

/// CPU that this process has used.
pub fn own_cpu() -> Duration {
    duration(clock_gettime(ClockId::ProcessCPUTime))
}

/// CPU that this thread has used.
pub fn thread_cpu() -> Duration {
    duration(clock_gettime(ClockId::ThreadCPUTime))
}

fn duration(at: rustix::time::Timespec) -> Duration {
    Duration::new(at.tv_sec as u64, at.tv_nsec as u32)
}

/// Microseconds of a duration for each of `count`.
pub fn micros_each(spent: Duration, count: u64) -> f64 {
    spent.as_secs_f64() * 1e6 / count.max(1) as f64
}

/// Milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The value below which this share of the times lies.
pub fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    let at = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
    times.get(at).copied().unwrap_or_default()
}

/// The middle of some numbers.
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

/// Resident memory of this process, KiB.
pub fn own_resident_kib() -> u64 {
    resident_kib(&fs::read_to_string("/proc/self/status").expect("Linux tells"))
}

fn resident_kib(status: &str) -> u64 {
    kib_of(status, "VmRSS:")
}

fn kib_of(status: &str, what: &str) -> u64 {
    let line = status.lines().find(|line| line.starts_with(what)).expect("it is running");
    line.split_whitespace().nth(1).expect("a number follows").parse().expect("a number")
}

/// Prints a line of the table: what, the figure, its floor in the same run, the ratio and what we defend.
pub fn line(what: &str, figure: &str, floor: &str, ratio: Option<f64>, target: &str) {
    let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
    println!("| {what} | {figure} | {floor} | {ratio} | {target} |");
}

/// A directory below `target` that holds a plan; filled once, then used again.
pub async fn kept(plan: Plan) -> (PathBuf, Seeded) {
    let name = format!("{}-{}-{}-{}", plan.members, plan.channels, plan.messages, plan.logins);
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("seeded-v{}", hearth::store::SCHEMA_VERSION))
        .join(name);
    let done = directory.join("seeded");
    if done.exists() {
        let seeded = seed::seeded(&directory, plan);
        return (directory, seeded);
    }
    let _ = fs::remove_dir_all(&directory);
    hearth::serve::make_data_directory(&directory).expect("a directory below target can be made");
    let (began, cpu) = (Instant::now(), own_cpu());
    let seeded = seed::fill(&directory, plan).await;
    eprintln!(
        "seeded {plan:?} in {:.1} s, {:.1} s of CPU",
        began.elapsed().as_secs_f64(),
        (own_cpu() - cpu).as_secs_f64()
    );
    fs::write(done, "").expect("the directory can be written to");
    (directory, seeded)
}

/// A fresh directory with a plan, gone with the guard.
pub async fn fresh(plan: Plan) -> (tempfile::TempDir, Seeded) {
    let directory =
        tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory below target can be made");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).expect("it is our own");
    let seeded = seed::fill(directory.path(), plan).await;
    (directory, seeded)
}

/// An address of loopback where nobody listens yet, for programs that choose none themselves.
pub fn free_address() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    free.expect("a port is free")
}

/// A process that serves on a port of its own.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From its start to its address on standard output.
    pub started_in: Duration,
}

impl Process {
    /// The release binary on this directory, with no limits.
    pub fn hearth(data: &Path) -> Self {
        Self::hearth_with(data, &[])
    }

    /// The release binary with more settings.
    pub fn hearth_with(data: &Path, more: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hearth"));
        command.arg("serve").env("HEARTH_DATA", data).env("HEARTH_LISTEN", "127.0.0.1:0");
        for (name, value) in [
            ("REGISTRATION", "open"),
            ("PASSWORDS_MEMORY_KIB", "19456"),
            ("LIMITS_REQUESTS_PER_ADDRESS", "0"),
            ("LIMITS_AUTH_PER_ADDRESS", "0"),
            ("LIMITS_AUTH_PER_ACCOUNT", "0"),
            ("LIMITS_GLOBAL_PER_USER", "0"),
            ("LIMITS_GLOBAL_PER_BOT", "0"),
            ("LIMITS_ROUTES", "off"),
            ("LOG_FILTER", "warn"),
        ] {
            command.env(format!("HEARTH_{name}"), value);
        }
        command.envs(more.iter().copied());
        Self::spawn(command)
    }

    /// This program as a floor: the part of it that serves under this name.
    pub fn floor(name: &str, arguments: &[String]) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("a program knows where it is"));
        command.arg(name).args(arguments);
        Self::spawn(command)
    }

    /// Another program, which listens at this address once it has started.
    pub fn at(mut command: Command, address: SocketAddr) -> Self {
        let began = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the program starts");
        let mut server = Self { child, address, started_in: Duration::ZERO };
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < STARTS_WITHIN, "nobody listens at {address}");
            std::thread::sleep(Duration::from_millis(20));
        }
        server.started_in = began.elapsed();
        server
    }

    fn spawn(mut command: Command) -> Self {
        let began = Instant::now();
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut said = String::new();
        let address = loop {
            assert_ne!(out.read_line(&mut said).expect("it speaks"), 0, "it ended after: {said}");
            let Some((_, rest)) = said.split_once("http://") else { continue };
            let address: String =
                rest.chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
            break address.parse().expect("an address follows");
        };
        Self { child, address, started_in: began.elapsed() }
    }

    /// CPU it has used, of threads that ended too; to 10 ms.
    pub fn cpu(&self) -> Duration {
        let stat = self.proc("stat");
        let (_, after_name) = stat.rsplit_once(')').expect("the name stands in parentheses");
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks: u64 = [11, 12].iter().map(|n: &usize| fields[*n].parse::<u64>().expect("a number")).sum();
        Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
    }

    /// CPU that its threads have used which are still there, to the nanosecond: for short rounds of a server whose threads stay.
    pub fn cpu_of_threads(&self) -> Duration {
        self.cpu_where(|_| true)
    }

    /// CPU that its threads have used whose names begin so, to the nanosecond.
    pub fn cpu_of_threads_named(&self, begin: &str) -> Duration {
        self.cpu_where(|thread| {
            fs::read_to_string(thread.join("comm")).is_ok_and(|own| own.starts_with(begin))
        })
    }

    fn cpu_where(&self, is_counted: impl Fn(&Path) -> bool) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it is running");
        let of_thread = |thread: std::io::Result<fs::DirEntry>| -> Option<u64> {
            let thread = thread.ok()?.path();
            let said = fs::read_to_string(thread.join("schedstat")).ok().filter(|_| is_counted(&thread))?;
            said.split_whitespace().next()?.parse().ok()
        };
        Duration::from_nanos(threads.filter_map(of_thread).sum())
    }

    /// Resident memory, KiB.
    pub fn resident_kib(&self) -> u64 {
        resident_kib(&self.proc("status"))
    }

    /// Resident memory that is no file's, KiB.
    pub fn anonymous_kib(&self) -> u64 {
        kib_of(&self.proc("status"), "RssAnon:")
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("it is running")
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard input, for what a floor is told.
    pub fn input(&mut self) -> &mut impl std::io::Write {
        self.child.stdin.as_mut().expect("it is piped")
    }

    /// Ends it where it stands.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
