//! Cards for the links of messages: looked up after the message is told, and added to it (API.md §2.3). Whether that may still be is asked
//! when the card is there, not when it was wanted (SAFETY.md §3.6).

use std::time::Duration;

use tokio::task::JoinSet;

use super::error::ActionError;
use super::{messages, settings};
use crate::app::App;
use crate::logic::links::links;
use crate::logic::rate_limit::{Caller, Key, Limiter, Quota};
use crate::model::{ChannelId, Embed, MessageId, UserId, message_flag};
use crate::store::access::right;
use crate::store::{Body, Channels, GuildExtras, MessageRow, StoreError, View};
use crate::unfurl::queue::Wanted;

/// Messages whose cards are looked up at once.
const AT_ONCE: usize = 16;
/// Links of one account that are looked up (SAFETY.md §6).
const PER_USER: Quota = Quota::new(30, Duration::from_secs(60));

/// Wants cards for a message that was just written, if it has links.
pub(super) fn want(app: &App, channel: ChannelId, message: MessageId, content: &str) {
    if app.config.media.link_previews && !links(content).is_empty() {
        app.links.want(Wanted { channel, message });
    }
}

/// Looks up what is wanted until it is dropped.
pub async fn run(app: &App) {
    let Some(mut wanted) = app.links.take() else { return };
    let mut limiter = Limiter::default();
    let mut tasks = JoinSet::new();
    while let Some(next) = wanted.recv().await {
        while tasks.len() >= AT_ONCE {
            tasks.join_next().await;
        }
        match app.store.read(|view| links_of(view, next)) {
            Ok(Some((author, mut links))) => {
                links.retain(|_| is_within_limit(app, &mut limiter, author));
                let app = app.clone();
                tasks.spawn(async move { look_up(&app, next, links).await });
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "cards were not looked up"),
        }
    }
}

fn is_within_limit(app: &App, limiter: &mut Limiter, author: UserId) -> bool {
    let key = Key { limit: 0, caller: Caller::Account(author.get()), major: 0 };
    limiter.take(key, PER_USER, app.started.elapsed()).retry_after.is_none()
}

/// The author, and the links that have no card yet; none where there may be no cards.
fn links_of(view: &View<'_>, wanted: Wanted) -> Result<Option<(UserId, Vec<String>)>, ActionError> {
    let Some(row) = view.message(wanted.channel, wanted.message)? else { return Ok(None) };
    if !may_have_cards(view, wanted.channel, &row)? {
        return Ok(None);
    }
    let Body::Plain(content) = &row.body;
    let has_card = |link: &str| row.embeds.iter().any(|embed| embed.url.as_deref() == Some(link));
    let missing: Vec<String> =
        links(content).into_iter().filter(|link| !has_card(link)).map(str::to_owned).collect();
    Ok((!missing.is_empty()).then_some((row.author, missing)))
}

/// Whether the guild, the author and the message itself have nothing against cards.
fn may_have_cards(view: &View<'_>, channel: ChannelId, row: &MessageRow) -> Result<bool, ActionError> {
    if row.flags & message_flag::SUPPRESS_EMBEDS != 0 || row.webhook.is_some() && row.kind != 0 {
        return Ok(false);
    }
    let Some(place) = view.shared::<Channels>(&channel)? else { return Ok(false) };
    if let Some(guild) = place.guild
        && view.shared::<GuildExtras>(&guild)?.is_some_and(|extras| extras.hides_link_previews)
    {
        return Ok(false);
    }
    if row.webhook.is_some() {
        return Ok(true);
    }
    match view.allow::<right::EmbedLinks>(row.author, channel) {
        Ok(_) => Ok(settings::wants_embeds(view, row.author)?),
        Err(StoreError::Denied(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn look_up(app: &App, wanted: Wanted, links: Vec<String>) {
    let mut cards = Vec::new();
    for link in &links {
        cards.extend(app.unfurler.card(link).await);
    }
    if cards.is_empty() {
        return;
    }
    if let Err(error) = add(app, wanted, cards).await {
        tracing::warn!(%error, "cards were not added");
    }
}

/// Adds cards to a message as it stands by then: those whose links are still in it.
async fn add(app: &App, wanted: Wanted, cards: Vec<Embed>) -> Result<(), ActionError> {
    let Wanted { channel, message } = wanted;
    app.store
        .write(move |tx| {
            let Some(before) = tx.message(channel, message)? else { return Ok(()) };
            let Some((_, missing)) = links_of(tx, wanted)? else { return Ok(()) };
            let fresh =
                cards.iter().filter(|card| card.url.as_ref().is_some_and(|url| missing.contains(url)));
            let mut row = before.clone();
            row.embeds.extend(fresh.cloned());
            row.embeds.truncate(crate::logic::embed::MAX_EMBEDS);
            if row.embeds.len() == before.embeds.len() {
                return Ok(());
            }
            let server = tx.internal(); // the author's right to links was asked above
            let Some(place) = tx.shared::<Channels>(&channel)? else { return Ok(()) };
            tx.update_message(&server, channel, message, &before, &row)?;
            messages::tell_update(tx, channel, &place, message, &row)?;
            Ok(())
        })
        .await
}

/// Drops the cards of links that an edit took out of a text.
pub(super) fn drop_stale(row: &mut MessageRow) {
    let Body::Plain(content) = &row.body;
    let left = links(content);
    let is_left = |embed: &Embed| {
        embed.kind == crate::logic::embed::RICH || embed.url.as_deref().is_some_and(|url| left.contains(&url))
    };
    row.embeds.retain(is_left);
}
