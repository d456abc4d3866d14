//! Who may use which emoji and sticker where: those of the place itself if one's roles let one, those of another guild one is in with
//! the right to bring them, an application's own everywhere.

use crate::actions::error::{ActionError, Fault};
use crate::model::{EmojiId, GuildId, Permissions, StickerId, StickerItem};
use crate::store::access::ChannelAccess;
use crate::store::{EmojiRow, Emojis, Members, Stickers, View};

/// The emoji, if the actor may use it here.
///
/// # Errors
/// 10014 for one that is not there, or of a guild the actor is not in; 50013 without the right to bring it, or the role it is kept for.
pub fn usable_emoji(
    view: &View<'_>,
    by: &ChannelAccess,
    id: EmojiId,
) -> Result<std::sync::Arc<EmojiRow>, ActionError> {
    let row = view.shared::<Emojis>(&id)?.ok_or(Fault::UnknownEmoji)?;
    let Some(guild) = row.guild else {
        let is_own = row.application.is_some_and(|application| application.cast() == by.actor);
        return if is_own { Ok(row) } else { Err(Fault::UnknownEmoji.into()) };
    };
    let member = view.shared::<Members>(&(guild, by.actor))?.ok_or(Fault::UnknownEmoji)?;
    if !is_at_home(by, guild) && !by.held.contains(Permissions::USE_EXTERNAL_EMOJIS) {
        return Err(Fault::MissingPermissions.into());
    }
    if !row.roles.is_empty() && !row.roles.iter().any(|role| member.roles.contains(role)) {
        return Err(Fault::MissingPermissions.into());
    }
    Ok(row)
}

fn is_at_home(by: &ChannelAccess, guild: GuildId) -> bool {
    by.channel.guild == Some(guild)
}

/// The stickers as a message keeps them, if the actor may use all of them here.
///
/// # Errors
/// 50081 for one that is not there or of a guild the actor is not in, 50600 without the right to bring it.
pub fn usable_stickers(
    view: &View<'_>,
    by: &ChannelAccess,
    ids: &[StickerId],
) -> Result<Vec<StickerItem>, ActionError> {
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        let row = view.shared::<Stickers>(id)?.ok_or(Fault::InvalidSticker)?;
        if !view.has::<Members>(&(row.guild, by.actor))? {
            return Err(Fault::InvalidSticker.into());
        }
        if !is_at_home(by, row.guild) && !by.held.contains(Permissions::USE_EXTERNAL_STICKERS) {
            return Err(Fault::StickerNotAllowed.into());
        }
        items.push(StickerItem { id: *id, name: row.name.clone(), format_type: row.format });
    }
    Ok(items)
}

/// A text with the emoji its author may not use here written as `:name:`. Those that are not there stay as they are: they show nothing.
pub fn without_unusable_emoji(
    view: &View<'_>,
    by: &ChannelAccess,
    text: &str,
) -> Result<String, ActionError> {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let (before, from) = rest.split_at(start);
        kept.push_str(before);
        let Some((whole, name, id)) = emoji_tag(from) else {
            kept.push('<');
            rest = &from[1..];
            continue;
        };
        match usable_emoji(view, by, id) {
            Err(ActionError::Fault(Fault::MissingPermissions)) => {
                kept.push(':');
                kept.push_str(name);
                kept.push(':');
            }
            Ok(_) | Err(ActionError::Fault(_)) => kept.push_str(whole),
            Err(error) => return Err(error),
        }
        rest = &from[whole.len()..];
    }
    kept.push_str(rest);
    Ok(kept)
}

/// `<:name:id>` or `<a:name:id>` at the start of a text: all of it, the name, the id.
fn emoji_tag(text: &str) -> Option<(&str, &str, EmojiId)> {
    let end = text.bytes().take(64).position(|byte| byte == b'>')?;
    let inner = text[1..end].strip_prefix("a:").or_else(|| text[1..end].strip_prefix(':'))?;
    let (name, id) = inner.split_once(':')?;
    let is_name =
        (2..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let is_id = (17..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
    (is_name && is_id).then_some(())?;
    Some((&text[..=end], name, id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_emoji_are_told_from_other_brackets() {
        let id = "175928847299117063";
        let (whole, name, found) =
            emoji_tag(&format!("<a:wave:{id}> hi")).map(|(w, n, i)| (w.to_owned(), n.to_owned(), i)).unwrap();
        assert_eq!(
            (whole.as_str(), name.as_str(), found.get()),
            ("<a:wave:175928847299117063>", "wave", 175_928_847_299_117_063)
        );
        assert!(emoji_tag(&format!("<:ok:{id}>")).is_some());
        for bad in [
            "<",
            "<>",
            "<:a:1>",
            "<@175928847299117063>",
            "<:na me:175928847299117063>",
            "<:ok:17592884729911706x>",
            "<:é:175928847299117063>",
        ] {
            assert!(emoji_tag(bad).is_none(), "{bad}");
        }
    }
}
