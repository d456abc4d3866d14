//! What whoever runs the instance does from the command line: accounts made, named owner, given new passwords.

use super::accounts;
use super::registration::insert_rows;
use super::{resets, sessions};
use crate::app::App;
use crate::auth::passwords::{Password, PasswordError};
use crate::logic::content::Username;
use crate::model::UserId;
use crate::store::{
    AccountRow, AccountState, Accounts, Meta, MetaRow, Order, StoreError, UserRow, Usernames, Users, View,
};

/// Most accounts that one list shows.
const MAX_LISTED: usize = 10_000;

/// An account as the command line shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub username: String,
    /// Whether it owns the instance.
    pub is_owner: bool,
    /// Whether it may not log in.
    pub is_disabled: bool,
}

/// Why a command was not carried out, in words for the person who gave it.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No account has this name.
    #[error("no account is named {0}")]
    NoSuchAccount(String),
    /// The name is taken.
    #[error("an account named {0} exists")]
    Taken(String),
    /// The name breaks a rule.
    #[error("{0}")]
    BadName(String),
    /// The instance has another owner.
    #[error("the instance has an owner: {0}")]
    HasOwner(String),
    /// The password could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn summary(view: &View<'_>, id: UserId) -> Result<Summary, StoreError> {
    let row = view.get::<Users>(&id)?.unwrap_or_default();
    let account = view.get::<Accounts>(&id)?.unwrap_or_default();
    Ok(Summary {
        id,
        username: row.username,
        is_owner: accounts::owner(view)? == Some(id),
        is_disabled: account.state != AccountState::Active,
    })
}

fn find(view: &View<'_>, username: &str) -> Result<UserId, AdminError> {
    let name = username.to_lowercase();
    Ok(view.get::<Usernames>(&name)?.ok_or(AdminError::NoSuchAccount(name))?.id)
}

/// Makes an account.
pub async fn create(
    app: &App,
    username: &str,
    password: Password,
    is_owner: bool,
) -> Result<Summary, AdminError> {
    let name = Username::parse(username).map_err(|fault| AdminError::BadName(fault.message.into_owned()))?;
    let hash = app.passwords.hash(password).await?;
    let made = app
        .store
        .write(move |tx| {
            let name = name.to_string();
            if tx.has::<Usernames>(&name)? {
                return Err(AdminError::Taken(name));
            }
            if is_owner && let Some(owner) = accounts::owner(tx)? {
                return Err(AdminError::HasOwner(summary(tx, owner)?.username));
            }
            let id: UserId = tx.next_id();
            let account = AccountRow {
                password: Some(hash.as_stored().to_owned()),
                admin: is_owner,
                ..AccountRow::default()
            };
            insert_rows(tx, id, &UserRow { username: name, ..UserRow::default() }, &account)?;
            if is_owner {
                // The command line is the admin's own.
                tx.put::<Meta>(&tx.internal(), &accounts::OWNER.to_owned(), &MetaRow::Number(id.get()))?;
            }
            Ok(summary(tx, id)?)
        })
        .await?;
    if is_owner {
        app.forget_setup();
    }
    Ok(made)
}

/// Gives an account another password and ends its sessions.
pub async fn reset_password(app: &App, username: &str, password: Password) -> Result<Summary, AdminError> {
    let id = app.store.read(|view| find(view, username))?;
    let hash = app.passwords.hash(password).await?;
    let (made, ended) = app
        .store
        .write(move |tx| -> Result<_, AdminError> {
            let mut account = tx.get::<Accounts>(&id)?.unwrap_or_default();
            account.password = Some(hash.as_stored().to_owned());
            tx.put::<Accounts>(&tx.internal(), &id, &account)?;
            let ended = sessions::others(tx, id, None)?;
            sessions::revoke(tx, id, &ended)?;
            Ok((summary(tx, id)?, ended))
        })
        .await?;
    for sid in ended {
        app.live.remove(sid);
    }
    Ok(made)
}

/// Path and fragment of a link with which an account's person chooses a new password: good once, for an hour.
pub fn reset_link(app: &App, username: &str) -> Result<String, AdminError> {
    let (id, account) = app.store.read(|view| -> Result<_, AdminError> {
        let id = find(view, username)?;
        Ok((id, view.get::<Accounts>(&id)?.unwrap_or_default()))
    })?;
    Ok(format!("/reset#{}", resets::token_for(app, id, &account)))
}

/// Makes an account the owner of the instance, in place of another.
pub async fn promote(app: &App, username: &str) -> Result<Summary, AdminError> {
    let username = username.to_owned();
    let made = app
        .store
        .write(move |tx| -> Result<_, AdminError> {
            let id = find(tx, &username)?;
            for (user, is_admin) in [(accounts::owner(tx)?, false), (Some(id), true)] {
                let Some(user) = user else { continue };
                let mut account = tx.get::<Accounts>(&user)?.unwrap_or_default();
                account.admin = is_admin;
                tx.put::<Accounts>(&tx.internal(), &user, &account)?;
            }
            tx.put::<Meta>(&tx.internal(), &accounts::OWNER.to_owned(), &MetaRow::Number(id.get()))?;
            Ok(summary(tx, id)?)
        })
        .await?;
    app.forget_setup();
    Ok(made)
}

/// The accounts of people, oldest first.
pub fn list(app: &App) -> Result<Vec<Summary>, AdminError> {
    app.store.read(|view| {
        let rows = view.list::<Users>(&(), None, Order::Ascending, MAX_LISTED)?;
        let people = rows.into_iter().filter(|(_, row)| !row.bot && !row.deleted);
        Ok(people.map(|(id, _)| summary(view, id)).collect::<Result<_, _>>()?)
    })
}
