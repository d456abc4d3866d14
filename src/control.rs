//! The control socket: how the command line reaches a running server. One JSON object a line each way over a Unix socket in the data
//! directory, which only the server's own user and root may use.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::auth::keys::Rotation;
use crate::auth::passwords::Password;

/// Name of the socket in the data directory.
const SOCKET: &str = "control.sock";
/// Longest command, in bytes.
const MAX_COMMAND_BYTES: u64 = 64 << 10;
/// Bytes after a line that is too long which are read and dropped, so that the answer arrives.
const MAX_DISCARDED_BYTES: u64 = 1 << 20;
/// Longest answer that the command line reads, in bytes: a list of some hundred thousand accounts.
const MAX_ANSWER_BYTES: u64 = 64 << 20;
/// Connections served at once; more wait.
const MAX_CONNECTIONS: usize = 8;
/// How long a connection may take to send a command, or to take an answer.
const IO_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the command line waits for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// What the command line may ask of a server.
#[derive(Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Makes an account; answered with its [`UserSummary`].
    UserCreate {
        /// Its name.
        username: String,
        /// Its password, of the length that accounts may have.
        #[serde(serialize_with = "write_password", deserialize_with = "read_password")]
        password: Password,
        /// Whether it owns the instance; refused while another does.
        is_owner: bool,
    },
    /// Gives an account another password and ends its sessions; answered with its [`UserSummary`].
    UserResetPassword {
        /// Its name.
        username: String,
        /// Its new password.
        #[serde(serialize_with = "write_password", deserialize_with = "read_password")]
        password: Password,
    },
    /// Makes a link with which its person chooses a new password; answered with the link.
    UserResetLink {
        /// Its name.
        username: String,
    },
    /// Makes an account the owner of the instance; answered with its [`UserSummary`].
    UserPromote {
        /// Its name.
        username: String,
    },
    /// Lists the accounts of people; answered with a list of [`UserSummary`].
    UserList,
    /// Makes a new session-signing key; answered with null.
    KeysRotate {
        /// What becomes of the sessions there are.
        rotation: Rotation,
    },
    /// How the server is; answered with an object for people to read.
    Status,
    /// Whether media finds the server; answered with a list of [`Finding`].
    DoctorVoice,
}

/// One thing that was looked at, in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Whether it is as it should be.
    pub is_good: bool,
    /// What was found, and what to do about it.
    pub finding: String,
}

/// An account in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSummary {
    /// Its id.
    pub id: String,
    /// Its name.
    pub username: String,
    /// Whether it owns the instance.
    pub is_owner: bool,
    /// Whether it may not log in.
    pub is_disabled: bool,
}

/// What a command comes to: a value, or a sentence for the person who asked.
pub type Answer = Result<Value, String>;
/// An answer that is being worked on.
pub type PendingAnswer = Pin<Box<dyn Future<Output = Answer> + Send>>;
/// What carries out commands.
pub type Handler = Arc<dyn Fn(Command) -> PendingAnswer + Send + Sync>;

/// Makes a [`Handler`] of an async function.
pub fn handler<F, P>(carry_out: F) -> Handler
where
    F: Fn(Command) -> P + Send + Sync + 'static,
    P: Future<Output = Answer> + Send + 'static,
{
    Arc::new(move |command| Box::pin(carry_out(command)))
}

fn write_password<S: Serializer>(password: &Password, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(password.expose())
}

fn read_password<'de, D: Deserializer<'de>>(from: D) -> Result<Password, D::Error> {
    Password::choose(String::deserialize(from)?)
        .map_err(|fault| serde::de::Error::custom(format!("the password {fault}")))
}

/// How an answer stands on its line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Ok(Value),
    Error(String),
}

/// The listening side. Dropping it ends its connections and removes the socket.
pub struct ControlServer {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl ControlServer {
    /// Listens in `data`, whose lock the caller holds: a socket that is there was left behind. Needs a Tokio runtime.
    pub fn start(data: &Path, handler: Handler) -> io::Result<Self> {
        let path = data.join(SOCKET);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(Self { path, task: tokio::spawn(accept(listener, handler)) })
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.task.abort();
        let _ = fs::remove_file(&self.path);
    }
}

async fn accept(listener: UnixListener, handler: Handler) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) if is_trusted(&stream) => {
                let handler = handler.clone();
                connections.spawn(async move {
                    let _permit = permit;
                    if let Err(error) = converse(stream, handler).await {
                        tracing::debug!(%error, "a control connection ended early");
                    }
                });
            }
            Ok(_) => tracing::warn!("another user's process tried the control socket"),
            Err(error) => {
                tracing::warn!(%error, "the control socket accepts nothing for a second");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Whether the other end runs as the server's user or as root.
fn is_trusted(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

/// Answers commands until the other end is done, is too slow, or sends a line that is too long.
async fn converse(stream: UnixStream, handler: Handler) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = tokio::io::BufReader::new(read);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut read).take(MAX_COMMAND_BYTES);
        let size = timeout(IO_TIMEOUT, bounded.read_until(b'\n', &mut line)).await??;
        if size == 0 {
            return Ok(());
        }
        let is_whole = line.last() == Some(&b'\n');
        let answer = match serde_json::from_slice(&line) {
            _ if !is_whole => Err(format!("a command is one line of at most {MAX_COMMAND_BYTES} bytes")),
            Ok(command) => handler(command).await,
            Err(fault) => Err(format!("that is not a command: {fault}")),
        };
        let reply = match answer {
            Ok(value) => Reply::Ok(value),
            Err(sentence) => Reply::Error(sentence),
        };
        let text = serde_json::to_string(&reply)? + "\n";
        timeout(IO_TIMEOUT, write.write_all(text.as_bytes())).await??;
        if !is_whole {
            // A socket closed with bytes unread takes the answer with it, so some of the rest is read first.
            let mut rest = read.take(MAX_DISCARDED_BYTES);
            timeout(IO_TIMEOUT, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await??;
            return Ok(());
        }
    }
}

/// Asks the server that runs on `data`. `None` when none is listening there.
pub fn ask(data: &Path, command: &Command) -> io::Result<Option<Answer>> {
    let mut stream = match BlockingStream::connect(data.join(SOCKET)) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(IO_TIMEOUT))?;
    stream.write_all((serde_json::to_string(command)? + "\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(MAX_ANSWER_BYTES)).read_line(&mut line)?;
    if line.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the server closed the connection without an answer",
        ));
    }
    Ok(Some(match serde_json::from_str(&line)? {
        Reply::Ok(value) => Ok(value),
        Reply::Error(sentence) => Err(sentence),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo() -> Handler {
        handler(async |command| match command {
            Command::UserCreate { username, password, is_owner } => {
                Ok(serde_json::json!([username, password.expose().len(), is_owner]))
            }
            Command::UserPromote { username } => Err(format!("there is no account {username}")),
            _ => Ok(Value::Null),
        })
    }

    async fn asked(data: &Path, command: Command) -> Option<Answer> {
        let data = data.to_owned();
        tokio::task::spawn_blocking(move || ask(&data, &command)).await.unwrap().unwrap()
    }

    async fn raw(data: &Path, sent: Vec<u8>) -> String {
        let data = data.to_owned();
        let exchange = move || {
            let mut stream = BlockingStream::connect(data.join(SOCKET)).unwrap();
            stream.write_all(&sent).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        tokio::task::spawn_blocking(exchange).await.unwrap()
    }

    #[tokio::test]
    async fn commands_reach_the_server_and_answers_come_back() {
        let data = tempfile::tempdir().unwrap();
        let server = ControlServer::start(data.path(), echo()).unwrap();
        assert_eq!(fs::metadata(data.path().join(SOCKET)).unwrap().permissions().mode() & 0o777, 0o600);
        let password = Password::choose("long enough".into()).unwrap();
        let create = Command::UserCreate { username: "alice".into(), password, is_owner: true };
        assert_eq!(asked(data.path(), create).await, Some(Ok(serde_json::json!(["alice", 11, true]))));
        let promote = Command::UserPromote { username: "bob".into() };
        assert_eq!(asked(data.path(), promote).await, Some(Err("there is no account bob".into())));
        drop(server);
        assert_eq!(asked(data.path(), Command::Status).await, None);
    }

    #[tokio::test]
    async fn what_is_no_command_is_refused_in_words() {
        let data = tempfile::tempdir().unwrap();
        let _server = ControlServer::start(data.path(), echo()).unwrap();
        assert!(
            raw(data.path(), b"{\"command\":\"fly\"}\n{\"command\":\"status\"}\n".to_vec())
                .await
                .ends_with("{\"ok\":null}\n")
        );
        let short = br#"{"command":"user_reset_password","username":"a","password":"short"}"#;
        let refused = raw(data.path(), [&short[..], b"\n"].concat()).await;
        assert!(refused.contains("between 8 and 72 bytes") && !refused.contains("short"), "{refused}");
        assert!(raw(data.path(), vec![b'x'; 1 << 17]).await.contains("at most 65536 bytes"));
        assert!(raw(data.path(), b"{\"command\":\"status\"}".to_vec()).await.contains("error"));
        assert_eq!(raw(data.path(), Vec::new()).await, "");
    }
}
