//! What an OAuth2 access token opens (API.md §2.4).

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u64);

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $bit:literal $word:literal;)*) => {
        impl Scopes {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*

            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$name),)*];
        }
    };
}

scopes! {
    /// Who somebody is, without the mail address.
    IDENTIFY = 0 "identify";
    /// Their mail address.
    EMAIL = 1 "email";
    /// Which guilds they are in.
    GUILDS = 2 "guilds";
    /// To bring them into a guild of the application's bot.
    GUILDS_JOIN = 3 "guilds.join";
    /// Their memberships.
    GUILDS_MEMBERS_READ = 4 "guilds.members.read";
    /// To add the application's bot to a guild; no token has it.
    BOT = 5 "bot";
    /// To add the application's commands to a guild; no token has it.
    COMMANDS = 6 "applications.commands";
}

impl Scopes {
    /// No scope.
    pub const NONE: Self = Self(0);
    /// Those that act at the moment of consent, and not by a token.
    pub const OF_CONSENT: Self = Self(Self::BOT.0 | Self::COMMANDS.0);

    /// The set that was kept as these bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits to keep.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Reads words with spaces between; `None` where one of them is no scope here.
    pub fn parse(text: &str) -> Option<Self> {
        text.split_whitespace().try_fold(Self::NONE, |all, word| {
            let (_, scope) = Self::WORDS.iter().find(|(own, _)| *own == word)?;
            Some(all.with(*scope))
        })
    }

    /// This set and another.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without another.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` is in it.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The words.
    pub fn words(self) -> Vec<&'static str> {
        Self::WORDS.iter().filter(|(_, scope)| self.contains(*scope)).map(|(word, _)| *word).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_sets_are_one() {
        let set = Scopes::parse(" identify  guilds.join identify ").unwrap();
        assert_eq!(set.words(), ["identify", "guilds.join"]);
        assert_eq!(Scopes::from_bits(set.bits()), set);
        assert!(set.contains(Scopes::IDENTIFY) && !set.contains(Scopes::EMAIL));
        assert_eq!(Scopes::parse("identify everything"), None);
        assert!(Scopes::parse("").unwrap().is_empty());
        assert_eq!(set.with(Scopes::BOT).without(Scopes::OF_CONSENT), set);
    }
}
