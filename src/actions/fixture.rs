//! A small world for tests of actions: an app on an empty store, people, bots and guilds in it, and what was told.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::actor::{Actor, ActorKind};
use super::error::{ActionError, Fault};
use super::{guilds, members, roles};
use crate::app::App;
use crate::config::Loaded;
use crate::logic::form::{self, Checked, Form, FormError};
use crate::model::{
    Audience, AuthSessionId, Channel, ChannelId, ChannelKind, Dispatch, Event, GuildId, Permissions, RoleId,
    UserId,
};
use crate::store::access::right;
use crate::store::{
    AccountRow, ApplicationRow, Applications, AuditLog, AuditRow, MemberRow, Members, Order, StoreError,
    UserRow,
};

/// A body.
pub fn body<F: Form>(json: Value) -> Checked<F> {
    form::read_value::<F>(&json).map_err(FormError::Fields).into()
}

/// An app, and what it told.
pub struct World {
    pub app: App,
    _directory: tempfile::TempDir,
    told: Arc<Mutex<Vec<Event>>>,
}

impl World {
    pub fn new() -> Self {
        let told: Arc<Mutex<Vec<Event>>> = Arc::default();
        let heard = told.clone();
        let config = Loaded::from_given(&[]).unwrap().config;
        let (app, directory) = App::for_test_heard_by(config, move |batch| {
            heard.lock().unwrap().extend(batch.events.iter().cloned())
        });
        Self { app, _directory: directory, told }
    }

    pub async fn person(&self, name: &str) -> Actor {
        let user = self.account(name, false).await;
        Actor { user, kind: ActorKind::Human { session: AuthSessionId::new(user.get()) } }
    }

    /// A bot whose application has these flags.
    pub async fn bot(&self, name: &str, flags: u64) -> Actor {
        let user = self.account(name, true).await;
        let row = ApplicationRow { name: name.to_owned(), flags, ..ApplicationRow::default() };
        self.write(move |tx| tx.put::<Applications>(&tx.internal(), &user.cast(), &row)).await;
        Actor { user, kind: ActorKind::Bot { application: user.cast() } }
    }

    async fn account(&self, name: &str, bot: bool) -> UserId {
        let row = UserRow { username: name.to_owned(), bot, ..UserRow::default() };
        self.write(move |tx| {
            let user = tx.next_id();
            crate::actions::registration::insert_rows(tx, user, &row, &AccountRow::default())?;
            Ok(user)
        })
        .await
    }

    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut crate::store::Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        self.app.store.write(work).await.unwrap()
    }

    pub async fn guild(&self, owner: Actor) -> GuildId {
        guilds::create(&self.app, owner, body(serde_json::json!({ "name": "Hearth" }))).await.unwrap().id
    }

    pub async fn join(&self, guild: GuildId, who: Actor) {
        self.try_join(guild, who).await.unwrap();
    }

    pub async fn try_join(&self, guild: GuildId, who: Actor) -> Result<(), ActionError> {
        let limits = members::Limits::of(&self.app.config);
        self.app.store.write(move |tx| members::join(tx, &tx.internal(), limits, guild, who.user, &[])).await
    }

    /// A role made by the owner, above those made before.
    pub async fn role(&self, owner: Actor, guild: GuildId, name: &str, rights: Permissions) -> RoleId {
        let form = body(serde_json::json!({ "name": name, "permissions": rights }));
        let role = roles::create(&self.app, owner, guild, form, None).await.unwrap().id;
        let top = serde_json::json!([{ "id": role, "position": 250 }]);
        roles::reorder(&self.app, owner, guild, body(top), None).await.unwrap();
        role
    }

    /// A member with a role of these rights, which stands above those made before.
    pub async fn member(
        &self,
        owner: Actor,
        guild: GuildId,
        name: &str,
        rights: Permissions,
    ) -> (Actor, RoleId) {
        let who = self.person(name).await;
        self.join(guild, who).await;
        let role = self.role(owner, guild, name, rights).await;
        roles::assign(&self.app, owner, guild, who.user, role, None).await.unwrap();
        (who, role)
    }

    pub fn member_row(&self, guild: GuildId, who: UserId) -> Option<MemberRow> {
        self.app.store.read(|view| view.get::<Members>(&(guild, who))).unwrap()
    }

    /// What an account may do in a channel; none where it is hidden.
    pub fn held(&self, who: Actor, channel: ChannelId) -> Permissions {
        let access =
            self.app.store.read(|view| view.allow::<right::View>(who.user, channel).map(|by| by.held));
        access.unwrap_or(Permissions::NONE)
    }

    /// The first channel of a kind that the owner of a guild sees.
    pub fn channel(&self, owner: Actor, guild: GuildId, kind: ChannelKind) -> Arc<Channel> {
        let all = super::channels::list(&self.app, owner, guild).unwrap();
        all.into_iter().find(|channel| channel.kind == kind).unwrap()
    }

    /// Entries of the audit log, oldest first.
    pub fn audit(&self, guild: GuildId) -> Vec<AuditRow> {
        let rows =
            self.app.store.read(|view| view.list::<AuditLog>(&guild, None, Order::Ascending, 100)).unwrap();
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// What was told since it was last asked, audit entries apart: the audience's kind and the event's name.
    pub fn told(&self) -> Vec<String> {
        let all = std::mem::take(&mut *self.told.lock().unwrap());
        let mut names = Vec::new();
        for event in all {
            match event {
                Event::Dispatch(_, Dispatch::AuditEntryCreate(_)) | Event::GuildState(_) => {}
                Event::Dispatch(audience, dispatch) => {
                    names.push(format!("{} {}", audience_name(&audience), dispatch.name()));
                }
                Event::GuildGone(_) => names.push("gone".to_owned()),
                _ => {}
            }
        }
        names
    }
}

fn audience_name(audience: &Audience) -> &'static str {
    match audience {
        Audience::Guild(_) => "guild",
        Audience::GuildHolding(..) => "holders",
        Audience::Channel(..) => "channel",
        Audience::ChannelHolding(..) => "channel holders",
        Audience::Users(_) => "users",
        Audience::User(_) => "user",
    }
}

/// The JSON code that an act was refused with, 0 for none.
pub fn code<T>(answer: Result<T, ActionError>) -> u32 {
    match answer {
        Ok(_) => 0,
        Err(ActionError::Fault(fault)) => fault.code(),
        Err(ActionError::Form(_)) => 50_035,
        Err(ActionError::ConfirmIdentity(_)) => Fault::SecondFactorNeeded.code(),
        Err(other) => panic!("{other:?}"),
    }
}
