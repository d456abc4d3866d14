//! An S3 server in this process, with its files in a folder, that can go away and come back at the same address.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// The bucket that is there.
pub const BUCKET: &str = "hearth-files";
/// The key that opens it, and its secret.
pub const KEY: (&str, &str) = ("AKIDHEARTH", "a-secret-nobody-sees");

/// The server.
pub struct S3 {
    /// Where it listens, also while it is away.
    pub address: SocketAddr,
    folder: tempfile::TempDir,
    running: Option<JoinHandle<()>>,
}

impl S3 {
    /// A server with an empty bucket.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut s3 = Self { address: ([127, 0, 0, 1], 0).into(), folder, running: None };
        s3.come_back().await;
        s3
    }

    /// Its address as a setting.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes the listener and every connection.
    pub async fn go_away(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            let _ = running.await;
        }
    }

    /// Listens again.
    pub async fn come_back(&mut self) {
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(self.folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY.0, KEY.1));
        let service = service.build();
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        self.running = Some(tokio::spawn(async move {
            // They end with this task.
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
                connections.spawn(async move { drop(connection.await) });
            }
        }));
    }

    /// Every file in the bucket.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        below(&self.folder.path().join(BUCKET), &mut found);
        found.sort();
        found
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.path() {
            path if path.is_dir() => below(&path, found),
            path => found.push(path),
        }
    }
}
