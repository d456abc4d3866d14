//! A data directory with a bot in a guild, made without a server.

use hearth::auth::random::BotToken;
use hearth::model::{ChannelId, ChannelKind, GuildId, Overwrite, OverwriteTarget, Permissions, UserId};
use hearth::store::{
    ApplicationRow, Applications, BotTokens, ChannelRow, Channels, CountRow, GuildChannels, GuildRow, Guilds,
    MemberCounts, MemberRow, Members, Options, RoleRow, Roles, Store, StoreError, UserGuilds, UserIdRow,
    UserRow, Usernames, Users,
};

use crate::support::Server;

/// The bot and its application.
pub const BOT: UserId = UserId::new(900_000_000_000_000_001);
/// The guild.
pub const GUILD: GuildId = GuildId::new(900_000_000_000_000_100);
/// A channel everybody sees.
const PUBLIC: ChannelId = ChannelId::new(900_000_000_000_000_201);
/// A channel nobody but admins sees.
const HIDDEN: ChannelId = ChannelId::new(900_000_000_000_000_202);

/// A data directory with a bot in a guild of `members` members: a channel it sees, one it does not. The bot's token.
async fn seed(directory: &std::path::Path, members: u64, flags: u64) -> String {
    let store = Store::open(directory, Options::default()).unwrap().start(|_| ()).unwrap();
    let token = BotToken::generate(BOT, 1_700_000_000_000);
    let hash = token.hash().as_bytes().to_vec();
    let users: Vec<UserId> =
        (0..members).map(|n| if n == 0 { BOT } else { UserId::new(BOT.get() + 1_000 + n) }).collect();
    for part in users.chunks(300) {
        let part = part.to_vec();
        let write = store.write(move |tx| -> Result<(), StoreError> {
            let by = tx.internal();
            for user in &part {
                let is_bot = *user == BOT;
                let username =
                    if is_bot { "helper".to_owned() } else { format!("member{:05}", user.get() % 100_000) };
                tx.put::<Usernames>(&by, &username, &UserIdRow { id: *user })?;
                tx.put::<Users>(&by, user, &UserRow { username, bot: is_bot, ..UserRow::default() })?;
                tx.put::<Members>(
                    &by,
                    &(GUILD, *user),
                    &MemberRow { joined_ms: 1_700_000_000_000, ..MemberRow::default() },
                )?;
                tx.put::<UserGuilds>(&by, &(*user, GUILD), &())?;
            }
            Ok(())
        });
        write.await.unwrap();
    }
    let write = store.write(move |tx| -> Result<(), StoreError> {
        let by = tx.internal();
        let owner = UserId::new(BOT.get() + 1_001);
        let everyone = Permissions::VIEW_CHANNEL | Permissions::SEND_MESSAGES;
        tx.put::<Guilds>(&by, &GUILD, &GuildRow { name: "hearthside".into(), owner, ..GuildRow::default() })?;
        tx.put::<MemberCounts>(&by, &GUILD, &CountRow { count: members })?;
        let role = RoleRow { name: "@everyone".into(), permissions: everyone, ..RoleRow::default() };
        tx.put::<Roles>(&by, &(GUILD, GUILD.cast()), &role)?;
        for id in [PUBLIC, HIDDEN] {
            let hides = Overwrite {
                target: OverwriteTarget::Role(GUILD.cast()),
                allow: Permissions::NONE,
                deny: Permissions::VIEW_CHANNEL,
            };
            let channel = ChannelRow {
                kind: ChannelKind::Text,
                guild: Some(GUILD),
                name: Some("room".into()),
                overwrites: if id == HIDDEN { vec![hides] } else { Vec::new() },
                ..ChannelRow::default()
            };
            tx.put::<Channels>(&by, &id, &channel)?;
            tx.put::<GuildChannels>(&by, &(GUILD, id), &())?;
        }
        let application = ApplicationRow {
            owner,
            name: "helper".into(),
            flags,
            token_hash: hash.clone(),
            ..ApplicationRow::default()
        };
        tx.put::<Applications>(&by, &BOT.cast(), &application)?;
        tx.put::<BotTokens>(&by, &hash, &UserIdRow { id: BOT })
    });
    write.await.unwrap();
    store.close().unwrap();
    token.expose().to_owned()
}

/// A server with the bot in a guild of `members` members, and the bot's token.
pub async fn server_with_bot(members: u64, flags: u64) -> (Server, String) {
    let directory = tempfile::tempdir().unwrap();
    let token = seed(directory.path(), members, flags).await;
    (Server::start_in(directory, |_| ()).await, token)
}
