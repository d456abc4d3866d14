//! READY and what follows it, built from one snapshot of the store (API.md §3.2), with the state of guilds that the hub follows from
//! there on.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::actor::{Actor, ActorKind};
use super::error::ActionError;
use super::expressions::sounds;
use super::gateway::dated;
use super::sessions::id_hash;
use super::show::{self, SMALL_GUILD_MEMBERS};
use super::{dms, messages, relationships, settings};
use crate::app::App;
use crate::hub::{Activation, Session, Showing};
use crate::logic::intents::Intents;
use crate::logic::session::{Packet, Piece, Who};
use crate::model::{
    Activity, BotReady, Channel, ChannelId, GATEWAY_VERSION, Guild, GuildCreate, GuildId, GuildSnapshot,
    Member, NotificationSettings, PersonReady, Presence, ReadyApplication, ReadyClient, ReadySession,
    ReadySupplemental, Timestamp, UnavailableGuild, UserId, UserSettings, Versioned, VisibleChannels,
    VoiceState,
};
use crate::store::access::GuildAccess;
use crate::store::marks::Mark;
use crate::store::{Applications, AuthSessions, BotTokens, Members, Order, StoreError, UserGuilds, View};

/// Guilds of one account that READY holds.
const MAX_GUILDS: usize = 10_000;
/// Guilds beyond which a READY is built off the event loop.
const MANY_GUILDS: usize = 16;
/// Peers whose memberships a big guild shows beside the receiver's own.
const MAX_PEERS_SHOWN: usize = 100;
/// Members online whose memberships a big guild shows to a bot with the presences intent.
const MAX_ONLINE_SHOWN: usize = 1_000;
/// The type of an activity that is a custom status.
const TYPE_CUSTOM_STATUS: u8 = 4;

/// What READY is made for.
pub struct Request {
    /// The session, attached.
    pub session: Arc<Session>,
    /// Who identified.
    pub actor: Actor,
    /// Person or bot, with its application's flags.
    pub who: Who,
    /// Members up to which a bot's guild is sent with all of them.
    pub large_threshold: u64,
    /// What to show from the start, if Identify said.
    pub presence: Option<Showing>,
    /// Where the client resumes.
    pub url: Arc<str>,
}

/// Builds a READY, when it is its turn; `None` when the login ended meanwhile.
///
/// # Errors
/// The store could not be read.
pub async fn build(app: &App, request: &Arc<Request>) -> Result<Option<Activation>, ActionError> {
    let _turn = app.ready_turns.acquire().await.map_err(ActionError::internal)?;
    let user = request.actor.user;
    let guilds =
        app.store.read(|view| view.list::<UserGuilds>(&user, None, Order::Ascending, MANY_GUILDS + 1))?;
    if guilds.len() <= MANY_GUILDS {
        return read(app, request);
    }
    let (app, request) = (app.clone(), Arc::clone(request));
    tokio::task::spawn_blocking(move || read(&app, &request)).await.map_err(ActionError::internal)?
}

fn read(app: &App, request: &Request) -> Result<Option<Activation>, ActionError> {
    let marks = app.marks.of(request.actor.user);
    let built = app.store.read(|view| {
        let builder = Builder { app, view, request, user: request.actor.user, marks: &marks };
        if !builder.is_live()? {
            return Ok(None);
        }
        match request.actor.kind {
            ActorKind::Bot { .. } => builder.bot(),
            ActorKind::Human { .. } => builder.person(),
            ActorKind::Bearer { .. } => return Ok(None),
        }
        .map(Some)
    });
    built.map_err(|error: StoreError| error.into())
}

/// What is read and gathered while a READY is built.
struct Builder<'a> {
    app: &'a App,
    view: &'a View<'static>,
    request: &'a Request,
    user: UserId,
    /// Read marks of the account on their way to the store, taken before the snapshot.
    marks: &'a HashMap<ChannelId, Mark>,
}

/// Guilds on their way into a READY.
#[derive(Default)]
struct Gathered {
    shown: Vec<GuildCreate>,
    memberships: Vec<(GuildId, Member)>,
    large: Vec<GuildId>,
    snapshots: Vec<Arc<GuildSnapshot>>,
    /// The JSON of the channels of each of the guilds shown, where it is shared.
    pieces: Vec<Option<Piece>>,
}

impl Builder<'_> {
    /// Whether what identified the session is alive in the snapshot: what ends it later is told to the hub.
    fn is_live(&self) -> Result<bool, StoreError> {
        match self.request.actor.kind {
            ActorKind::Human { session } => self.view.has::<AuthSessions>(&(self.user, session)),
            ActorKind::Bot { application } => {
                let Some(row) = self.view.shared::<Applications>(&application)? else { return Ok(false) };
                Ok(self.view.get::<BotTokens>(&row.token_hash)?.is_some_and(|token| token.id == self.user))
            }
            ActorKind::Bearer { .. } => Ok(false),
        }
    }

    fn bot(&self) -> Result<Activation, StoreError> {
        let owner = self.request.session.owner();
        let all = self.guilds(&[])?;
        let application_flags = match self.request.who {
            Who::Bot { application_flags } => application_flags,
            Who::Person => 0,
        };
        let listed =
            all.memberships.iter().map(|(id, _)| UnavailableGuild { id: *id, unavailable: Some(true) });
        let ready = BotReady {
            v: GATEWAY_VERSION,
            user: show::own_user_by_id(self.view, self.user)?,
            guilds: listed.collect(),
            session_id: self.request.session.id().clone(),
            resume_gateway_url: self.request.url.clone(),
            application: ReadyApplication {
                id: self.user.cast(),
                flags: application_flags,
                flags_new: application_flags.to_string(),
            },
            shard: owner.shard.map(|shard| [shard.id, shard.count]),
            private_channels: Vec::new(),
            relationships: Vec::new(),
            presences: Vec::new(),
            user_settings: std::collections::BTreeMap::new(),
            guild_join_requests: Vec::new(),
            geo_ordered_rtc_regions: Vec::new(),
            session_type: "normal",
            trace: Vec::new(),
        };
        let hub = &self.app.hub;
        let mut packets = vec![hub.encode("READY", &ready, &[])];
        // Without the intent guilds stay unavailable.
        if owner.intents.contains(Intents::GUILDS) {
            let guilds = all.shown.iter().zip(&all.pieces);
            packets.extend(guilds.map(|(guild, piece)| hub.encode("GUILD_CREATE", guild, piece.as_slice())));
        }
        let showing = self.request.presence.clone().unwrap_or_default();
        Ok(self.activation(packets, all, Vec::new(), showing))
    }

    fn activation(
        &self,
        ready: Vec<Packet>,
        all: Gathered,
        peers: Vec<UserId>,
        showing: Showing,
    ) -> Activation {
        Activation {
            commit: self.view.commit(),
            ready,
            memberships: all.memberships,
            large: all.large,
            guilds: all.snapshots,
            peers,
            showing,
        }
    }

    fn person(&self) -> Result<Activation, StoreError> {
        let (view, user, hub) = (self.view, self.user, &self.app.hub);
        let ActorKind::Human { session: login } = self.request.actor.kind else {
            unreachable!("bots have a READY of their own");
        };
        let private_channels = dms::of_user(view, user)?;
        let peers = relationships::peers_of(view, user, &peers_in(&private_channels))?;
        let mut all = self.guilds(&peers)?;
        let user_settings = settings::settings_of(view, user)?;
        let showing = self.request.presence.clone().unwrap_or_else(|| stored_showing(&user_settings));
        let supplemental =
            ReadySupplemental::of(all.shown.iter().map(|guild| (guild.guild.id, guild.voice_states.clone())));
        let ready = PersonReady {
            v: GATEWAY_VERSION,
            user: show::own_user_by_id(view, user)?,
            user_settings,
            user_guild_settings: Versioned::new(settings::guild_settings_of(view, user)?),
            read_state: Versioned {
                entries: messages::read_states_of(view, user, self.marks)?,
                partial: false,
                // Not the commit: it would tell how much happens out of sight (SAFETY.md I-1).
                version: view.now_ms(),
            },
            guilds: std::mem::take(&mut all.shown),
            relationships: relationships::of_user(view, user)?,
            private_channels,
            presences: hub.presences_of(&peers),
            merged_members: all.memberships.iter().map(|(_, member)| vec![member.clone()]).collect(),
            users: Vec::new(),
            sessions: self.sessions(&showing),
            notes: std::collections::BTreeMap::new(),
            connected_accounts: Vec::new(),
            guild_join_requests: Vec::new(),
            session_id: self.request.session.id().clone(),
            session_type: "normal",
            auth_session_id_hash: id_hash(login),
            resume_gateway_url: self.request.url.clone(),
            country_code: None,
            api_code_version: 1,
            notification_settings: NotificationSettings { flags: 0 },
            tutorial: None,
            experiments: Vec::new(),
            guild_experiments: Vec::new(),
            analytics_token: None,
            trace: Vec::new(),
        };
        let pieces: Vec<Piece> = all.pieces.iter().flatten().cloned().collect();
        let packets =
            vec![hub.encode("READY", &ready, &pieces), hub.encode("READY_SUPPLEMENTAL", &supplemental, &[])];
        Ok(self.activation(packets, all, peers, showing))
    }

    /// The account's live sessions, this one as the last.
    fn sessions(&self, showing: &Showing) -> Vec<ReadySession> {
        let own = &self.request.session;
        let listed = self.app.hub.sessions_of(self.user);
        let others = listed.iter().filter(|info| info.session_id != *own.id());
        let others = others.map(|info| (&info.session_id, info.status, &info.activities, &info.client_info));
        let this = (own.id(), showing.status, &showing.activities, &own.owner().client);
        let shown = others.chain([this]).map(|(id, status, activities, client)| ReadySession {
            session_id: id.clone(),
            status,
            activities: activities.to_vec(),
            client_info: ReadyClient {
                client: serde_json::to_value(client.kind).unwrap_or_default(),
                os: client.os.to_string(),
                version: client.version,
            },
        });
        shown.collect()
    }

    /// The guilds of the account that are this session's.
    fn guilds(&self, peers: &[UserId]) -> Result<Gathered, StoreError> {
        let mut all = Gathered::default();
        for ((_, id), ()) in self.view.list::<UserGuilds>(&self.user, None, Order::Ascending, MAX_GUILDS)? {
            if self.request.session.owner().holds(Some(id)) {
                self.guild(id, peers, &mut all)?;
            }
        }
        Ok(all)
    }

    fn guild(&self, id: GuildId, peers: &[UserId], all: &mut Gathered) -> Result<(), StoreError> {
        let access = match self.view.guild_access(self.user, id) {
            // A guild that is being deleted is gone for readers, though a row still names it.
            Err(StoreError::Denied(_)) => return Ok(()),
            access => access?,
        };
        let is_held = self.app.hub.holds(id);
        let make = || show::whole_guild(self.view, id, &access.guild);
        let whole = self.app.whole_guilds.get(self.view, id, make)?;
        let member_count = whole.member_count;
        let seen = show::seen_channels(self.view, &access, &whole.rooms)?;
        let (channels, piece) = (whole.rooms.visible(&seen), whole.rooms.piece(&seen));
        if !is_held {
            let roles = whole.guild.roles.clone();
            let (owner_id, channels) = (access.guild.owner, whole.rooms.channels.clone());
            let afk = show::afk(&access.guild);
            let snapshot = GuildSnapshot { id, owner_id, afk, roles, channels, member_count };
            all.snapshots.push(Arc::new(snapshot));
        }
        let own = show::member(&access.member, Some(show::user_by_id(self.view, self.user)?));
        let is_bot = self.request.actor.is_bot();
        let threshold = if is_bot { self.request.large_threshold } else { SMALL_GUILD_MEMBERS as u64 };
        let (mut members, presences) = self.members(&access, &own, member_count, threshold, peers)?;
        let voice_states = self.voice_states(id, &channels);
        self.add_voice_members(&voice_states, &mut members);
        all.memberships.push((id, own));
        if member_count > threshold {
            all.large.push(id);
        }
        all.pieces.push(piece.clone());
        all.shown.push(GuildCreate {
            // What of it ends with time ends by the time of this READY.
            guild: Guild { incidents_data: show::incidents(self.view, &access.guild), ..whole.guild.clone() },
            joined_at: Timestamp(access.member.joined_ms),
            large: member_count > threshold,
            unavailable: Some(false),
            member_count,
            members,
            channels: VisibleChannels {
                list: channels,
                json: piece.as_ref().map(|piece| piece.json().clone()),
            },
            threads: Vec::new(),
            presences,
            voice_states,
            stage_instances: Vec::new(),
            guild_scheduled_events: Vec::new(),
            soundboard_sounds: sounds::of_guild(self.view, id, false)?,
        });
        Ok(())
    }

    /// Who is in voice where the receiver sees it.
    fn voice_states(&self, guild: GuildId, visible: &[Arc<Channel>]) -> Vec<VoiceState> {
        let mut states = self.app.hub.voice_states(guild);
        states.retain(|state| {
            state.user_id == self.user
                || state.channel_id.is_some_and(|id| visible.iter().any(|channel| channel.id == id))
        });
        states.iter_mut().for_each(|state| state.guild_id = None);
        states
    }

    /// A big guild's members hold those who are in voice.
    fn add_voice_members(&self, states: &[VoiceState], members: &mut Vec<Member>) {
        let shown: HashSet<UserId> =
            members.iter().filter_map(|member| Some(member.user.as_ref()?.id)).collect();
        let missing = states.iter().filter(|state| !shown.contains(&state.user_id));
        members.extend(missing.filter_map(|state| state.member.clone()));
    }

    /// Members and presences that a guild is told with (API.md §3.4): all of a small one; of a big one a person's own and their
    /// peers', a bot's own and, with the presences intent, at most [`MAX_ONLINE_SHOWN`] of those online.
    fn members(
        &self,
        access: &GuildAccess,
        own: &Member,
        member_count: u64,
        threshold: u64,
        peers: &[UserId],
    ) -> Result<(Vec<Member>, Vec<Presence>), StoreError> {
        let owner = self.request.session.owner();
        if owner.is_bot() && !owner.intents.contains(Intents::GUILD_PRESENCES) {
            return Ok((vec![own.clone()], Vec::new()));
        }
        let hub = &self.app.hub;
        if member_count <= threshold {
            let presences = hub.presences(access.id, &self.request.session);
            return Ok((self.all_members(access.id)?, presences));
        }
        let mut members = vec![own.clone()];
        if owner.is_bot() {
            let presences = hub.presences(access.id, &self.request.session);
            let online = presences.iter().map(|presence| presence.user.id).take(MAX_ONLINE_SHOWN);
            self.add_members(access.id, online, &mut members)?;
            return Ok((members, presences));
        }
        self.add_members(access.id, peers.iter().copied().take(MAX_PEERS_SHOWN), &mut members)?;
        let shown = members[1..].iter().filter_map(|member| member.user.as_ref());
        let presences = hub.presences_of(&shown.map(|user| user.id).collect::<Vec<_>>());
        Ok((members, presences))
    }

    fn all_members(&self, guild: GuildId) -> Result<Vec<Member>, StoreError> {
        let rows = self.view.list::<Members>(&guild, None, Order::Ascending, SMALL_GUILD_MEMBERS + 1)?;
        let shown =
            rows.iter().map(|((_, id), row)| Ok(show::member(row, Some(show::user_by_id(self.view, *id)?))));
        shown.collect()
    }

    fn add_members(
        &self,
        guild: GuildId,
        users: impl Iterator<Item = UserId>,
        members: &mut Vec<Member>,
    ) -> Result<(), StoreError> {
        for user in users.filter(|user| *user != self.user) {
            members.extend(show::member_by_id(self.view, guild, user)?);
        }
        Ok(())
    }
}

/// Those an account has a conversation with, each once; a stranger's first word makes none.
fn peers_in(private_channels: &[Channel]) -> Vec<UserId> {
    let accepted = private_channels.iter().filter(|channel| channel.is_message_request.is_none());
    let recipients = accepted.flat_map(|channel| channel.recipients.iter().flatten());
    let mut peers: Vec<UserId> = recipients.map(|user| user.id).collect();
    peers.sort_unstable();
    peers.dedup();
    peers
}

/// What an account's settings say to show.
fn stored_showing(settings: &UserSettings) -> Showing {
    let text = settings.custom_status.as_ref().and_then(|custom| custom.text.as_deref());
    let text = text.filter(|text| !text.is_empty());
    let activities = text.map(|text| {
        dated(Activity {
            name: "Custom Status".to_owned(),
            kind: TYPE_CUSTOM_STATUS,
            created_at: 0,
            state: Some(text.to_owned()),
            url: None,
        })
    });
    Showing { status: settings.status, activities: activities.into_iter().collect() }
}
