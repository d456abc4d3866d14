//! Who somebody is: keys on disk, tokens and their one purpose each, password hashes, live sessions and the session cookie.
//! What an account may do is decided elsewhere; nothing here reads the store.

pub mod cookies;
pub mod interactions;
pub mod keys;
pub mod live;
pub mod passwords;
pub mod random;
pub mod tokens;
