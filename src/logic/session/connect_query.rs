//! What a connection's address asks for: version, encoding, compression (API.md §3.1).

use crate::logic::session::{Close, CloseCode};
use crate::logic::stream::Compression;

/// The query of a gateway address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectQuery {
    /// 9 or 10.
    pub version: u8,
    /// How frames to the client are compressed; none when the client named one not spoken here.
    pub compression: Compression,
}

impl ConnectQuery {
    /// Reads the query (without `?`). The encoding is JSON unless said otherwise, the version 10; a fault is a close with 4012, sent
    /// after the socket is accepted, so that clients stop and not loop.
    pub fn parse(query: &str) -> Result<Self, Close> {
        let mut parsed = Self { version: 10, compression: Compression::None };
        for (name, value) in query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))) {
            match (name, value) {
                ("v", "10") => parsed.version = 10,
                ("v", "9") => parsed.version = 9,
                ("v", _) => {
                    return Err(Close::new(CloseCode::BadVersion, "the gateway speaks versions 9 and 10"));
                }
                ("encoding", "json" | "") => {}
                ("encoding", _) => {
                    return Err(Close::new(CloseCode::BadVersion, "the gateway's encoding is json"));
                }
                ("compress", "zlib-stream") => parsed.compression = Compression::Zlib,
                ("compress", "zstd-stream") => parsed.compression = Compression::Zstd,
                _ => {}
            }
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_addresses_are_understood() {
        let parse = |query| ConnectQuery::parse(query).map(|asked| (asked.version, asked.compression));
        assert_eq!(parse("v=10&encoding=json&compress=zlib-stream"), Ok((10, Compression::Zlib)));
        assert_eq!(parse("encoding=json&v=9&compress=zstd-stream"), Ok((9, Compression::Zstd)));
        assert_eq!(parse("v=10"), Ok((10, Compression::None)), "serenity names no encoding");
        assert_eq!(parse("v=10&compress=lz4-stream"), Ok((10, Compression::None)));
        assert_eq!(parse(""), Ok((10, Compression::None)));
        for wrong in ["v=8&encoding=json", "v=&encoding=json", "v=10&encoding=etf"] {
            assert_eq!(parse(wrong).map_err(|close| close.code), Err(CloseCode::BadVersion), "{wrong}");
        }
    }
}
