//! Writing to memory that its thread keeps: an answer or event of any length is one allocation of exactly its size, and none grows
//! step by step.

use std::cell::Cell;

use bytes::Bytes;

/// Room that a thread keeps for the next; a longer answer's is given back.
const MAX_KEPT_BYTES: usize = 256 << 10;

thread_local! {
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What `write` wrote.
///
/// # Errors
/// Those of `write`.
pub fn written<E>(write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Bytes, E> {
    let mut room = ROOM.take();
    let result = write(&mut room).map(|()| Bytes::copy_from_slice(&room));
    if room.capacity() <= MAX_KEPT_BYTES {
        room.clear();
        ROOM.set(room);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_one_is_in_the_next_whether_it_failed_was_long_or_wrote_within() {
        let say = |text: &str| {
            written::<()>(|out| {
                out.extend_from_slice(text.as_bytes());
                Ok(())
            })
        };
        assert_eq!(say("first"), Ok("first".into()));
        assert_eq!(written(|out| (out.push(b'x'), Err("no")).1), Err("no"));
        let long = "y".repeat(MAX_KEPT_BYTES + 1);
        assert_eq!(say(&long), Ok(long.clone().into()));
        let outer = written::<()>(|out| {
            out.extend_from_slice(b"outer and ");
            let inner = say("inner")?;
            out.extend_from_slice(&inner);
            Ok(())
        });
        assert_eq!(outer, Ok("outer and inner".into()));
        assert_eq!(say(""), Ok(Bytes::new()));
    }
}
