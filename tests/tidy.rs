//! Holds the tree to STYLE.md: who may import whom, a `//!` at the head of every file, files of one idea, no forbidden words.
//! The checker is plain functions over text, tested below beside the run over the real tree.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest file, in lines, before the second idea in it gets a file of its own.
const MAX_LINES: usize = 600;
/// Files that may be longer, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[("web/src/api/document.ts", "made from the server's own document")];

/// Rooms that others may import by name in the table below.
const FACTS: &[&str] = &["model", "logic"];
const KEEPERS: &[&str] = &["model", "logic", "store", "hub", "blobs"];
const PARTS: &[&str] =
    &["model", "logic", "auth", "config", "store", "hub", "blobs", "search", "push", "unfurl", "voice"];
const UNDER_ACTIONS: &[&str] = &[
    "model", "logic", "auth", "config", "store", "hub", "blobs", "search", "push", "unfurl", "voice", "app",
];
const EDGES: &[&str] = &["model", "logic", "auth", "config", "hub", "actions", "app", "tls"];

/// Who may import whom, beside itself. A room that is not here may import nothing: add it, with a thought.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("logic", &["model"]),
    ("auth", FACTS),
    ("config", &["model", "logic", "auth"]),
    ("store", FACTS),
    ("hub", FACTS),
    ("blobs", FACTS),
    // What both edges take connections over, and as little theirs as a socket is.
    ("tls", &[]),
    ("search", KEEPERS),
    ("push", KEEPERS),
    ("unfurl", KEEPERS),
    ("voice", KEEPERS),
    ("app", PARTS),
    ("actions", UNDER_ACTIONS),
    ("http", EDGES),
    ("gateway", EDGES),
    ("control", &["auth"]),
];
/// Files at the top of `src` that put the parts together, and so may import all of them.
const ASSEMBLERS: &[&str] = &["main", "lib", "cli", "serve", "start"];

/// Words that mean that something is not done, split so that this file passes.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
/// Calls that don't belong into what is shipped.
const FORBIDDEN_CALLS: &[&str] = &[".unwrap()", "todo!", "unimplemented!", "dbg!"];
/// Folders that are made, not written.
const GENERATED: &[&str] =
    &["node_modules", "dist", "paraglide", "target", "snapshots", ".venv", ".chromium", "__pycache__"];

#[test]
fn the_tree_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches", "web/src", "web/test", "web/build", "packaging", ".ci"] {
        for path in files_below(&root.join(folder)) {
            let name =
                path.strip_prefix(root).expect("it was found below the root").to_string_lossy().into_owned();
            let Ok(text) = fs::read_to_string(&path) else { continue };
            files.push((name, text));
        }
    }
    let for_tests: Vec<_> =
        files.iter().flat_map(|(name, text)| test_modules(name, &code_only(text))).collect();
    let is_for_tests = |name: &str| {
        let module = name.trim_end_matches(".rs").trim_end_matches("/mod");
        for_tests.iter().any(|test| module == test || module.starts_with(&format!("{test}/")))
    };
    let faults: Vec<_> =
        files.iter().flat_map(|(name, text)| faults_of(name, text, is_for_tests(name))).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && !GENERATED.iter().any(|generated| name == *generated) {
            found.extend(files_below(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The modules that a file declares for tests only, as paths from the top of the tree without an extension.
fn test_modules(name: &str, code: &str) -> Vec<String> {
    let stem = name.trim_end_matches(".rs");
    let folder = match stem.rsplit_once('/') {
        Some((folder, "mod" | "lib" | "main")) => folder,
        _ => stem,
    };
    let marked = code.split("#[cfg(test)]").skip(1).filter_map(|item| {
        let item = item.trim_start();
        let module = item.strip_prefix("pub ").unwrap_or(item).strip_prefix("mod ")?.split(';').next()?;
        module.chars().all(|c| c.is_alphanumeric() || c == '_').then(|| format!("{folder}/{module}"))
    });
    marked.collect()
}

/// What is wrong with the file `name`, given from the top of the tree. Tests in `src` may give up, shipped code may not.
fn faults_of(name: &str, text: &str, is_for_tests: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let extension = Path::new(name).extension().and_then(|e| e.to_str()).unwrap_or_default();
    if !["rs", "ts", "js", "mjs", "svelte", "css", "py", "sh", "service", ""].contains(&extension) {
        return faults;
    }
    let lines = text.lines().count();
    if ["rs", "ts", "svelte"].contains(&extension)
        && lines > MAX_LINES
        && !LONG_FILES.iter().any(|(long, _)| *long == name)
    {
        faults.push(format!("{name}: {lines} lines, at most {MAX_LINES}: what is the second idea in it?"));
    }
    for (number, line) in text.lines().enumerate() {
        for word in UNFINISHED {
            if has_word(line, word) {
                faults.push(format!("{name}:{}: {word}: a thing is done, or in the tracker", number + 1));
            }
        }
    }
    if extension == "rs" {
        if !text.starts_with("//!") {
            faults.push(format!("{name}: does not begin with a `//!` that says what it is for"));
        }
        if name.starts_with("src/") {
            faults.extend(faults_of_source(name, &code_only(text), is_for_tests));
        }
    }
    faults
}

/// Faults of shipped code, which comes without comments and literals.
fn faults_of_source(name: &str, code: &str, is_for_tests: bool) -> Vec<String> {
    let mut faults = Vec::new();
    if !is_for_tests {
        let shipped = without_tests(code);
        for (number, line) in shipped.lines().enumerate() {
            for call in FORBIDDEN_CALLS.iter().filter(|call| line.contains(*call)) {
                faults.push(format!(
                    "{name}:{}: {call}: `expect` says why it can't happen, an error says what did",
                    number + 1
                ));
            }
        }
    }
    let room = room_of(name);
    if ASSEMBLERS.contains(&room) {
        return faults;
    }
    let allowed = MAY_IMPORT.iter().find(|(known, _)| *known == room).map(|(_, allowed)| *allowed);
    let Some(allowed) = allowed else {
        faults.push(format!("{name}: the room `{room}` is not in the table of imports"));
        return faults;
    };
    for (line, imported) in imports(name, code) {
        if imported != room && !allowed.contains(&imported.as_str()) {
            faults.push(format!("{name}:{line}: `{room}` may not import `{imported}`"));
        }
    }
    faults
}

/// The room a source file belongs to: the first folder below `src`, or the file itself.
fn room_of(name: &str) -> &str {
    let below = name.strip_prefix("src/").unwrap_or(name);
    let first = below.split('/').next().unwrap_or(below);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// The rooms that code names, through `crate::` or by climbing to the top with `super::`, each with its line.
fn imports(name: &str, code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let is_whole = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        if is_whole {
            found.extend(
                heads(&code[at + "crate::".len()..]).into_iter().map(|head| (line_of(code, at), head)),
            );
        }
    }
    let depth = depth_of(name);
    for (at, _) in code.match_indices("super::") {
        if code[..at].ends_with("super::") || code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
        {
            continue;
        }
        let mut rest = &code[at..];
        let mut climbed = 0;
        while let Some(after) = rest.strip_prefix("super::") {
            rest = after;
            climbed += 1;
        }
        if climbed == depth + inline_modules_around(code, at) {
            found.extend(heads(rest).into_iter().map(|head| (line_of(code, at), head)));
        }
    }
    found
}

/// The first names of what follows `crate::`: one, or those of a group in braces. Names with a capital are items of the crate itself.
fn heads(rest: &str) -> Vec<String> {
    let name_at =
        |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = rest.strip_prefix('{') else { return vec![name_at(rest)] };
    let mut heads = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                heads.push(name_at(group[start..at].trim_start()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

/// How many `super` lead from the top of a file to the crate: one for a room, one more for each folder inside.
fn depth_of(name: &str) -> usize {
    let parts = name.strip_prefix("src/").unwrap_or(name).split('/').count();
    if name.ends_with("/mod.rs") { parts - 1 } else { parts }
}

/// Modules written inside the file that are open at `at`.
fn inline_modules_around(code: &str, at: usize) -> usize {
    let mut open = Vec::new();
    let mut start = 0;
    for (index, c) in code[..at].char_indices() {
        match c {
            '{' => {
                let words: Vec<_> = code[start..index].split_whitespace().collect();
                open.push(words.len() >= 2 && words[words.len() - 2] == "mod");
                start = index + 1;
            }
            '}' => {
                open.pop();
                start = index + 1;
            }
            ';' => start = index + 1,
            _ => {}
        }
    }
    open.into_iter().filter(|is_module| *is_module).count()
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

/// The text with comments, strings and characters blanked out; lines stay where they are.
fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at);
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            code.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

/// Where the comment or literal that begins at `at` ends; `at` itself when none begins there.
fn literal_end(chars: &[char], at: usize) -> usize {
    let starts =
        |from: usize, text: &str| text.chars().enumerate().all(|(i, c)| chars.get(from + i) == Some(&c));
    let follows_name = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    if starts(at, "//") {
        return (at..chars.len()).find(|i| chars[*i] == '\n').unwrap_or(chars.len());
    }
    if starts(at, "/*") {
        let mut depth = 0;
        let mut i = at;
        while i < chars.len() {
            if starts(i, "/*") {
                depth += 1;
                i += 2;
            } else if starts(i, "*/") {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    return i;
                }
            } else {
                i += 1;
            }
        }
        return chars.len();
    }
    if !follows_name && (starts(at, "r\"") || starts(at, "r#") || starts(at, "br\"") || starts(at, "br#")) {
        let hashes_at = at + if chars[at] == 'b' { 2 } else { 1 };
        let hashes = chars[hashes_at..].iter().take_while(|c| **c == '#').count();
        if chars.get(hashes_at + hashes) == Some(&'"') {
            let closing = format!("\"{}", "#".repeat(hashes));
            let mut i = hashes_at + hashes + 1;
            while i < chars.len() && !starts(i, &closing) {
                i += 1;
            }
            return (i + closing.len()).min(chars.len());
        }
        return at;
    }
    match chars[at] {
        '"' => quoted_end(chars, at, '"'),
        // A lifetime has no closing quote two characters on, and no escape.
        '\'' if starts(at + 1, "\\") || chars.get(at + 2) == Some(&'\'') => quoted_end(chars, at, '\''),
        _ => at,
    }
}

fn quoted_end(chars: &[char], at: usize, quote: char) -> usize {
    let mut i = at + 1;
    while i < chars.len() && chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

/// Code without the items that `#[cfg(test)]` marks.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        kept.push_str(&rest[..at]);
        let item = &rest[at..];
        let body = item.find(['{', ';']).unwrap_or(item.len());
        let mut depth = 0;
        let end = item[body..]
            .char_indices()
            .find(|(_, c)| {
                depth += match c {
                    '{' => 1,
                    '}' => -1,
                    _ => 0,
                };
                depth == 0
            })
            .map_or(item.len(), |(end, c)| body + end + c.len_utf8());
        kept.extend(item[..end].chars().filter(|c| *c == '\n'));
        rest = &item[end..];
    }
    kept.push_str(rest);
    kept
}

mod checker {
    //! The checker finds what it should, and nothing else.

    use super::*;

    fn faults(name: &str, text: &str) -> Vec<String> {
        faults_of(name, &format!("//! Head.\n{text}\n"), false)
    }

    #[test]
    fn imports_are_held_to_the_table() {
        for (name, text) in [
            ("src/http/messages.rs", "use crate::store::Store;"),
            ("src/gateway/mod.rs", "use crate::{hub::Hub, store::{self, Tx}};"),
            ("src/logic/room.rs", "fn f() -> crate::hub::Hub { g() }"),
            ("src/model/id.rs", "use crate::logic;"),
            ("src/hub/mod.rs", "use super::store::Store;"),
            ("src/hub/fan_out.rs", "use super::super::store::Store;"),
            ("src/hub/fan_out.rs", "mod inner { use super::super::super::store::Store; }"),
            ("src/store/writer.rs", "pub(crate) use crate::actions::x;"),
            ("src/auth/tokens.rs", "#[cfg(test)]\nmod tests { use crate::http::x; }"),
            ("src/utils.rs", "fn f() {}"),
        ] {
            assert_eq!(faults(name, text).len(), 1, "{name}: {text}: {:?}", faults(name, text));
        }
        for (name, text) in [
            ("src/http/messages.rs", "use crate::{actions, app::App, http::errors, model::{UserId, Id}};"),
            ("src/actions/messages.rs", "use crate::store::Tx; // not crate::http"),
            ("src/logic/room.rs", "/// See [`crate::hub`].\nuse crate::model::Id;"),
            (
                "src/logic/room.rs",
                "const S: &str = \"crate::store\"; const R: &str = r#\"use crate::store \"\"#;",
            ),
            ("src/hub/fan_out.rs", "use super::store_like; mod tests { use super::super::presence; }"),
            ("src/serve.rs", "use crate::{store, http, gateway};"),
            ("src/model/id.rs", "pub(crate) fn f() {}"),
        ] {
            assert!(faults(name, text).is_empty(), "{name}: {text}: {:?}", faults(name, text));
        }
    }

    #[test]
    fn heads_lengths_and_words_are_held() {
        assert_eq!(faults_of("src/model/id.rs", "use std::fmt;\n", false).len(), 1);
        assert_eq!(faults_of("tests/api/main.rs", "fn f() {}\n", false).len(), 1);
        assert_eq!(faults("src/model/id.rs", &"\n".repeat(MAX_LINES)).len(), 1);
        assert!(faults("src/model/id.rs", &"\n".repeat(MAX_LINES - 2)).is_empty());
        for word in UNFINISHED {
            assert_eq!(faults("src/model/id.rs", &format!("// {word}: later")).len(), 1);
            assert_eq!(faults_of("web/src/main.ts", &format!("// {word}"), false).len(), 1);
            assert!(faults("src/model/id.rs", &format!("const {word}_LIST: u8 = 1;")).is_empty());
        }
    }

    #[test]
    fn calls_that_give_up_are_for_tests_only() {
        for text in [
            "fn f() { g().unwrap(); }",
            "fn f() { todo!() }",
            "#[cfg(test)]\nmod tests { fn t() { g().unwrap(); } }\nfn f() { g().unwrap(); }",
            "#[cfg(test)]\nuse std::fmt;\nfn f() { g().unwrap(); }",
            "const Q: char = '\"';\nfn f<'a>(x: &'a str) { g('\\'').unwrap(); }",
        ] {
            assert_eq!(faults("src/model/id.rs", text).len(), 1, "{text}");
        }
        for text in [
            "fn f() { g().unwrap_or_default(); } // .unwrap()",
            "#[cfg(test)]\nmod tests { fn t() { g(\"}\").unwrap(); if x { y.unwrap(); } } }",
            "/* .unwrap() /* nested */ todo!() */ const S: &str = \"a \\\" .unwrap()\";",
        ] {
            assert!(
                faults("src/model/id.rs", text).is_empty(),
                "{text}: {:?}",
                faults("src/model/id.rs", text)
            );
        }
        assert!(faults_of("src/config/tests.rs", "//! Head.\nfn t() { g().unwrap(); }", true).is_empty());
        let declared = "#[cfg(test)]\nmod tests;\n#[cfg(test)]\npub mod simulator;\nmod kinds;\n#[cfg(test)]\nmod inline { }";
        assert_eq!(test_modules("src/config/mod.rs", declared), ["src/config/tests", "src/config/simulator"]);
        assert_eq!(test_modules("src/logic/form.rs", declared)[0], "src/logic/form/tests");
    }
}
