//! Links in the text of messages: those a reader's client makes clickable, and that may be looked up for a card. Links in code and
//! those their author put between `<` and `>` are left alone.

use std::ops::Range;

/// Most links of a message that are looked up (SAFETY.md §6).
pub const MAX_LINKS: usize = 5;
/// Longest link that is looked up, bytes.
pub const MAX_LINK_BYTES: usize = 2_048;

/// Whether there is a link in a text, shown as such or not.
pub fn has_link(text: &str) -> bool {
    next_link(text, 0).is_some()
}

/// The links of a text that may be looked up: the first [`MAX_LINKS`], each once.
pub fn links(text: &str) -> Vec<&str> {
    let code = super::mentions::code_ranges(text);
    let mut found: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(range) = next_link(text, at) {
        at = range.end;
        let is_code = code.iter().any(|code| code.contains(&range.start));
        let is_hushed = text[..range.start].ends_with('<') && text[range.end..].starts_with('>');
        let link = &text[range];
        if !is_code && !is_hushed && link.len() <= MAX_LINK_BYTES && !found.contains(&link) {
            found.push(link);
            if found.len() == MAX_LINKS {
                break;
            }
        }
    }
    found
}

/// The next `http://…` or `https://…` from `at` on.
fn next_link(text: &str, mut at: usize) -> Option<Range<usize>> {
    while let Some(offset) = text[at..].find("http") {
        let start = at + offset;
        let rest = &text[start..];
        let after = rest.strip_prefix("https://").or_else(|| rest.strip_prefix("http://"));
        let is_inside_word = text[..start].ends_with(|c: char| c.is_alphanumeric());
        if let Some(after) = after.filter(|_| !is_inside_word) {
            let scheme_len = rest.len() - after.len();
            let end = start + scheme_len + link_len(after);
            if end > start + scheme_len && after.starts_with(|c: char| c.is_alphanumeric() || c == '[') {
                return Some(start..end);
            }
        }
        at = start + "http".len();
    }
    None
}

/// How far a link goes: to white space or a mark that can't stand in one, less the punctuation that ends a sentence, and less a
/// closing bracket that the link does not open.
fn link_len(text: &str) -> usize {
    let end = text
        .find(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '`'))
        .unwrap_or(text.len());
    let mut link = &text[..end];
    loop {
        let trimmed = link.trim_end_matches(['.', ',', ':', ';', '!', '?', '\'', '*', '_', '~', '|']);
        let is_unopened =
            trimmed.ends_with(')') && trimmed.matches(')').count() > trimmed.matches('(').count();
        let next = if is_unopened { &trimmed[..trimmed.len() - 1] } else { trimmed };
        if next.len() == link.len() {
            return link.len();
        }
        link = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_end_where_readers_think_they_do() {
        for (text, expected) in [
            ("see https://a.example/x?y=1#z.", vec!["https://a.example/x?y=1#z"]),
            (
                "(http://a.example/b_(c)) and http://a.example/d)",
                vec!["http://a.example/b_(c)", "http://a.example/d"],
            ),
            ("[name](https://a.example/e)", vec!["https://a.example/e"]),
            ("<https://a.example/hushed> https://a.example/loud", vec!["https://a.example/loud"]),
            ("`https://a.example/code` ```\nhttps://a.example/block\n```", vec![]),
            ("xhttps://a.example ftp://a https:// http://. http:/a", vec![]),
            ("https://a.example https://a.example", vec!["https://a.example"]),
            ("**https://a.example/bold**", vec!["https://a.example/bold"]),
            ("https://[2001:db8::1]/", vec!["https://[2001:db8::1]/"]),
        ] {
            assert_eq!(links(text), expected, "{text}");
        }
        let many: String = (0..9).map(|n| format!("http://a.example/{n} ")).collect();
        assert_eq!(links(&many).len(), MAX_LINKS);
        assert!(links(&format!("http://a.example/{}", "x".repeat(MAX_LINK_BYTES))).is_empty());
        assert!(has_link("<https://a.example>") && !has_link("nothing here"));
    }
}
