//! Signed tokens of people (JWT, RFC 7519): each is for one purpose, signed with one pinned algorithm, and short of nothing but a
//! live session: whoever verifies one also asks `live`. Bot tokens are random and stand in `random`.

use std::collections::{HashMap, VecDeque};
use std::sync::{LazyLock, Mutex, PoisonError, RwLock};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::keys::SessionKeys;
use super::random;
use crate::model::{AuthSessionId, UserId};

/// The one algorithm tokens are signed with.
const ALGORITHM: Algorithm = Algorithm::HS256;
/// Longest text looked at as a token, in bytes.
const MAX_TOKEN_BYTES: usize = 1_024;
/// Used tickets remembered at once; they are forgotten when they would have run out. Beyond it tickets are refused.
const MAX_USED_TICKETS: usize = 100_000;
/// Session tokens known to be good at once, by their hash; a full memory is emptied, which costs one signature per token again.
const MAX_KNOWN_TOKENS: usize = 8_192;
/// Life of a session token, in seconds.
pub const SESSION_LIFE_SECS: u64 = 30 * 24 * 3_600;
/// Life of a gateway ticket, in seconds.
const GATEWAY_TICKET_LIFE_SECS: u64 = 60;
/// Life of a ticket between password and second factor, and of the pass it gets, in seconds (API.md §2.1).
const MFA_TICKET_LIFE_SECS: u64 = 300;
/// Life of a link with which a new password is chosen, in seconds (API.md §2.1).
const RESET_LIFE_SECS: u64 = 3_600;
/// How long a browser is remembered as one in which an account logged in.
const DEVICE_LIFE_SECS: u64 = 365 * 24 * 3_600;

/// What a token opens. A token of one purpose opens nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Requests of a logged-in person.
    Session,
    /// One IDENTIFY or RESUME on the gateway; used once.
    GatewayTicket,
    /// The second step of a log-in.
    MfaTicket,
    /// Acts that ask again who one is, after that was shown.
    MfaPass,
    /// Choosing a new password by a link; its session's place is taken by what ties it to the old one.
    Reset,
    /// Marks a browser in which an account logged in before (SAFETY.md §1); opens nothing.
    Device,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 6] =
        [Self::Session, Self::GatewayTicket, Self::MfaTicket, Self::MfaPass, Self::Reset, Self::Device];

    const fn audience(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::GatewayTicket => "gateway",
            Self::MfaTicket => "mfa",
            Self::MfaPass => "mfa pass",
            Self::Reset => "reset",
            Self::Device => "device",
        }
    }

    /// What the library checks of its tokens; made once, since every request asks.
    fn rules(self) -> &'static Validation {
        static RULES: LazyLock<[Validation; Purpose::ALL.len()]> = LazyLock::new(|| {
            Purpose::ALL.map(|purpose| {
                let mut rules = Validation::new(ALGORITHM);
                rules.set_audience(&[purpose.audience()]);
                rules.set_required_spec_claims(&["exp", "aud", "sub"]);
                rules.validate_exp = false; // `checked` does, by the instance's clock and without leeway
                rules
            })
        });
        &RULES[self as usize]
    }

    /// How long its tokens are good for, in seconds.
    pub const fn life_secs(self) -> u64 {
        match self {
            Self::Session => SESSION_LIFE_SECS,
            Self::GatewayTicket => GATEWAY_TICKET_LIFE_SECS,
            Self::MfaTicket | Self::MfaPass => MFA_TICKET_LIFE_SECS,
            Self::Reset => RESET_LIFE_SECS,
            Self::Device => DEVICE_LIFE_SECS,
        }
    }
}

/// A token is not one that this instance made for this purpose and still accepts. It tells no more, on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is not valid")]
pub struct Refused;

/// What a verified token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The account.
    pub user: UserId,
    /// The session; it has to be looked up among the live ones.
    pub sid: AuthSessionId,
    /// When it was issued, in seconds of Unix time.
    pub issued_secs: u64,
    /// When it runs out, in seconds of Unix time.
    pub expires_secs: u64,
}

impl Verified {
    /// Whether more than half of its life is over, so that a cookie that holds it is due for a new one.
    pub const fn is_half_spent(&self, now_ms: u64) -> bool {
        now_ms / 1_000 > self.issued_secs + (self.expires_secs - self.issued_secs) / 2
    }
}

/// The claims as they stand in a token.
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    sid: AuthSessionId,
    iat: u64,
    exp: u64,
    aud: String,
    /// Tells tickets apart that are used once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
}

/// Issues and verifies signed tokens.
pub struct Tokens {
    keys: RwLock<SessionKeys>,
    used: Mutex<UsedTickets>,
    /// Session tokens whose signature was checked under the present keys: every request shows one, and most show the same.
    known: RwLock<HashMap<TokenHash, Known>>,
}

/// SHA-256 of a token: what opens doors is not kept.
type TokenHash = [u8; 32];

/// A token that was found good.
#[derive(Clone, Copy)]
struct Known {
    says: Verified,
    /// When it, or the key that signed it, is no longer accepted, in seconds of Unix time.
    until_secs: u64,
}

impl Tokens {
    /// Tokens signed with `keys`.
    pub fn new(keys: SessionKeys) -> Self {
        Self { keys: RwLock::new(keys), used: Mutex::default(), known: RwLock::default() }
    }

    /// Takes rotated keys into use.
    pub fn replace_keys(&self, keys: SessionKeys) {
        let mut held = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        *held = keys;
        // While nobody checks a signature, who would remember it afterwards.
        self.known.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A token for `purpose` of the session `sid` of `user`, issued at `now_ms` of Unix time.
    pub fn issue(&self, purpose: Purpose, user: UserId, sid: AuthSessionId, now_ms: u64) -> String {
        let iat = now_ms / 1_000;
        let jti = (purpose == Purpose::GatewayTicket).then(|| URL_SAFE_NO_PAD.encode(random::bytes::<16>()));
        let claims = Claims {
            sub: user,
            sid,
            iat,
            exp: iat + purpose.life_secs(),
            aud: purpose.audience().into(),
            jti,
        };
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys.signing();
        let header = Header { kid: Some(key.kid.clone()), ..Header::new(ALGORITHM) };
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(key.secret.expose()))
            .expect("claims are JSON and an HMAC key of any length signs")
    }

    /// What `token` says, if it was made here for `purpose` and is good at `now_ms` of Unix time. A gateway ticket is good once.
    pub fn verify(&self, purpose: Purpose, token: &str, now_ms: u64) -> Result<Verified, Refused> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refused);
        }
        let now_secs = now_ms / 1_000;
        if purpose == Purpose::Session {
            return self.verify_session(token, now_secs);
        }
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (claims, _) = checked(&keys, purpose, token, now_secs).ok_or(Refused)?;
        if purpose == Purpose::GatewayTicket {
            let ticket = claims.jti.as_deref().ok_or(Refused)?;
            self.used.lock().unwrap_or_else(PoisonError::into_inner).spend(ticket, claims.exp, now_secs)?;
        }
        Ok(claims.verified())
    }

    fn verify_session(&self, token: &str, now_secs: u64) -> Result<Verified, Refused> {
        let hash = digest(&SHA256, token.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes");
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&hash).copied();
        if let Some(known) = known.filter(|known| now_secs < known.until_secs) {
            return Ok(known.says);
        }
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (claims, accepted_until_secs) =
            checked(&keys, Purpose::Session, token, now_secs).ok_or(Refused)?;
        let until_secs = accepted_until_secs.map_or(claims.exp, |until| until.min(claims.exp));
        let says = claims.verified();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN_TOKENS {
            known.clear();
        }
        known.insert(hash, Known { says, until_secs });
        Ok(says)
    }
}

impl Claims {
    const fn verified(&self) -> Verified {
        Verified { user: self.sub, sid: self.sid, issued_secs: self.iat, expires_secs: self.exp }
    }
}

/// What a token says whose signature and times are right, and until when its key is accepted where that has an end.
fn checked(
    keys: &SessionKeys,
    purpose: Purpose,
    token: &str,
    now_secs: u64,
) -> Option<(Claims, Option<u64>)> {
    let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
    let key = keys.accepted(&kid, now_secs)?;
    let secret = DecodingKey::from_secret(key.secret.expose());
    let claims = jsonwebtoken::decode::<Claims>(token, &secret, purpose.rules()).ok()?.claims;
    let is_in_time = now_secs < claims.exp && claims.iat <= claims.exp;
    let is_good = is_in_time && claims.exp - claims.iat <= purpose.life_secs();
    is_good.then_some((claims, key.accepted_until_secs))
}

/// Tickets that were used and have not run out.
#[derive(Default)]
struct UsedTickets {
    expires_secs: HashMap<String, u64>,
    in_order: VecDeque<String>,
}

impl UsedTickets {
    fn spend(&mut self, ticket: &str, exp_secs: u64, now_secs: u64) -> Result<(), Refused> {
        while let Some(oldest) = self.in_order.front() {
            if self.expires_secs.get(oldest).is_some_and(|exp| now_secs < *exp) {
                break;
            }
            if let Some(oldest) = self.in_order.pop_front() {
                self.expires_secs.remove(&oldest);
            }
        }
        if self.expires_secs.len() >= MAX_USED_TICKETS || self.expires_secs.contains_key(ticket) {
            return Err(Refused);
        }
        self.expires_secs.insert(ticket.to_owned(), exp_secs);
        self.in_order.push_back(ticket.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::BotToken;
    use super::*;

    const NOW_MS: u64 = 1_764_000_000_000;
    const USER: UserId = UserId::new(175_928_847_299_117_063);
    const SID: AuthSessionId = AuthSessionId::new(7);

    fn forged(tokens: &Tokens, change: impl Fn(&mut serde_json::Value, &mut serde_json::Value)) -> String {
        let token = tokens.issue(Purpose::Session, USER, SID, NOW_MS);
        let parts: Vec<_> = token.split('.').collect();
        let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        let (mut header, mut claims) = (read(parts[0]), read(parts[1]));
        change(&mut header, &mut claims);
        let signed = [&header, &claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let keys = tokens.keys.read().unwrap();
        let key = EncodingKey::from_secret(keys.signing().secret.expose());
        let mac = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, ALGORITHM).unwrap();
        format!("{signed}.{mac}")
    }

    #[test]
    fn every_kind_of_token_opens_its_own_entrance_only() {
        let tokens = Tokens::new(SessionKeys::generate());
        let foreign = Tokens::new(SessionKeys::generate());
        let bot = BotToken::generate(USER, NOW_MS);
        for entrance in Purpose::ALL {
            for kind in Purpose::ALL {
                let token = tokens.issue(kind, USER, SID, NOW_MS);
                let opened = tokens.verify(entrance, &token, NOW_MS);
                assert_eq!(opened.is_ok(), entrance == kind, "{kind:?} at {entrance:?}");
                if let Ok(verified) = opened {
                    assert_eq!((verified.user, verified.sid), (USER, SID));
                    assert_eq!(verified.expires_secs - verified.issued_secs, kind.life_secs());
                }
                assert!(BotToken::claim(&token).is_none(), "{kind:?} taken for a bot's");
                assert!(foreign.verify(entrance, &token, NOW_MS).is_err(), "{kind:?} of another instance");
            }
            assert!(tokens.verify(entrance, bot.expose(), NOW_MS).is_err());
            assert!(tokens.verify(entrance, "", NOW_MS).is_err());
            assert!(tokens.verify(entrance, &"a".repeat(5_000), NOW_MS).is_err());
        }
    }

    #[test]
    fn forged_headers_and_claims_are_refused() {
        let tokens = Tokens::new(SessionKeys::generate());
        let is_refused = |token: &str| tokens.verify(Purpose::Session, token, NOW_MS).is_err();
        assert!(!is_refused(&forged(&tokens, |_, _| {})), "the forger itself signs rightly");
        for alg in ["none", "None", "HS384", "HS512", "RS256", "ES256", "EdDSA", "x"] {
            assert!(is_refused(&forged(&tokens, |header, _| header["alg"] = alg.into())), "{alg}");
        }
        assert!(is_refused(&forged(&tokens, |header, _| header["kid"] = "unknown".into())));
        assert!(is_refused(&forged(&tokens, |header, _| header["kid"] = serde_json::Value::Null)));
        assert!(is_refused(&forged(&tokens, |_, claims| claims["aud"] = "gateway".into())));
        assert!(is_refused(&forged(&tokens, |_, claims| claims["aud"] = serde_json::Value::Null)));
        assert!(is_refused(&forged(&tokens, |_, claims| claims["exp"] = (NOW_MS / 1_000).into())));
        assert!(is_refused(&forged(&tokens, |_, claims| claims["exp"] = u64::MAX.into())));
        assert!(is_refused(&forged(&tokens, |_, claims| claims["sub"] = "x".into())));
        let token = tokens.issue(Purpose::Session, USER, SID, NOW_MS);
        let (signed, _) = token.rsplit_once('.').unwrap();
        assert!(is_refused(signed) && is_refused(&format!("{signed}.")));
    }

    #[test]
    fn no_flipped_bit_goes_through() {
        let tokens = Tokens::new(SessionKeys::generate());
        let token = tokens.issue(Purpose::Session, USER, SID, NOW_MS);
        for index in 0..token.len() {
            for bit in 0..7 {
                let mut bytes = token.clone().into_bytes();
                bytes[index] ^= 1 << bit;
                let text = String::from_utf8(bytes).unwrap();
                assert!(tokens.verify(Purpose::Session, &text, NOW_MS).is_err(), "byte {index}, bit {bit}");
            }
        }
    }

    #[test]
    fn tokens_end_with_their_time_and_their_key() {
        let keys = SessionKeys::generate();
        let tokens = Tokens::new(keys.clone());
        let token = tokens.issue(Purpose::Session, USER, SID, NOW_MS);
        let end_ms = NOW_MS + SESSION_LIFE_SECS * 1_000;
        assert!(tokens.verify(Purpose::Session, &token, end_ms - 1).is_ok());
        assert!(tokens.verify(Purpose::Session, &token, end_ms).is_err());
        let verified = tokens.verify(Purpose::Session, &token, NOW_MS).unwrap();
        assert!(!verified.is_half_spent(NOW_MS + SESSION_LIFE_SECS * 500));
        assert!(verified.is_half_spent(NOW_MS + SESSION_LIFE_SECS * 500 + 1_000));
        tokens.replace_keys(keys.rotated(NOW_MS / 1_000));
        assert!(tokens.verify(Purpose::Session, &token, NOW_MS).is_ok());
        tokens.replace_keys(SessionKeys::generate());
        assert!(tokens.verify(Purpose::Session, &token, NOW_MS).is_err());
    }

    #[test]
    fn good_tokens_are_known_by_their_hash_alone_and_only_so_many() {
        let tokens = Tokens::new(SessionKeys::generate());
        let of = |sid: usize| tokens.issue(Purpose::Session, USER, AuthSessionId::new(sid as u64), NOW_MS);
        for sid in 1..=MAX_KNOWN_TOKENS + 1 {
            assert!(tokens.verify(Purpose::Session, &of(sid), NOW_MS).is_ok());
        }
        assert_eq!(tokens.known.read().unwrap().len(), 1);
        let last = of(MAX_KNOWN_TOKENS + 1);
        assert_eq!(
            tokens.verify(Purpose::Session, &last, NOW_MS).unwrap().sid.get(),
            MAX_KNOWN_TOKENS as u64 + 1
        );
        assert!(tokens.verify(Purpose::Session, &format!("{last}="), NOW_MS).is_err());
        assert!(tokens.verify(Purpose::GatewayTicket, &last, NOW_MS).is_err(), "known for one purpose alone");
        assert_eq!(tokens.known.read().unwrap().len(), 1, "what was refused is not remembered");
    }

    #[test]
    fn a_gateway_ticket_is_good_once_and_the_memory_of_it_is_bounded() {
        let tokens = Tokens::new(SessionKeys::generate());
        let ticket = tokens.issue(Purpose::GatewayTicket, USER, SID, NOW_MS);
        assert!(tokens.verify(Purpose::GatewayTicket, &ticket, NOW_MS).is_ok());
        assert!(tokens.verify(Purpose::GatewayTicket, &ticket, NOW_MS).is_err());
        assert!(tokens.verify(Purpose::GatewayTicket, &ticket, NOW_MS + 61_000).is_err());
        let mut used = UsedTickets::default();
        for index in 0..MAX_USED_TICKETS {
            assert!(used.spend(&index.to_string(), 60, 0).is_ok());
        }
        assert!(used.spend("one more", 60, 59).is_err());
        assert!(used.spend("one more", 120, 60).is_ok());
        assert_eq!((used.expires_secs.len(), used.in_order.len()), (1, 1));
    }
}
