//! One dispatch as bytes: encoded at most once for each of the few forms that receivers may need (SAFETY.md §3.7), when the first
//! of them needs it.

use std::sync::Arc;

use serde::Serialize;

use crate::hub::guild::Guild;
use crate::hub::passive::Hearers;
use crate::hub::session::Owner;
use crate::logic::intents::{self, Intents};
use crate::logic::scratch::written;
use crate::logic::session::{Meter, Packet, Piece, Pieces, Place, Splicer};
use crate::model::{Dispatch, EmojiCleared, Message, MessageEvent, UserId};

/// Bits of the form a receiver gets.
mod form {
    /// The content of the message is left out.
    pub const BARE: usize = 1;
    /// The content of the message it answers is left out.
    pub const BARE_REFERENCE: usize = 2;
    /// With the author's own mark.
    pub const NONCE: usize = 4;
    pub const COUNT: usize = 8;
}

/// A dispatch to be told, and its forms.
pub(super) struct Encoding<'a> {
    dispatch: &'a Dispatch,
    place: Place,
    gate: Option<Intents>,
    meter: &'a Meter,
    message: Option<MessageForms<'a>>,
    forms: [Option<Packet>; form::COUNT],
}

/// Who sees the whole of a message although their intents do not say so.
struct MessageForms<'a> {
    event: &'a MessageEvent,
    sees_content: Vec<UserId>,
    sees_reference: Vec<UserId>,
}

impl<'a> Encoding<'a> {
    /// Readies a dispatch for the members of `guild`, or for people in a DM.
    pub fn new(dispatch: &'a Dispatch, guild: Option<&Guild>, meter: &'a Meter) -> Self {
        let place = place(dispatch);
        let message = match dispatch {
            Dispatch::MessageCreate(event) | Dispatch::MessageUpdate(event) => Some(MessageForms {
                event,
                sees_content: concerned(&event.message, guild),
                sees_reference: reference(&event.message).map(|of| concerned(of, guild)).unwrap_or_default(),
            }),
            _ => None,
        };
        let gate = intents::gate(dispatch.name(), place.guild.is_none());
        Self { dispatch, place, gate, meter, message, forms: Default::default() }
    }

    /// Whether the session asked for events of this kind.
    pub fn is_wanted_by(&self, owner: &Owner) -> bool {
        if !owner.is_bot() || self.gate.is_none_or(|gate| owner.intents.intersects(gate)) {
            return true;
        }
        // A bot always hears of itself.
        match self.dispatch {
            Dispatch::MemberUpdate(event) => {
                event.member.user.as_ref().is_some_and(|user| user.id == owner.user)
            }
            Dispatch::VoiceStateUpdate(state) => state.user_id == owner.user,
            _ => false,
        }
    }

    /// Whom of those that see it is told.
    pub fn hearers(&self) -> Hearers<'a> {
        Hearers::of(self.dispatch)
    }

    /// Where it happened.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Whether nothing of its guild may follow.
    pub fn is_farewell(&self) -> bool {
        matches!(self.dispatch, Dispatch::GuildDelete(gone) if gone.unavailable != Some(true))
    }

    /// The bytes for this session.
    pub fn packet_for(&mut self, owner: &Owner) -> Packet {
        let form = self.message.as_ref().map_or(0, |message| message.form(owner));
        self.packet_of(form)
    }

    /// The bytes for a session of this person, who wants everything.
    pub fn packet_for_person(&mut self, user: UserId) -> Packet {
        let form = self.message.as_ref().map_or(0, |message| message.form_for_person(user));
        self.packet_of(form)
    }

    fn packet_of(&mut self, form: usize) -> Packet {
        if let Some(packet) = &self.forms[form] {
            return packet.clone();
        }
        let packet = match &self.message {
            Some(message) if !message.is_as_told(form) => {
                encode(&message.told(self.dispatch, form), self.place, self.meter)
            }
            _ => encode(self.dispatch, self.place, self.meter),
        };
        self.forms[form].insert(packet).clone()
    }
}

impl MessageForms<'_> {
    fn form(&self, owner: &Owner) -> usize {
        let mut form = 0;
        // In DMs content is never left out (API.md §3.3).
        if owner.is_bot()
            && !owner.intents.contains(Intents::MESSAGE_CONTENT)
            && self.event.guild_id.is_some()
        {
            if !self.sees_content.contains(&owner.user) {
                form |= form::BARE;
            }
            if reference(&self.event.message).is_some() && !self.sees_reference.contains(&owner.user) {
                form |= form::BARE_REFERENCE;
            }
        }
        form | self.form_for_person(owner.user)
    }

    /// A person is told all; whoever wrote it also their own mark.
    fn form_for_person(&self, user: UserId) -> usize {
        let is_own = self.event.message.nonce.is_some() && user == self.event.message.author.id;
        if is_own { form::NONCE } else { 0 }
    }

    /// Whether the dispatch as it came is that form.
    fn is_as_told(&self, form: usize) -> bool {
        form == if self.event.message.nonce.is_some() { form::NONCE } else { 0 }
    }

    fn told(&self, dispatch: &Dispatch, form: usize) -> Dispatch {
        let mut message = Message::clone(&self.event.message);
        if form & form::NONCE == 0 {
            message.nonce = None;
        }
        if form & form::BARE != 0 {
            strip(&mut message);
        }
        if form & form::BARE_REFERENCE != 0
            && let Some(Some(reference)) = &mut message.referenced_message
        {
            strip(reference);
        }
        let event = MessageEvent { message: Arc::new(message), ..self.event.clone() };
        match dispatch {
            Dispatch::MessageUpdate(_) => Dispatch::MessageUpdate(event),
            _ => Dispatch::MessageCreate(event),
        }
    }
}

fn reference(message: &Message) -> Option<&Message> {
    message.referenced_message.as_ref()?.as_deref()
}

/// Who wrote the message or is mentioned by it, a bot also by the role it came with.
fn concerned(message: &Message, guild: Option<&Guild>) -> Vec<UserId> {
    let mut users = vec![message.author.id];
    users.extend(message.application_id.map(|application| application.cast()));
    users.extend(message.mentions.iter().map(|mention| mention.user.id));
    users.extend(guild.iter().flat_map(|guild| guild.bots_of(&message.mention_roles)));
    users
}

fn strip(message: &mut Message) {
    message.content.clear();
    message.embeds.clear();
    message.attachments.clear();
    message.components.clear();
}

/// The bytes of a dispatch as it is.
pub(super) fn encode(dispatch: &Dispatch, place: Place, meter: &Meter) -> Packet {
    tail(dispatch.name(), place, meter, |out| dispatch.write_payload(out).map(|()| Pieces::default()))
}

/// The bytes of an event with this payload, for one session alone.
/// `pieces` are those that it holds, in order.
pub(super) fn encode_payload(
    name: &'static str,
    payload: &impl Serialize,
    pieces: &[Piece],
    meter: &Meter,
) -> Packet {
    tail(name, Place::default(), meter, |out| {
        let mut splicer = Splicer::new(out, pieces);
        serde_json::to_writer(&mut splicer, payload)?;
        Ok(splicer.found())
    })
}

fn tail(
    name: &'static str,
    place: Place,
    meter: &Meter,
    write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<Pieces>,
) -> Packet {
    let mut pieces = Pieces::default();
    let out = written(|out| {
        out.extend_from_slice(br#""t":""#);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(br#"","d":"#);
        pieces = write(out)?;
        out.push(b'}');
        serde_json::Result::Ok(())
    });
    let out = out.expect("the model's types have string keys and a buffer takes all");
    Packet::pieced(name, out, pieces, place, meter)
}

/// What a receiver must be able to see for the dispatch to be sent. That something is gone may be told to who can't see it any more.
fn place(dispatch: &Dispatch) -> Place {
    let guild = |id| Place { guild: Some(id), channel: None };
    let guild_or_none = |guild| Place { guild, channel: None };
    let within = |guild, channel| Place { guild, channel: Some(channel) };
    match dispatch {
        Dispatch::GuildCreate(event) => guild(event.guild.id),
        Dispatch::GuildUpdate(event) => guild(event.id),
        Dispatch::RoleCreate(event) | Dispatch::RoleUpdate(event) => guild(event.guild_id),
        Dispatch::RoleDelete(event) => guild(event.guild_id),
        Dispatch::MemberAdd(event) | Dispatch::MemberUpdate(event) => guild(event.guild_id),
        Dispatch::MemberRemove(event) | Dispatch::BanAdd(event) | Dispatch::BanRemove(event) => {
            guild(event.guild_id)
        }
        Dispatch::AuditEntryCreate(event) => guild(event.guild_id),
        Dispatch::IntegrationsUpdate(event) => guild(event.guild_id),
        Dispatch::EmojisUpdate(event) => guild(event.guild_id),
        Dispatch::StickersUpdate(event) => guild(event.guild_id),
        Dispatch::SoundCreate(event) | Dispatch::SoundUpdate(event) => guild_or_none(event.guild_id),
        Dispatch::SoundDelete(event) => guild(event.guild_id),
        Dispatch::ChannelInfo(event) => guild(event.guild_id),
        Dispatch::VoiceEffect(event) => within(Some(event.guild_id), event.channel_id),
        Dispatch::VoiceStatus(event) => within(Some(event.guild_id), event.id),
        Dispatch::VoiceStart(event) => within(Some(event.guild_id), event.id),
        Dispatch::GuildSettingsUpdate(event) => guild(event.guild_id),
        Dispatch::ChannelCreate(event) | Dispatch::ChannelUpdate(event) => within(event.guild_id, event.id),
        Dispatch::ChannelDelete(event) => Place { guild: event.guild_id, channel: None },
        Dispatch::PinsUpdate(event) => within(event.guild_id, event.channel_id),
        Dispatch::RecipientAdd(event) | Dispatch::RecipientRemove(event) => within(None, event.channel_id),
        Dispatch::WebhooksUpdate(event) => within(Some(event.guild_id), event.channel_id),
        Dispatch::InviteCreate(event) => within(Some(event.invite.guild_id), event.channel_id),
        Dispatch::InviteDelete(event) => within(Some(event.guild_id), event.channel_id),
        Dispatch::MessageCreate(event) | Dispatch::MessageUpdate(event) => {
            within(event.guild_id, event.message.channel_id)
        }
        Dispatch::MessageDelete(event) => within(event.guild_id, event.channel_id),
        Dispatch::MessageDeleteBulk(event) => within(event.guild_id, event.channel_id),
        Dispatch::ReactionAdd(event) | Dispatch::ReactionRemove(event) => {
            within(event.guild_id, event.channel_id)
        }
        Dispatch::ReactionRemoveAll(event)
        | Dispatch::ReactionRemoveEmoji(EmojiCleared { of: event, .. }) => {
            within(event.guild_id, event.channel_id)
        }
        Dispatch::TypingStart(event) => within(event.guild_id, event.channel_id),
        Dispatch::PresenceUpdate(event) => Place { guild: event.guild_id, channel: None },
        Dispatch::VoiceStateUpdate(state) => Place { guild: state.guild_id, channel: state.channel_id },
        Dispatch::VoiceServerUpdate(server) => guild_or_none(server.guild_id),
        Dispatch::MemberListUpdate(event) => guild(event.guild_id),
        Dispatch::PassiveUpdate(event) => guild(event.guild_id),
        Dispatch::CallCreate(call) | Dispatch::CallUpdate(call) => within(None, call.channel_id),
        Dispatch::CallDelete(_) => Place::default(),
        Dispatch::GuildDelete(_)
        | Dispatch::IntegrationCreate(_)
        | Dispatch::IntegrationDelete(_)
        | Dispatch::UserUpdate(_)
        | Dispatch::UserSettingsUpdate(_)
        | Dispatch::UserGuildSettingsUpdate(_)
        | Dispatch::UserNoteUpdate(_)
        | Dispatch::SessionsReplace(_)
        | Dispatch::MessageAck(_)
        | Dispatch::PinsAck(_)
        | Dispatch::RecentMentionDelete(_)
        | Dispatch::RelationshipAdd(_)
        | Dispatch::RelationshipUpdate(_)
        | Dispatch::RelationshipRemove(_)
        | Dispatch::PrefsUpdate(_) => Place::default(),
    }
}
