//! Calls in DMs and group DMs: one begins with who first joins it, and ends with the last who leaves.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::{Entry, Occupant, Powers, SelfState, VoicePlace, shown};
use crate::hub::encoding::{Encoding, encode};
use crate::hub::state::{Now, State};
use crate::logic::session::Place;
use crate::model::{Call, CallEnded, ChannelId, Dispatch, MessageId, UserId, VoiceState};

/// Calls by the conversation they are in.
pub(in crate::hub) type Calls = HashMap<ChannelId, Held>;

/// A call.
#[derive(Debug)]
pub(in crate::hub) struct Held {
    /// Who is told of it: everybody in the conversation.
    pub recipients: Arc<[UserId]>,
    /// Whose clients ring.
    ringing: BTreeSet<UserId>,
    /// The message that tells of it.
    message: MessageId,
}

/// A conversation as its calls need it, read from the store.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// Its channel.
    pub channel: ChannelId,
    /// Everybody in it.
    pub recipients: Arc<[UserId]>,
    /// The message that tells of the call, should it begin.
    pub message: MessageId,
}

impl State {
    /// Op 4 with the channel of a conversation that the caller is in: begins its call, or joins it.
    pub fn join_call(&mut self, now: Now, key: u64, conversation: Conversation, own: SelfState) {
        let Some(session) = self.sessions.get(&key).map(|entry| entry.session.clone()) else { return };
        let (user, channel) = (session.owner().user, conversation.channel);
        let place = VoicePlace::Call(channel);
        if self.desk.setup().is_none() || !conversation.recipients.contains(&user) {
            return;
        }
        if self.voices.get(place, user).is_some_and(|at| at.key == key) {
            self.set_own(now, place, user, own, true);
            return;
        }
        for other in self.voices.places_of(user).into_iter().filter(|other| *other != place) {
            self.leave_voice(now, other, user);
        }
        let is_new = !self.calls.contains_key(&channel);
        let Conversation { recipients, message, .. } = conversation;
        let held = self.calls.entry(channel).or_insert(Held {
            recipients: recipients.clone(),
            ringing: BTreeSet::new(),
            message,
        });
        held.recipients = recipients;
        let was_ringing = held.ringing.remove(&user);
        if is_new {
            self.board.set_call(channel, Some(message));
            self.tell_call(channel, Dispatch::CallCreate);
        } else if was_ringing {
            self.tell_call(channel, Dispatch::CallUpdate);
        }
        let powers = Powers { speak: true, stream: true, use_vad: true, priority: false, soundboard: false };
        let entry = Entry { powers, suppress: false, afk_after_ms: None };
        self.enter_voice(now, place, user, entry, |session, token, entry| Occupant {
            channel,
            key,
            session,
            token,
            is_bot: false,
            own: SelfState { stream: false, ..own },
            member: None,
            powers: entry.powers,
            suppress: false,
            request_to_speak: None,
            is_brought: false,
            away_ms: None,
        });
    }

    /// Rings those of a conversation who are not in its call yet, or stops to; whether there is a call.
    pub fn ring(&mut self, channel: ChannelId, users: Option<&[UserId]>, is_on: bool) -> bool {
        let place = VoicePlace::Call(channel);
        let there: Vec<UserId> = self.voices.of(place).map(|(user, _)| *user).collect();
        let Some(held) = self.calls.get_mut(&channel) else { return false };
        let before = held.ringing.clone();
        let meant = |user: &UserId| users.is_none_or(|users| users.contains(user));
        if is_on {
            let others = held.recipients.iter().filter(|user| meant(user) && !there.contains(user));
            held.ringing.extend(others.copied());
        } else {
            held.ringing.retain(|user| !meant(user));
        }
        if held.ringing != before {
            self.tell_call(channel, Dispatch::CallUpdate);
        }
        true
    }

    /// Op 13: tells a session of the call in a conversation, if there is one and it is told of it.
    pub fn show_call(&self, key: u64, channel: ChannelId) {
        let (Some(held), Some(entry)) = (self.calls.get(&channel), self.sessions.get(&key)) else { return };
        if held.recipients.contains(&entry.session.owner().user) {
            let call = Dispatch::CallCreate(self.shown_call(channel, held));
            entry.session.push(encode(&call, Place::default(), &self.meter));
        }
    }

    /// Somebody is no longer in a conversation, nor in its call.
    pub fn leave_conversation(&mut self, now: Now, channel: ChannelId, user: UserId) {
        self.leave_voice(now, VoicePlace::Call(channel), user);
        if let Some(held) = self.calls.get_mut(&channel) {
            held.ringing.remove(&user);
            held.recipients = held.recipients.iter().copied().filter(|of| *of != user).collect();
        }
    }

    /// Tells everybody in the conversation who is in its call; with the last who leaves, it ends.
    pub(super) fn publish_in_call(&mut self, now: Now, channel: ChannelId, state: VoiceState) {
        let Some(held) = self.calls.get(&channel) else { return };
        let (recipients, has_left) = (held.recipients.clone(), state.channel_id.is_none());
        self.tell_people(&recipients, &Dispatch::VoiceStateUpdate(state));
        if has_left && self.voices.of(VoicePlace::Call(channel)).next().is_none() {
            self.calls.remove(&channel);
            self.board.set_call(channel, None);
            self.tell_people(&recipients, &Dispatch::CallDelete(CallEnded { channel_id: channel }));
        }
        self.weigh_later(now);
    }

    fn tell_call(&self, channel: ChannelId, make: impl Fn(Call) -> Dispatch) {
        let Some(held) = self.calls.get(&channel) else { return };
        self.tell_people(&held.recipients, &make(self.shown_call(channel, held)));
    }

    fn shown_call(&self, channel: ChannelId, held: &Held) -> Call {
        let place = VoicePlace::Call(channel);
        Call {
            channel_id: channel,
            message_id: held.message,
            region: "hearth",
            ringing: held.ringing.iter().copied().collect(),
            voice_states: self.voices.of(place).map(|(user, of)| shown(place, *user, of)).collect(),
        }
    }

    fn tell_people(&self, people: &[UserId], dispatch: &Dispatch) {
        let mut encoding = Encoding::new(dispatch, None, &self.meter);
        for user in people {
            for session in self.hearing(*user, self.commit + 1) {
                let owner = session.owner();
                if !owner.is_bot() && encoding.is_wanted_by(owner) {
                    session.push(encoding.packet_for(owner));
                }
            }
        }
    }
}
