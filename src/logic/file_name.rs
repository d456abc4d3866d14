//! Names of uploaded files: what is left of a stranger's name when it has to stand in a path and be read by people.

/// Most code points of a name (API.md §5).
pub const MAX_NAME_CHARS: usize = 260;
/// Longest ending that is kept when a name is cut.
const MAX_ENDING_CHARS: usize = 16;
/// What a file is called whose name holds nothing to keep.
const NAMELESS: &str = "file";
/// Marks a spoiler at the head of a name (API.md §1.10).
pub const SPOILER_PREFIX: &str = "SPOILER_";

/// The name with letters, digits, `.`, `_` and `-` kept and all else replaced by `_`, so that neither path parts nor marks that turn
/// the writing direction are left; at most [`MAX_NAME_CHARS`], cut before its ending.
pub fn clean(name: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let name: String = name.chars().filter(|c| *c != '\0').map(kept).collect();
    if name.trim_matches(['.', '_']).is_empty() {
        return NAMELESS.to_owned();
    }
    let length = name.chars().count();
    if length <= MAX_NAME_CHARS {
        return name;
    }
    let ending = name.rsplit_once('.').map(|(_, ending)| format!(".{ending}"));
    let ending = ending.filter(|ending| ending.chars().count() <= MAX_ENDING_CHARS).unwrap_or_default();
    let stem: String = name.chars().take(MAX_NAME_CHARS - ending.chars().count()).collect();
    stem + &ending
}

/// The ending of a name in lower case, without its dot; empty where there is none.
pub fn ending(name: &str) -> String {
    name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_what_people_read_and_lose_what_paths_mean() {
        for (given, cleaned) in [
            ("cat.png", "cat.png"),
            ("Übersicht 2.pdf", "Übersicht_2.pdf"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("C:\\x\\y.exe", "C__x_y.exe"),
            ("a\0b", "ab"),
            ("invoice\u{202e}gpj.exe", "invoice_gpj.exe"),
            ("..", "file"),
            ("", "file"),
            ("///", "file"),
            ("写真.jpg", "写真.jpg"),
            ("<script>.html", "_script_.html"),
        ] {
            assert_eq!(clean(given), cleaned, "{given:?}");
        }
        let long = clean(&format!("{}.jpeg", "é".repeat(400)));
        assert_eq!((long.chars().count(), long.ends_with("é.jpeg")), (MAX_NAME_CHARS, true));
        assert_eq!(clean(&format!("a.{}", "b".repeat(400))).chars().count(), MAX_NAME_CHARS);
        assert_eq!((ending("a.TAR.Gz"), ending("none")), ("gz".to_owned(), String::new()));
    }
}
