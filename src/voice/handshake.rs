//! The handshake of a browser's connection (DTLS), with an ear for the keys that it agrees on (RFC 5764 §4.2): the WebRTC library keeps
//! them to itself, and what goes past it is sealed with the same.

use std::cell::RefCell;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Instant;

use str0m::config::{CryptoProvider, DtlsCert, DtlsVersion};
use str0m::crypto::dtls::{DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion};
use str0m::crypto::{CryptoError, from_feature_flags};
use str0m::{Rtc, RtcConfig};

use super::srtp::Sealer;

/// The library's own cryptography.
static LIBRARY: LazyLock<CryptoProvider> = LazyLock::new(from_feature_flags);
/// The same, with an ear.
static HEARD: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(CryptoProvider { dtls_provider: &Listening, ..LIBRARY.clone() }));

thread_local! {
    /// What the handshake that was made last on this thread will agree on: the library makes it within the connection, and tells
    /// neither of them of the other.
    static LAST: RefCell<Option<Agreed>> = const { RefCell::new(None) };
}

/// What a handshake agrees on, once it has.
#[derive(Clone, Debug, Default)]
pub struct Agreed(Arc<Mutex<Option<Sealer>>>);

impl Agreed {
    /// Takes what seals on our side; none before there is one, and once it is taken.
    pub fn take(&self) -> Option<Sealer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, sealer: Option<Sealer>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sealer;
    }
}

/// A certificate for all connections; none where the library can't make one.
pub fn certificate() -> Option<DtlsCert> {
    LIBRARY.dtls_provider.generate_certificate()
}

/// Builds a connection, and what its handshake will agree on.
pub fn build(config: RtcConfig, now: Instant) -> (Rtc, Agreed) {
    let rtc = config.set_crypto_provider(Arc::clone(&HEARD)).build(now);
    let agreed = LAST.take().expect("the library makes the handshake with the connection");
    (rtc, agreed)
}

#[derive(Debug)]
struct Listening;

impl DtlsProvider for Listening {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let handshake = LIBRARY.dtls_provider.new_dtls(cert, now, version, mtu)?;
        let agreed = Agreed::default();
        LAST.set(Some(agreed.clone()));
        Ok(Box::new(Heard { handshake, agreed }))
    }
}

/// A handshake that is listened to.
#[derive(Debug)]
struct Heard {
    handshake: Box<dyn DtlsInstance>,
    agreed: Agreed,
}

impl DtlsInstance for Heard {
    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = self.handshake.poll_output(buffer);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            self.agreed.set(Sealer::new(*profile, material, self.handshake.is_active()));
        }
        output
    }

    fn set_active(&mut self, is_active: bool) {
        self.handshake.set_active(is_active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.handshake.handle_packet(packet)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.handshake.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.handshake.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.handshake.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.handshake.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.handshake.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.handshake.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.handshake.close()
    }
}
