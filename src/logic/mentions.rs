//! Whom a message mentions: what its text names outside code, cut down to what its sender may and wants to notify (API.md §1.9).

use std::collections::{HashMap, VecDeque};

use super::field::FieldFault;
use super::form::kinds::{boolean, list, snowflake, word};
use super::form::{Fields, Form};
use crate::model::{ChannelId, Id, RoleId, UserId};

/// Most users, roles and channels that a message mentions; what follows stays text.
pub const MAX_MENTIONS: usize = 100;
/// Most ids of a kind in `allowed_mentions`.
pub const MAX_ALLOWED_IDS: usize = 100;

/// What a text names, each once, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// `<@id>` and `<@!id>`.
    pub users: Vec<UserId>,
    /// `<@&id>`.
    pub roles: Vec<RoleId>,
    /// `<#id>`.
    pub channels: Vec<ChannelId>,
    /// `@everyone` or `@here`.
    pub everyone: bool,
}

/// Finds what a text names outside code spans and blocks. Time is linear in its length.
pub fn parse(text: &str) -> Found {
    let mut found = Found::default();
    let mut code = Code::new(text);
    let mut at = 0;
    while let Some(&byte) = text.as_bytes().get(at) {
        let rest = &text[at..];
        at += match byte {
            b'\\' if rest.as_bytes().get(1).is_some_and(|next| matches!(next, b'`' | b'\\')) => 2,
            b'`' => code.length_at(at),
            b'<' => tag(rest, &mut found),
            b'@' => {
                found.everyone |= rest.starts_with("@everyone") || rest.starts_with("@here");
                1
            }
            _ => plain_length(rest),
        };
    }
    found
}

/// Where code spans and blocks stand in a text, in order.
pub fn code_ranges(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut ranges = Vec::new();
    let mut code = Code::new(text);
    let mut at = 0;
    while let Some(offset) = text[at..].find(['\\', '`']) {
        let start = at + offset;
        let is_escaped = text[start..].starts_with('\\') && text[start + 1..].starts_with(['`', '\\']);
        at = match (text.as_bytes()[start], is_escaped) {
            (b'`', _) => start + code.length_at(start),
            (_, true) => start + 2,
            (_, false) => start + 1,
        };
        if text[start..].starts_with('`') {
            ranges.push(start..at);
        }
    }
    ranges
}

/// Bytes up to the next one that could begin something, at least one character.
fn plain_length(rest: &str) -> usize {
    let first = rest.chars().next().map_or(1, char::len_utf8);
    rest[first..].find(['\\', '`', '<', '@']).map_or(rest.len(), |end| first + end)
}

/// Notes the mention at the start of `rest`, which begins with `<`, and says how long it is: 1 if it is none.
fn tag(rest: &str, found: &mut Found) -> usize {
    let marks = ["<@&", "<@!", "<@", "<#"];
    let Some(mark) = marks.into_iter().find(|mark| rest.starts_with(mark)) else { return 1 };
    let body = &rest.as_bytes()[mark.len()..];
    let digits = body.iter().take(21).take_while(|byte| byte.is_ascii_digit()).count();
    let Some(b'>') = body.get(digits) else { return 1 };
    let Ok(id) = rest[mark.len()..mark.len() + digits].parse::<u64>() else { return 1 };
    match mark {
        "<@&" => note(&mut found.roles, Id::new(id)),
        "<#" => note(&mut found.channels, Id::new(id)),
        _ => note(&mut found.users, Id::new(id)),
    }
    mark.len() + digits + 1
}

fn note<T>(list: &mut Vec<Id<T>>, id: Id<T>) {
    if list.len() < MAX_MENTIONS && !list.contains(&id) {
        list.push(id);
    }
}

/// Finds the ends of code. A block is three backticks, something that is no line break, and the next three; a span is a run of
/// backticks and the next run just as long. Asked at rising places only, so that what lies behind is dropped and never sought again.
struct Code<'a> {
    text: &'a str,
    /// Starts of runs of backticks by their length.
    runs: HashMap<usize, VecDeque<usize>>,
    /// Where the run met last ends, so that a long one that blocks eat up piece by piece is measured once.
    run_end: usize,
    has_block_end: bool,
}

impl<'a> Code<'a> {
    fn new(text: &'a str) -> Self {
        let mut runs: HashMap<usize, VecDeque<usize>> = HashMap::new();
        let mut at = 0;
        while let Some(start) = text[at..].find('`').map(|offset| at + offset) {
            let length = run_length(text, start);
            runs.entry(length).or_default().push_back(start);
            at = start + length;
        }
        Self { text, runs, run_end: 0, has_block_end: true }
    }

    /// The length of the code that begins with the backtick at `at`, or of the backticks alone if none does.
    fn length_at(&mut self, at: usize) -> usize {
        if at >= self.run_end {
            self.run_end = at + run_length(self.text, at);
        }
        let run = self.run_end - at;
        let end = if run >= 3 { self.block_end(at) } else { None };
        end.or_else(|| self.span_end(at, run)).map_or(run, |end| end - at)
    }

    fn block_end(&mut self, at: usize) -> Option<usize> {
        if !self.has_block_end {
            return None;
        }
        let body = at + 3;
        let inner = body + self.text[body..].find(|c| c != '\n')?;
        let inner = inner + self.text[inner..].chars().next().map_or(0, char::len_utf8);
        let end = self.text[inner..].find("```").map(|offset| inner + offset + 3);
        self.has_block_end = end.is_some();
        end
    }

    fn span_end(&mut self, at: usize, run: usize) -> Option<usize> {
        let starts = self.runs.get_mut(&run)?;
        while starts.front().is_some_and(|start| *start <= at) {
            starts.pop_front();
        }
        starts.front().map(|start| start + run)
    }
}

fn run_length(text: &str, at: usize) -> usize {
    text.as_bytes()[at..].iter().take_while(|byte| **byte == b'`').count()
}

/// Which mentions of a kind a sender wants to notify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed<T> {
    /// Whatever the text names.
    All,
    /// Those of the text that are also here.
    These(Vec<T>),
}

impl<T: PartialEq> Allowed<T> {
    fn lets(&self, id: T) -> bool {
        match self {
            Self::All => true,
            Self::These(ids) => ids.contains(&id),
        }
    }
}

/// Whom a sender wants to notify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedMentions {
    /// Users.
    pub users: Allowed<UserId>,
    /// Roles.
    pub roles: Allowed<RoleId>,
    /// `@everyone` and `@here`.
    pub everyone: bool,
    /// The author of the message replied to.
    pub replied_user: bool,
}

/// A word of `allowed_mentions.parse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MentionClass {
    /// `users`.
    Users,
    /// `roles`.
    Roles,
    /// `everyone`.
    Everyone,
}

impl AllowedMentions {
    /// What holds for an ordinary message without the field: everything.
    pub const ORDINARY: Self =
        Self { users: Allowed::All, roles: Allowed::All, everyone: true, replied_user: true };
    /// What holds for webhooks and interactions without the field: users only.
    pub const OF_WEBHOOKS: Self =
        Self { users: Allowed::All, roles: Allowed::These(Vec::new()), everyone: false, replied_user: false };

    /// Reads the fields of the object: it allows only what it lists, so an empty one allows nothing (API.md §7.27).
    ///
    /// # Errors
    /// Faults by field name: more than [`MAX_ALLOWED_IDS`] ids, or ids of a class that `parse` names too.
    pub fn new(
        parse: &[MentionClass],
        users: Vec<UserId>,
        roles: Vec<RoleId>,
        replied_user: bool,
    ) -> Result<Self, Vec<(&'static str, FieldFault)>> {
        let names = |class| parse.contains(&class);
        let mut faults = Vec::new();
        let users = allowed("users", names(MentionClass::Users), users, &mut faults);
        let roles = allowed("roles", names(MentionClass::Roles), roles, &mut faults);
        let everyone = names(MentionClass::Everyone);
        if faults.is_empty() { Ok(Self { users, roles, everyone, replied_user }) } else { Err(faults) }
    }
}

/// The most words of `parse`; there are three, and a client may repeat itself.
const MAX_CLASSES: usize = 16;

impl Form for AllowedMentions {
    fn read(f: &mut Fields<'_>) -> Self {
        const CLASSES: &[(&str, MentionClass)] = &[
            ("users", MentionClass::Users),
            ("roles", MentionClass::Roles),
            ("everyone", MentionClass::Everyone),
        ];
        let parse = f.or("parse", list(word(CLASSES), MAX_CLASSES), Vec::new());
        let users = f.or("users", list(snowflake(), MAX_ALLOWED_IDS), Vec::new());
        let roles = f.or("roles", list(snowflake(), MAX_ALLOWED_IDS), Vec::new());
        let replied_user = f.or("replied_user", boolean(), false);
        Self::new(&parse, users, roles, replied_user).unwrap_or_else(|faults| {
            faults.into_iter().for_each(|(name, fault)| f.fault(name, fault));
            Self::ORDINARY
        })
    }
}

fn allowed<T>(
    name: &'static str,
    is_parsed: bool,
    ids: Vec<T>,
    faults: &mut Vec<(&'static str, FieldFault)>,
) -> Allowed<T> {
    if ids.len() > MAX_ALLOWED_IDS {
        faults.push((name, FieldFault::too_long(MAX_ALLOWED_IDS)));
    }
    if is_parsed && !ids.is_empty() {
        faults.push((name, FieldFault::exclusive_mentions(name)));
    }
    if is_parsed { Allowed::All } else { Allowed::These(ids) }
}

/// Whom a message mentions, as its fields `mentions`, `mention_roles` and `mention_everyone` tell. Users may still be strangers to the
/// channel: the caller keeps those who exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Users in the order of the text, then the author replied to.
    pub users: Vec<UserId>,
    /// Roles in the order of the text.
    pub roles: Vec<RoleId>,
    /// Everybody.
    pub everyone: bool,
}

/// Cuts what a text names down to what notifies. `is_mentionable` tells of a role whether everybody may mention it, `None` if the guild
/// has no such role or it is @everyone; other roles, like @everyone, need MENTION_EVERYONE. `reply_to` is the author of the message
/// replied to.
pub fn resolve(
    found: &Found,
    allowed: &AllowedMentions,
    may_mention_everyone: bool,
    is_mentionable: impl Fn(RoleId) -> Option<bool>,
    reply_to: Option<UserId>,
) -> Mentions {
    let mut users: Vec<UserId> =
        found.users.iter().copied().filter(|user| allowed.users.lets(*user)).collect();
    if let Some(author) = reply_to.filter(|author| allowed.replied_user && !users.contains(author)) {
        users.push(author);
    }
    let may_name = |role| is_mentionable(role).is_some_and(|by_all| by_all || may_mention_everyone);
    let roles =
        found.roles.iter().copied().filter(|role| allowed.roles.lets(*role) && may_name(*role)).collect();
    Mentions { users, roles, everyone: found.everyone && allowed.everyone && may_mention_everyone }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn users(text: &str) -> Vec<u64> {
        parse(text).users.into_iter().map(Id::get).collect()
    }

    #[test]
    fn every_form_is_found_once_and_in_order() {
        let found = parse("<@!7> hi <@5>, <@&9><#3> <@7> mail@here.org <@&9>");
        assert_eq!(found.users, [Id::new(7), Id::new(5)]);
        assert_eq!((found.roles, found.channels), (vec![Id::new(9)], vec![Id::new(3)]));
        assert!(found.everyone && parse("a@everyone!").everyone && !parse("@ everyone @her").everyone);
        assert_eq!(
            users("<@> <@x> <@ 1> <@1 <@123456789012345678901> <@18446744073709551616> <<@2> <@<@3>>"),
            [2, 3]
        );
    }

    #[test]
    fn code_mentions_nobody() {
        assert_eq!(users("`<@1>` <@2> ``a ` <@3>`` ```\n<@4>``` <@5>"), [2, 5]);
        assert_eq!(users("```rs\n`<@1>\n``` <@2> ```<@3>"), [2, 3], "an open block is none");
        assert_eq!(users("`<@1> ``<@2>"), [1, 2], "runs of unlike length are no pair");
        assert_eq!(users(r"\`<@1>` <@2>`<@3>`"), [1, 3], "an escaped backtick opens nothing");
        assert_eq!(users(r"`a\`<@1>` <@2>"), [1, 2], "but closes");
        assert_eq!(users(r"\\`<@1>`\<@2>"), [2], "a backslash may be escaped itself, and hides no mention");
        assert_eq!(users("``````<@1>```"), Vec::<u64>::new());
        assert!(!parse("`@everyone`").everyone);
    }

    #[test]
    fn a_message_mentions_a_bounded_number() {
        let text: String = (1..=MAX_MENTIONS + 50).map(|id| format!("<@{id}>")).collect();
        assert_eq!(parse(&text).users.len(), MAX_MENTIONS);
    }

    #[test]
    fn absent_allows_all_and_an_empty_object_nothing() {
        let found = parse("<@1> <@2> <@&3> <@&4> <@&5> @everyone");
        let mentionable = |role: RoleId| (role.get() < 5).then_some(role.get() == 3);
        let all = resolve(&found, &AllowedMentions::ORDINARY, true, mentionable, Some(Id::new(9)));
        assert_eq!(all.users, [Id::new(1), Id::new(2), Id::new(9)]);
        assert_eq!((all.roles, all.everyone), (vec![Id::new(3), Id::new(4)], true));
        let powerless = resolve(&found, &AllowedMentions::ORDINARY, false, mentionable, Some(Id::new(1)));
        assert_eq!(powerless.users, [Id::new(1), Id::new(2)]);
        assert_eq!((powerless.roles, powerless.everyone), (vec![Id::new(3)], false));
        let nothing = AllowedMentions::new(&[], vec![], vec![], false).unwrap();
        assert_eq!(resolve(&found, &nothing, true, mentionable, Some(Id::new(9))), Mentions::default());
        let hook = resolve(&found, &AllowedMentions::OF_WEBHOOKS, true, mentionable, Some(Id::new(9)));
        assert_eq!(hook, Mentions { users: vec![Id::new(1), Id::new(2)], roles: vec![], everyone: false });
    }

    #[test]
    fn only_listed_ids_of_the_text_ping() {
        let found = parse("<@1> <@2> <@&3>");
        let allowed =
            AllowedMentions::new(&[MentionClass::Roles], vec![Id::new(2), Id::new(8)], vec![], true).unwrap();
        let mentions = resolve(&found, &allowed, false, |_| Some(true), Some(Id::new(1)));
        assert_eq!(
            mentions,
            Mentions { users: vec![Id::new(2), Id::new(1)], roles: vec![Id::new(3)], everyone: false }
        );
    }

    #[test]
    fn a_class_and_its_ids_exclude_each_other() {
        let both = [MentionClass::Users, MentionClass::Roles];
        let faults = AllowedMentions::new(&both, vec![Id::new(1)], vec![], false).unwrap_err();
        assert_eq!(faults.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["users"]);
        let many = (0..101).map(Id::new).collect();
        let faults = AllowedMentions::new(&[], vec![], many, false).unwrap_err();
        assert_eq!(faults, [("roles", FieldFault::too_long(100))]);
    }

    #[test]
    fn the_field_is_read_from_json() {
        use crate::logic::form::read_value;
        let read = |json: &str| read_value::<AllowedMentions>(&serde_json::from_str(json).unwrap());
        assert_eq!(read("{}"), Ok(AllowedMentions::new(&[], vec![], vec![], false).unwrap()));
        let beside = read(r#"{"parse":["users"],"users":[],"roles":null,"replied_user":true}"#).unwrap();
        assert_eq!(beside.users, Allowed::All);
        assert_eq!(
            (beside.roles, beside.everyone, beside.replied_user),
            (Allowed::These(vec![]), false, true)
        );
        let both = read(r#"{"parse":["roles","everyone"],"roles":["5"]}"#).unwrap_err();
        assert_eq!(both.below("roles").unwrap().here()[0].code, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE");
        assert_eq!(
            read(r#"{"users":[175928847299117063]}"#).unwrap().users,
            Allowed::These(vec![Id::new(175928847299117063)])
        );
        assert!(read(r#"{"parse":["all"]}"#).is_err());
    }

    /// Cuts code out of a text, seeking every end anew; then the rest is searched by plain splitting.
    fn model(text: &str) -> Found {
        let chars: Vec<char> = text.chars().collect();
        let run = |at: usize| chars[at..].iter().take_while(|c| **c == '`').count();
        let whole_run = |at: usize, length| run(at) == length && chars[at - 1] != '`';
        let (mut prose, mut at) = (String::new(), 0);
        while at < chars.len() {
            if chars[at] == '\\' && matches!(chars.get(at + 1), Some('`' | '\\')) {
                (prose, at) = (prose + "`", at + 2);
            } else if chars[at] == '`' {
                let inner = (at + 3..chars.len()).find(|i| chars[*i] != '\n').map_or(chars.len(), |i| i + 1);
                let block = (inner..chars.len()).find(|i| run(at) >= 3 && run(*i) >= 3).map(|i| i + 3);
                let span = (at + run(at)..chars.len()).find(|i| whole_run(*i, run(at))).map(|i| i + run(at));
                at = block.or(span).unwrap_or(at + run(at));
                prose.push('`');
            } else {
                prose.push(chars[at]);
                at += 1;
            }
        }
        let mut found =
            Found { everyone: prose.contains("@everyone") || prose.contains("@here"), ..Found::default() };
        for piece in prose.split('<').skip(1) {
            let Some((inside, _)) = piece.split_once('>') else { continue };
            let Some(digits) = inside.find(|c: char| c.is_ascii_digit()) else { continue };
            let Ok(id) = inside[digits..].parse::<u64>() else { continue };
            match &inside[..digits] {
                _ if inside.len() - digits > 20 => {}
                "@" | "@!" if !found.users.contains(&Id::new(id)) => found.users.push(Id::new(id)),
                "@&" if !found.roles.contains(&Id::new(id)) => found.roles.push(Id::new(id)),
                "#" if !found.channels.contains(&Id::new(id)) => found.channels.push(Id::new(id)),
                _ => {}
            }
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 6_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_reads_as_the_slow_model_reads_it(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "`", "`", "``", "```", "````", "\\", "\n", "<", ">", "<@", "<@!", "<@&", "<#", "1", "20", "<@3>", "<@&4>", "@everyone",
                "@here", "@", "ü", "🎉", " ",
            ]), 0..40)
        ) {
            let text = pieces.concat();
            prop_assert_eq!(parse(&text), model(&text), "{}", text);
        }
    }

    #[test]
    fn hostile_text_takes_linear_time() {
        let rising: String = (1..1_500).map(|length| "`".repeat(length) + " ").collect();
        for piece in [
            "<@",
            "<@1",
            "`",
            "`` ` ",
            "```",
            "``` ` `` ",
            "\\`",
            "``````a",
            "<@!99999999999999999999",
            "@everyon",
        ] {
            parse(&piece.repeat(1_000_000 / piece.len()));
        }
        parse(&rising);
    }
}
