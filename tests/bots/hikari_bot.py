"""hikari against the real server: what a bot does in a guild, each assertion on what the library made of the answers."""

import asyncio
import base64
import datetime

import hikari

from stage_client import (
    APPLICATION_ID, GUILD_ID, ORIGIN, OTHER_TOKEN, PATIENCE_S, TOKEN, Refused, check, cut_sockets, failures, finish, friend, owner,
    refused,
)

hikari.urls.CDN_URL = f"{ORIGIN}/cdn"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
# Application flag of the message content intent (API.md §3.3).
MESSAGE_CONTENT_SWITCH = 1 << 19
NOBODY = hikari.Snowflake(123456789012345678)


def next_event(bot, kind, wanted=lambda _: True):
    """The next such event; listens from the call on."""
    return asyncio.ensure_future(bot.wait_for(kind, timeout=PATIENCE_S, predicate=wanted))


class code:
    """A block that hikari must refuse with this code."""

    def __init__(self, kind, number):
        self.kind, self.number = kind, number

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, trace):
        assert error is not None, f"was not refused with {self.number}"
        if not isinstance(error, self.kind):
            return False
        assert error.code == self.number, f"{error.code}, not {self.number}: {error}"
        self.error = error
        return True


async def start(bot):
    """Starts a bot and answers its READY, once its guild is there."""
    ready = first_event(bot, hikari.ShardReadyEvent)
    guild = first_event(bot, hikari.GuildAvailableEvent)
    await asyncio.wait_for(bot.start(check_for_updates=False), PATIENCE_S)
    await asyncio.wait_for(guild, PATIENCE_S)
    return await ready


def first_event(bot, kind):
    """The first such event of a bot that does not run yet, which the library's own waiting refuses."""
    found = asyncio.get_running_loop().create_future()

    async def listen(event: kind) -> None:
        if not found.done():
            found.set_result(event)

    bot.subscribe(kind, listen)
    return found


async def messages(bot, rest, general, bot_role):
    async with check("send, edit, delete"):
        heard = next_event(bot, hikari.GuildMessageCreateEvent, lambda event: event.content == "hello")
        sent = await rest.create_message(general, "hello")
        echo = await heard
        assert echo.message_id == sent.id and echo.member.id == APPLICATION_ID
        edited = next_event(bot, hikari.GuildMessageUpdateEvent, lambda event: event.message_id == sent.id)
        await rest.edit_message(general, sent, "hello again")
        assert (await edited).message.content == "hello again"
        deleted = next_event(bot, hikari.GuildMessageDeleteEvent, lambda event: event.message_id == sent.id)
        await rest.delete_message(general, sent)
        await deleted
        async with code(hikari.NotFoundError, 10008):
            await rest.fetch_message(general, sent.id)

    async with check("a person speaks"):
        heard = next_event(bot, hikari.GuildMessageCreateEvent, lambda event: event.author_id == friend.id)
        posted = await friend.post(general.id, "hi bot")
        event = await heard
        assert event.message_id == int(posted["id"]) and event.content == "hi bot" and event.member.id == friend.id

    async with check("replies"):
        posted = await friend.post(general.id, "answer me")
        reply = await rest.create_message(general, "answered", reply=int(posted["id"]), mentions_reply=True)
        assert reply.type is hikari.MessageType.REPLY and reply.referenced_message.id == int(posted["id"])
        assert reply.user_mentions_ids == [friend.id]
        async with code(hikari.BadRequestError, 50035):
            await rest.create_message(general, "x", reply=1)
        alone = await rest.create_message(general, "x", reply=1, reply_must_exist=False)
        assert alone.type is hikari.MessageType.DEFAULT

    async with check("embeds"):
        embed = hikari.Embed(title="Title", description="*text*", colour=0xFF8800, url="https://example.org/")
        embed.add_field("a", "1", inline=True).add_field("b", "2").set_footer("foot").set_author(name="somebody")
        sent = await rest.create_message(general, embed=embed)
        assert sent.embeds[0].title == "Title" and len(sent.embeds[0].fields) == 2 and sent.embeds[0].footer.text == "foot"
        assert sent.embeds[0].colour == hikari.Colour(0xFF8800)
        await rest.edit_message(general, sent, flags=hikari.MessageFlag.SUPPRESS_EMBEDS)
        assert hikari.MessageFlag.SUPPRESS_EMBEDS in (await rest.fetch_message(general, sent)).flags
        async with code(hikari.BadRequestError, 50035):
            await rest.create_message(general, embed=hikari.Embed(title="x" * 257))

    async with check("allowed mentions"):
        content = f"<@{friend.id}> @everyone <@&{bot_role.id}>"
        silent = await rest.create_message(general, content)
        assert not silent.user_mentions_ids and not silent.role_mention_ids and not silent.mentions_everyone
        only = await rest.create_message(general, content, user_mentions=[friend.id])
        assert only.user_mentions_ids == [friend.id] and not only.mentions_everyone
        loud = await rest.create_message(general, content, mentions_everyone=True, role_mentions=True, user_mentions=True)
        assert loud.mentions_everyone and loud.role_mention_ids == [bot_role.id]

    async with check("nonce"):
        heard = next_event(bot, hikari.GuildMessageCreateEvent, lambda event: event.message.nonce == "only-one")
        sent = await rest.create_message(general, "once", nonce="only-one")
        assert (await heard).message_id == sent.id

    async with check("bulk delete"):
        sent = [await rest.create_message(general, f"bulk {n}") for n in range(5)]
        gone = next_event(bot, hikari.GuildBulkMessageDeleteEvent)
        await rest.delete_messages(general, sent)
        assert (await gone).message_ids == {message.id for message in sent}

    async with check("reactions"):
        message = int((await friend.post(general.id, "react to me"))["id"])
        await rest.add_reaction(general, message, "🔥")
        added = next_event(bot, hikari.GuildReactionAddEvent, lambda event: event.user_id == friend.id)
        await friend.call("PUT", f"/channels/{general.id}/messages/{message}/reactions/%F0%9F%94%A5/@me")
        event = await added
        assert event.is_for_emoji("🔥") and event.member.id == friend.id
        fetched = await rest.fetch_message(general, message)
        assert [(str(r.emoji), r.count, r.is_me) for r in fetched.reactions] == [("🔥", 2, True)]
        users = {user.id async for user in rest.fetch_reactions_for_emoji(general, message, "🔥")}
        assert users == {friend.id, APPLICATION_ID}
        removed = next_event(bot, hikari.GuildReactionDeleteEvent, lambda event: event.user_id == friend.id)
        await rest.delete_reaction(general, message, friend.id, "🔥")
        await removed
        await rest.add_reaction(general, message, "👍")
        cleared = next_event(bot, hikari.GuildReactionDeleteEmojiEvent)
        await rest.delete_all_reactions_for_emoji(general, message, "👍")
        await cleared
        everything = next_event(bot, hikari.GuildReactionDeleteAllEvent)
        await rest.delete_all_reactions(general, message)
        await everything
        async with code(hikari.HikariError, 10014):
            await rest.add_reaction(general, message, "notanemoji", NOBODY)

    async with check("pins"):
        sent = await rest.create_message(general, "pin me")
        updated = next_event(bot, hikari.GuildPinsUpdateEvent)
        notice = next_event(
            bot, hikari.GuildMessageCreateEvent, lambda event: event.message.type is hikari.MessageType.CHANNEL_PINNED_MESSAGE
        )
        await rest.pin_message(general, sent)
        assert (await updated).last_pin_timestamp is not None
        assert (await notice).message.message_reference.id == sent.id
        pins = [pin async for pin in rest.fetch_pins(general)]
        assert [pin.message.id for pin in pins] == [sent.id]
        await rest.unpin_message(general, sent)
        assert [pin async for pin in rest.fetch_pins(general)] == []

    async with check("history in four directions"):
        ids = [(await rest.create_message(general, f"history {n}")).id for n in range(7)]

        async def page(**options):
            return [message.id async for message in rest.fetch_messages(general, **options).limit(3)]

        assert await page() == ids[:3:-1]
        assert await page(before=ids[4]) == ids[3:0:-1]
        assert await page(after=ids[1]) == ids[2:5]
        # The library never ends an iteration around a message by itself.
        around = [message.id async for message in rest.fetch_messages(general, around=ids[3]).limit(len(ids))]
        assert around == ids[::-1]

    async with check("typing"):
        typed = next_event(bot, hikari.GuildTypingEvent, lambda event: event.user_id == friend.id)
        await friend.call("POST", f"/channels/{general.id}/typing")
        assert (await typed).member.id == friend.id
        await rest.trigger_typing(general)


async def guild_things(bot, other, rest, guild, general):
    async with check("channels and overwrites"):
        made = next_event(bot, hikari.GuildChannelCreateEvent, lambda event: event.channel.name == "workshop")
        category = await rest.create_guild_category(guild, "workshop")
        await made
        hidden = hikari.PermissionOverwrite(
            id=guild.id, type=hikari.PermissionOverwriteType.ROLE, deny=hikari.Permissions.VIEW_CHANNEL
        )
        channel = await rest.create_guild_text_channel(
            guild, "Tool Bench", category=category, topic="tools", rate_limit_per_user=5, nsfw=True, permission_overwrites=[hidden]
        )
        assert (channel.name, channel.topic, channel.is_nsfw) == ("tool-bench", "tools", True)
        assert channel.rate_limit_per_user == datetime.timedelta(seconds=5) and channel.parent_id == category.id
        async with refused(Refused, code=50001):
            await friend.post(channel.id, "let me in")
        updated = next_event(bot, hikari.GuildChannelUpdateEvent, lambda event: event.channel_id == channel.id)
        await rest.edit_permission_overwrite(
            channel, friend.id, target_type=hikari.PermissionOverwriteType.MEMBER,
            allow=hikari.Permissions.VIEW_CHANNEL | hikari.Permissions.SEND_MESSAGES,
        )
        assert friend.id in (await updated).channel.permission_overwrites
        await friend.post(channel.id, "thank you")
        await rest.delete_permission_overwrite(channel, friend.id)
        async with refused(Refused, code=50001):
            await friend.post(channel.id, "and again")
        renamed = await rest.edit_channel(channel, name="bench", topic="")
        assert renamed.name == "bench" and not renamed.topic
        voice = await rest.create_guild_voice_channel(guild, "Loud Room", bitrate=96_000, user_limit=4)
        assert (voice.name, voice.bitrate, voice.user_limit) == ("Loud Room", 96_000, 4)
        await rest.reposition_channels(guild, {3: channel})
        orphaned = next_event(
            bot, hikari.GuildChannelUpdateEvent, lambda event: event.channel_id == channel.id and event.channel.parent_id is None
        )
        await rest.delete_channel(category, reason="tidying")
        await orphaned
        gone = next_event(bot, hikari.GuildChannelDeleteEvent, lambda event: event.channel_id == voice.id)
        await rest.delete_channel(voice)
        await gone
        await rest.delete_channel(channel)
        async with code(hikari.NotFoundError, 10003):
            await rest.fetch_channel(channel.id)

    async with check("roles"):
        made = next_event(bot, hikari.RoleCreateEvent, lambda event: event.role.name == "helper")
        role = await rest.create_role(
            guild, name="helper", color=0x112233, hoist=True, mentionable=True, permissions=hikari.Permissions.KICK_MEMBERS
        )
        await made
        assert role.color == hikari.Color(0x112233) and role.permissions == hikari.Permissions.KICK_MEMBERS
        updated = next_event(bot, hikari.RoleUpdateEvent, lambda event: event.role_id == role.id)
        await rest.edit_role(guild, role, name="assistant", permissions=hikari.Permissions.NONE)
        assert (await updated).role.name == "assistant"
        given = next_event(bot, hikari.MemberUpdateEvent, lambda event: role.id in event.member.role_ids)
        await rest.add_role_to_member(guild, friend.id, role, reason="earned")
        await given
        taken = next_event(bot, hikari.MemberUpdateEvent, lambda event: role.id not in event.member.role_ids)
        await rest.remove_role_from_member(guild, friend.id, role)
        await taken
        gone = next_event(bot, hikari.RoleDeleteEvent, lambda event: event.role_id == role.id)
        await rest.delete_role(guild, role)
        await gone

    async with check("members: nick, time-out, kick, ban"):
        named = next_event(bot, hikari.MemberUpdateEvent, lambda event: event.member.nickname == "Pal")
        await rest.edit_member(guild, friend.id, nickname="Pal")
        await named
        silenced = next_event(bot, hikari.MemberUpdateEvent, lambda event: event.member.communication_disabled_until() is not None)
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)
        await rest.edit_member(guild, friend.id, communication_disabled_until=until, reason="calm down")
        await silenced
        async with refused(Refused, code=50013):
            await friend.post(general.id, "silenced")
        await rest.edit_member(guild, friend.id, communication_disabled_until=None)
        await friend.post(general.id, "free")
        kicked = next_event(bot, hikari.MemberDeleteEvent, lambda event: event.user_id == friend.id)
        await rest.kick_user(guild, friend.id, reason="rest a while")
        await kicked
        invite = await rest.create_invite(general)
        back = next_event(bot, hikari.MemberCreateEvent, lambda event: event.user_id == friend.id)
        await friend.call("POST", f"/invites/{invite.code}", {})
        await back
        banned = next_event(bot, hikari.BanCreateEvent, lambda event: event.user_id == friend.id)
        await rest.ban_user(guild, friend.id, delete_message_seconds=3600, reason="enough")
        await banned
        assert (await rest.fetch_ban(guild, friend.id)).reason == "enough"
        assert [ban.user.id async for ban in rest.fetch_bans(guild)] == [friend.id]
        async with refused(Refused, code=40007):
            await friend.call("POST", f"/invites/{invite.code}", {})
        pardoned = next_event(bot, hikari.BanDeleteEvent)
        await rest.unban_user(guild, friend.id)
        await pardoned
        await friend.call("POST", f"/invites/{invite.code}", {})
        async with code(hikari.ForbiddenError, 50013):
            await rest.kick_user(guild, owner.id)

    async with check("announcements"):
        source = await rest.create_guild_news_channel(guild, "news")
        target = await rest.create_guild_text_channel(guild, "clippings")
        told = next_event(bot, hikari.GuildMessageCreateEvent, lambda event: event.channel_id == target.id)
        hooks = next_event(bot, hikari.WebhookUpdateEvent, lambda event: event.channel_id == target.id)
        follow = await rest.follow_channel(source, target, reason="read all about it")
        await hooks
        assert (await told).message.type is hikari.MessageType.CHANNEL_FOLLOW_ADD
        sent = await rest.create_message(source, "extra!")
        copied = next_event(bot, hikari.GuildMessageCreateEvent, lambda event: event.channel_id == target.id)
        published = await rest.crosspost_message(source, sent)
        assert hikari.MessageFlag.CROSSPOSTED in published.flags
        copy = (await copied).message
        assert copy.content == "extra!" and hikari.MessageFlag.IS_CROSSPOST in copy.flags and copy.webhook_id == follow.webhook_id
        async with code(hikari.BadRequestError, 40033):
            await rest.crosspost_message(source, sent)
        orphaned = next_event(bot, hikari.GuildMessageUpdateEvent, lambda event: event.message_id == copy.id)
        await rest.delete_message(source, sent)
        assert hikari.MessageFlag.SOURCE_MESSAGE_DELETED in (await orphaned).message.flags
        webhooks = await rest.fetch_channel_webhooks(target)
        assert [hook.id for hook in webhooks] == [follow.webhook_id] and webhooks[0].source_channel.id == source.id
        await rest.delete_webhook(follow.webhook_id)
        assert list(await rest.fetch_channel_webhooks(target)) == []
        await rest.delete_channel(source)
        await rest.delete_channel(target)

    async with check("presence"):
        mine = other.get_me().id
        seen = next_event(
            bot, hikari.PresenceUpdateEvent,
            lambda event: event.user_id == mine and event.presence.visible_status is hikari.Status.DO_NOT_DISTURB,
        )
        await other.update_presence(status=hikari.Status.DO_NOT_DISTURB, activity=hikari.Activity(name="chess"))
        assert (await seen).presence.activities[0].name == "chess"
        hidden = next_event(
            bot, hikari.PresenceUpdateEvent,
            lambda event: event.user_id == mine and event.presence.visible_status is hikari.Status.OFFLINE,
        )
        await other.update_presence(status=hikari.Status.OFFLINE)
        await hidden


async def play(bot, other):
    rest = bot.rest
    guild = bot.cache.get_guild(GUILD_ID)
    async with check("guild cache"):
        assert guild is not None and guild.owner_id == owner.id and guild.member_count == 3
        fetched = await rest.fetch_guild(GUILD_ID)
        assert fetched.approximate_member_count == 3
        assert [found.id async for found in rest.fetch_my_guilds()] == [GUILD_ID]
    text = [channel for channel in guild.get_channels().values() if channel.type is hikari.ChannelType.GUILD_TEXT]
    general = text[0]
    bot_role = next(role for role in guild.get_roles().values() if role.bot_id == APPLICATION_ID)

    async with check("application"):
        application = await rest.fetch_application()
        assert application.id == APPLICATION_ID and application.owner.id == owner.id and application.is_bot_public
        assert len(application.public_key) == 32 and application.approximate_guild_count == 1
        assert application.flags & MESSAGE_CONTENT_SWITCH
        integrations = await rest.fetch_integrations(GUILD_ID)
        assert APPLICATION_ID in {integration.application.id for integration in integrations}

    async with check("own account"):
        me = await rest.edit_my_user(avatar=hikari.Bytes(PIXEL, "pixel.png"))
        assert (await me.make_avatar_url().read())[:4] == b"\x89PNG"

    async with check("invites"):
        created = next_event(bot, hikari.InviteCreateEvent)
        invite = await rest.create_invite(general, max_age=3600, max_uses=5, unique=True)
        assert (await created).code == invite.code and invite.max_uses == 5
        looked = await rest.fetch_invite(invite.code, with_counts=True)
        assert looked.guild.id == GUILD_ID and looked.approximate_member_count == 3
        joined = next_event(bot, hikari.MemberCreateEvent, lambda event: event.user_id == friend.id)
        await friend.call("POST", f"/invites/{invite.code}", {})
        await joined
        assert [(known.code, known.uses) for known in await rest.fetch_guild_invites(GUILD_ID)] == [(invite.code, 1)]
        deleted = next_event(bot, hikari.InviteDeleteEvent)
        await rest.delete_invite(invite.code)
        assert (await deleted).code == invite.code
        async with code(hikari.NotFoundError, 10006):
            await rest.fetch_invite(invite.code)

    async with check("member chunks"):
        chunk = next_event(bot, hikari.MemberChunkEvent, lambda event: event.nonce == "all")
        await bot.request_guild_members(guild, query="", limit=0, nonce="all", include_presences=True)
        event = await chunk
        assert len(event.members) == 4 and event.chunk_count == 1 and event.chunk_index == 0
        chunk = next_event(bot, hikari.MemberChunkEvent, lambda event: event.nonce == "some")
        await bot.request_guild_members(guild, users=[friend.id, NOBODY], nonce="some")
        event = await chunk
        assert list(event.members) == [friend.id] and list(event.not_found) == [NOBODY]
        chunk = next_event(bot, hikari.MemberChunkEvent, lambda event: event.nonce == "none")
        await bot.request_guild_members(guild, query="nobody is called so", limit=5, nonce="none")
        assert len((await chunk).members) == 0
        assert len([member async for member in rest.fetch_members(GUILD_ID)]) == 4
        assert [member.id for member in await rest.search_members(GUILD_ID, "hikari_fri")] == [friend.id]

    await messages(bot, rest, general, bot_role)
    await guild_things(bot, other, rest, guild, general)

    async with check("direct messages"):
        dm = await rest.create_dm_channel(friend.id)
        await rest.create_message(dm, "just between us")
        heard = next_event(bot, hikari.DMMessageCreateEvent, lambda event: event.author_id == friend.id)
        await friend.post(dm.id, "secret")
        assert (await heard).content == "secret"
        assert len([message async for message in rest.fetch_messages(dm)]) == 2

    async with check("webhooks and the audit log"):
        hook = await rest.create_webhook(general, "Oven", reason="bread")
        assert len(hook.token) == 68
        sent = await rest.execute_webhook(hook, hook.token, "bread", username="Baker")
        assert sent.author.username == "Baker" and sent.webhook_id == hook.id
        edited = await rest.edit_webhook_message(hook, hook.token, sent, "cake")
        assert edited.content == "cake"
        await rest.delete_webhook_message(hook, hook.token, sent)
        assert [h.id for h in await rest.fetch_guild_webhooks(GUILD_ID)] == [hook.id]
        page = await rest.fetch_audit_log(GUILD_ID, event_type=hikari.AuditLogEventType.WEBHOOK_CREATE).next()
        entry = next(iter(page.entries.values()))
        assert entry.user_id == APPLICATION_ID and entry.reason == "bread", entry
        await rest.delete_webhook(hook)

    async with check("errors"):
        async with code(hikari.NotFoundError, 10003):
            await rest.fetch_channel(NOBODY)
        async with code(hikari.NotFoundError, 10013):
            await rest.fetch_user(NOBODY)
        async with code(hikari.NotFoundError, 10004):
            await rest.fetch_guild(NOBODY)
        async with code(hikari.ForbiddenError, 50001):
            await rest.fetch_guild_channels(NOBODY)
        async with code(hikari.BadRequestError, 50006):
            await rest.create_message(general, " ")
        async with code(hikari.BadRequestError, 50035) as fault:
            await rest.create_guild_text_channel(guild, "", topic="x" * 1025)
        assert set(fault.error.errors) == {"name", "topic"}, fault.error.errors
        theirs = await friend.post(general.id, "mine")
        async with code(hikari.ForbiddenError, 50005):
            await rest.edit_message(general, int(theirs["id"]), "stolen")

    async with check("resume after a cut socket"):
        resumed = next_event(bot, hikari.ShardResumedEvent)
        missed = next_event(bot, hikari.GuildMessageCreateEvent, lambda event: event.content == "while you were away")
        heard = []
        bot.subscribe(hikari.GuildMessageCreateEvent, remember := make_listener(heard))
        assert await cut_sockets() >= 2
        await friend.post(general.id, "while you were away")
        await resumed
        await missed
        after = next_event(bot, hikari.GuildMessageCreateEvent, lambda event: event.content == "and after")
        await friend.post(general.id, "and after")
        await after
        bot.unsubscribe(hikari.GuildMessageCreateEvent, remember)
        assert heard.count("while you were away") == 1, heard

    async with check("leaving a guild"):
        gone = next_event(other, hikari.GuildLeaveEvent)
        removed = next_event(bot, hikari.MemberDeleteEvent, lambda event: event.user_id == other.get_me().id)
        await other.rest.leave_guild(GUILD_ID)
        await gone
        await removed


def make_listener(heard):
    async def listen(event: hikari.GuildMessageCreateEvent) -> None:
        heard.append(event.content)

    return listen


async def main():
    settings = {"rest_url": f"{ORIGIN}/api/v10", "banner": None, "logs": None}
    bot = hikari.GatewayBot(TOKEN, intents=hikari.Intents.ALL, **settings)
    other = hikari.GatewayBot(OTHER_TOKEN, intents=hikari.Intents.GUILDS, **settings)
    async with check("login and READY"):
        ready = await start(bot)
        assert ready.my_user.id == APPLICATION_ID and ready.my_user.is_bot
    if failures:
        finish()
    async with check("second bot"):
        await start(other)
    await play(bot, other)
    await bot.close()
    await other.close()
    finish()


asyncio.run(main())
