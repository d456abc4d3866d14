//! TLS from certificate files, and the connections it makes. The files are read again when they change, so that renewing a
//! certificate needs no restart; a broken pair of files leaves the old certificate in use.

use std::fs;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client's handshake may take (SAFETY.md §6).
pub const MAX_HANDSHAKE: Duration = Duration::from_secs(10);
/// How often the files are looked at for a change, at most: two calls to the system, when somebody connects.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why certificate files can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file that is not there, not readable, or holds nothing of what is wanted.
    #[error("{}: {why}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A key that does not belong to the certificate, or is of a kind that TLS does not know.
    #[error("the key {} does not fit the certificate: {why}", .path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// When a file was changed, and how long it is.
type Stamp = [Option<(SystemTime, u64)>; 2];

/// The certificate in use, and the files it came from.
struct Certificates {
    cert: PathBuf,
    key: PathBuf,
    state: Mutex<State>,
}

struct State {
    current: Arc<CertifiedKey>,
    stamp: Stamp,
    looked: Instant,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificates({})", self.cert.display())
    }
}

impl Certificates {
    fn open(cert: PathBuf, key: PathBuf) -> Result<Self, CertificateError> {
        let stamp = stamp(&cert, &key);
        let current = Arc::new(read(&cert, &key)?);
        let state = State { current, stamp, looked: Instant::now() };
        Ok(Self { cert, key, state: Mutex::new(state) })
    }

    /// The certificate, read again if its files changed since it was read and were not looked at for [`LOOK_EVERY`].
    fn at(&self, now: Instant) -> Arc<CertifiedKey> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(state.looked) >= LOOK_EVERY {
            state.looked = now;
            let found = stamp(&self.cert, &self.key);
            if found != state.stamp {
                state.stamp = found;
                match read(&self.cert, &self.key) {
                    Ok(fresh) => {
                        tracing::info!(file = %self.cert.display(), "the certificate was read again");
                        state.current = Arc::new(fresh);
                    }
                    Err(error) => tracing::error!(%error, "the certificate read before stays in use"),
                }
            }
        }
        Arc::clone(&state.current)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.at(Instant::now()))
    }
}

fn stamp(cert: &Path, key: &Path) -> Stamp {
    [cert, key].map(|path| {
        let data = fs::metadata(path).ok()?;
        Some((data.modified().ok()?, data.len()))
    })
}

fn read(cert: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
    let fault = |path: &Path, why: &dyn std::fmt::Display| CertificateError::File {
        path: path.to_owned(),
        why: why.to_string(),
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|error| fault(cert, &error))?;
    if chain.is_empty() {
        return Err(fault(cert, &"holds no certificate in PEM form"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| fault(key, &error))?;
    let unfit = |error: rustls::Error| CertificateError::Key { path: key.to_owned(), why: error.to_string() };
    CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider()).map_err(unfit)
}

/// Makes TLS connections of bare ones. A cheap clone.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// TLS 1.2 and 1.3 with the certificate chain and the key in these PEM files.
    ///
    /// # Errors
    /// Files that can't be read, or do not fit together.
    pub fn from_files(cert: PathBuf, key: PathBuf) -> Result<Self, CertificateError> {
        let resolver = Arc::new(Certificates::open(cert, key)?);
        let mut config = rustls::ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("the provider knows the versions it comes with")
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands with a client.
    ///
    /// # Errors
    /// The client is gone, speaks something else, or took longer than [`MAX_HANDSHAKE`].
    pub async fn accept(&self, stream: TcpStream) -> io::Result<Stream> {
        let shaken = tokio::time::timeout(MAX_HANDSHAKE, self.0.accept(stream)).await;
        let shaken = shaken.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        Ok(Stream::Tls(Box::new(shaken?)))
    }
}

/// A client's connection.
#[derive(Debug)]
pub enum Stream {
    /// Bare.
    Plain(TcpStream),
    /// TLS over it.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bytes),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a certificate of its own making for `name`; what it is in DER comes back.
    fn write(directory: &Path, name: &str) -> Vec<u8> {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        fs::write(directory.join("cert.pem"), made.cert.pem()).unwrap();
        fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().to_vec()
    }

    fn open(directory: &Path) -> Result<Certificates, CertificateError> {
        Certificates::open(directory.join("cert.pem"), directory.join("key.pem"))
    }

    #[test]
    fn a_changed_certificate_is_read_again_and_a_broken_one_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let first = write(directory.path(), "a.example");
        let held = open(directory.path()).unwrap();
        let now = Instant::now();
        let shown = |secs: u64| held.at(now + Duration::from_secs(secs)).cert[0].to_vec();
        assert_eq!(shown(2), first);
        let second = write(directory.path(), "another-name.example");
        assert_eq!(shown(2), first, "looked at a moment ago");
        assert_eq!(shown(4), second);
        fs::write(directory.path().join("cert.pem"), "nonsense").unwrap();
        assert_eq!(shown(6), second);
        fs::remove_file(directory.path().join("cert.pem")).unwrap();
        assert_eq!(shown(8), second);
        let third = write(directory.path(), "third.example");
        assert_eq!(shown(10), third);
    }

    #[test]
    fn files_that_do_not_fit_are_told_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let said = || open(directory.path()).unwrap_err().to_string();
        assert!(said().contains("cert.pem"), "{}", said());
        write(directory.path(), "a.example");
        let key = fs::read(directory.path().join("key.pem")).unwrap();
        write(directory.path(), "b.example");
        fs::write(directory.path().join("key.pem"), &key).unwrap();
        assert!(said().contains("does not fit"), "{}", said());
        fs::write(directory.path().join("key.pem"), "nonsense").unwrap();
        assert!(said().contains("key.pem"), "{}", said());
        fs::write(directory.path().join("cert.pem"), key).unwrap();
        assert!(said().contains("holds no certificate"), "{}", said());
    }
}
