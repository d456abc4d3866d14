//! What a bot without the MESSAGE_CONTENT switch sees of messages that are none of its business (API.md §3.3); the same rule as the
//! gateway's, for what REST answers.

use crate::actions::actor::{Actor, ActorKind};
use crate::model::{Message, RoleId, UserId};
use crate::store::access::ChannelAccess;
use crate::store::{Applications, Roles, StoreError, View};

/// Bits of an application's flags that switch MESSAGE_CONTENT on, reviewed or limited (API.md §2.4).
const CONTENT_SWITCH: u64 = 1 << 18 | 1 << 19;

/// How a caller sees messages of a channel.
pub(super) enum Sight {
    /// Whole.
    Whole,
    /// Without contents, but for its own and those that mention it or its managed role.
    Stripped {
        /// The bot.
        bot: UserId,
        /// The role that came with it.
        role: Option<RoleId>,
    },
}

impl Sight {
    /// How `actor` sees messages here.
    pub fn of(view: &View<'_>, actor: Actor, access: &ChannelAccess) -> Result<Self, StoreError> {
        let (ActorKind::Bot { application }, Some(guild)) = (actor.kind, &access.guild) else {
            return Ok(Self::Whole);
        };
        let has_switch =
            view.get::<Applications>(&application)?.is_some_and(|row| row.flags & CONTENT_SWITCH != 0);
        if has_switch {
            return Ok(Self::Whole);
        }
        let mut role = None;
        for id in &guild.member.roles {
            if view.shared::<Roles>(&(guild.id, *id))?.is_some_and(|row| row.bot == Some(actor.user)) {
                role = Some(*id);
            }
        }
        Ok(Self::Stripped { bot: actor.user, role })
    }

    /// Takes out of a message what is not seen of it.
    pub fn strip(&self, message: &mut Message) {
        let Self::Stripped { bot, role } = self else { return };
        if let Some(Some(answered)) = &mut message.referenced_message {
            self.strip(answered);
        }
        let concerns_bot = message.author.id == *bot
            || message.mentions.iter().any(|mentioned| mentioned.user.id == *bot)
            || role.is_some_and(|role| message.mention_roles.contains(&role));
        if !concerns_bot {
            message.content.clear();
            message.embeds.clear();
            message.attachments.clear();
            message.components.clear();
        }
    }
}
