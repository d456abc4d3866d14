"""discord.py against the real server: what a bot does in a guild, each assertion on what the library made of the answers.
COMPRESSION says over which of its two streams the gateway speaks."""

import asyncio
import base64
import datetime
import io
import os
import sys
import traceback

if os.environ["COMPRESSION"] == "zlib":
    # The library takes zstd when it finds it; this hides it.
    sys.modules["zstandard"] = None

import discord
import yarl
from discord import utils

from stage_client import (
    APPLICATION_ID, GUILD_ID, ORIGIN, OTHER_TOKEN, PATIENCE_S, SOCKET_ORIGIN, TOKEN, Refused, check, cut_sockets, failures, finish,
    friend, owner, refused,
)

discord.http.Route.BASE = f"{ORIGIN}/api/v10"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(SOCKET_ORIGIN)
discord.asset.Asset.BASE = f"{ORIGIN}/cdn"
discord.Invite.BASE = f"{ORIGIN}/invite"

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
NOBODY = 123456789012345678


class Bot(discord.Client):
    """A client that remembers which of its sessions were new and which resumed."""

    def __init__(self, intents):
        super().__init__(intents=intents, allowed_mentions=None)
        self.sessions = []
        self.first_ready = asyncio.Event()

    async def on_ready(self):
        self.sessions.append("ready")
        self.first_ready.set()

    async def on_resumed(self):
        self.sessions.append("resumed")

    async def on_error(self, event, *_):
        failures.append(event)
        print(f"not ok handler of {event}", flush=True)
        traceback.print_exc(file=sys.stdout)

    def next(self, event, wanted=lambda *_: True):
        """The next such event; listens from the call on."""
        return asyncio.ensure_future(self.wait_for(event, check=wanted, timeout=PATIENCE_S))


async def log_in(bot, token):
    """Starts a client and waits until it is ready; its task goes on."""
    ready = asyncio.ensure_future(asyncio.wait_for(bot.first_ready.wait(), PATIENCE_S))
    task = asyncio.create_task(bot.start(token))
    bot.running = task  # a task without a name for it may be collected
    await asyncio.wait({ready, task}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    await ready


async def messages(bot, guild, general):
    async with check("send, edit, delete"):
        heard = bot.next("message", lambda message: message.content == "hello")
        sent = await general.send("hello")
        echo = await heard
        assert echo.id == sent.id and isinstance(echo.author, discord.Member), echo
        edited = bot.next("message_edit", lambda _, now: now.id == sent.id)
        await sent.edit(content="hello again")
        _, now = await edited
        assert now.content == "hello again" and now.edited_at >= now.created_at
        deleted = bot.next("message_delete", lambda message: message.id == sent.id)
        await sent.delete()
        await deleted
        async with refused(discord.NotFound, code=10008):
            await general.fetch_message(sent.id)

    async with check("a person speaks"):
        heard = bot.next("message", lambda message: message.author.id == friend.id)
        posted = await friend.post(general.id, "hi bot")
        message = await heard
        assert message.id == int(posted["id"]) and message.content == "hi bot"
        assert isinstance(message.author, discord.Member) and message.author.flags is not None

    async with check("replies"):
        posted = await friend.post(general.id, "answer me")
        target = await general.fetch_message(int(posted["id"]))
        reply = await target.reply("answered", mention_author=True)
        assert reply.type is discord.MessageType.reply
        assert reply.reference.resolved.id == target.id
        assert [user.id for user in reply.mentions] == [friend.id]
        quiet = await target.reply("quietly", mention_author=False)
        assert quiet.mentions == []
        async with refused(discord.HTTPException, code=50035):
            await general.send("x", reference=discord.MessageReference(message_id=1, channel_id=general.id))
        alone = await general.send(
            "x", reference=discord.MessageReference(message_id=1, channel_id=general.id, fail_if_not_exists=False)
        )
        assert alone.type is discord.MessageType.default

    async with check("embeds"):
        embed = discord.Embed(title="Title", description="*text*", colour=0xFF8800, url="https://example.org/")
        embed.add_field(name="a", value="1").add_field(name="b", value="2", inline=False).set_footer(text="foot")
        embed.set_author(name="somebody")
        embed.timestamp = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
        sent = await general.send(embed=embed)
        assert sent.embeds[0] == embed, sent.embeds[0].to_dict()
        await sent.edit(suppress=True)
        assert (await general.fetch_message(sent.id)).flags.suppress_embeds
        async with refused(discord.HTTPException, code=50035):
            await general.send(embed=discord.Embed(title="x" * 257))

    async with check("files"):
        noise = bytes(n * 7 % 251 for n in range(300_000))
        embed = discord.Embed(title="picture").set_image(url="attachment://dot.png")
        sent = await general.send(
            "files", embed=embed,
            files=[
                discord.File(io.BytesIO(noise), "noise.bin", description="nothing to hear"),
                discord.File(io.BytesIO(PIXEL), "dot.png"),
                discord.File(io.BytesIO(b"boo"), "end.txt", spoiler=True),
            ],
        )
        first, spoiler = sent.attachments
        assert await first.read() == noise, "byte for byte"
        assert first.description == "nothing to hear" and spoiler.is_spoiler()
        assert sent.embeds[0].image.width == 1
        edited = await sent.edit(attachments=[spoiler, discord.File(io.BytesIO(b"new"), "new.txt")])
        assert [file.filename for file in edited.attachments] == ["SPOILER_end.txt", "new.txt"]
        assert await edited.attachments[1].read() == b"new"
    async with check("custom emoji and stickers"):
        emoji = await guild.create_custom_emoji(name="dot", image=PIXEL, reason="for dots")
        assert (await emoji.read())[:4] == b"\x89PNG"
        message = await general.send(str(emoji))
        await message.add_reaction(emoji)
        assert (await general.fetch_message(message.id)).reactions[0].emoji == emoji
        assert (await emoji.edit(name="point")).name == "point"
        await emoji.delete()
        sticker = await guild.create_sticker(
            name="dot", description="a dot", emoji="\N{BLACK CIRCLE FOR RECORD}", file=discord.File(io.BytesIO(PIXEL), "dot.png")
        )
        stuck = await general.send(stickers=[sticker])
        assert stuck.stickers[0].name == "dot"
        await sticker.delete()
    async with check("allowed mentions"):
        content = f"<@{friend.id}> @everyone {guild.self_role.mention}"
        silent = await general.send(content, allowed_mentions=discord.AllowedMentions.none())
        assert not silent.mentions and not silent.role_mentions and not silent.mention_everyone
        only = await general.send(
            content, allowed_mentions=discord.AllowedMentions(everyone=False, roles=False, users=[discord.Object(friend.id)])
        )
        assert [user.id for user in only.mentions] == [friend.id]
        loud = await general.send(content)
        assert loud.mention_everyone and loud.role_mentions == [guild.self_role]

    async with check("nonce"):
        heard = bot.next("message", lambda message: str(message.nonce) == "424242")
        first = await general.send("once", nonce=424242)
        await heard
        second = await general.send("once", nonce=424242)
        assert second.id == first.id

    async with check("bulk delete"):
        sent = [await general.send(f"bulk {n}") for n in range(5)]
        gone = bot.next("bulk_message_delete")
        await general.delete_messages(sent)
        assert {message.id for message in await gone} == {message.id for message in sent}
        kept = await general.send("kept")
        purged = await general.purge(limit=3, check=lambda message: message.id == kept.id, bulk=False)
        assert [message.id for message in purged] == [kept.id]

    async with check("reactions"):
        posted = await friend.post(general.id, "react to me")
        message = await general.fetch_message(int(posted["id"]))
        await message.add_reaction("🔥")
        added = bot.next("raw_reaction_add", lambda event: event.user_id == friend.id)
        await friend.call("PUT", f"/channels/{general.id}/messages/{message.id}/reactions/%F0%9F%94%A5/@me")
        event = await added
        assert event.emoji.name == "🔥" and event.member.id == friend.id and event.message_author_id == friend.id
        message = await general.fetch_message(message.id)
        assert [(str(r.emoji), r.count, r.me) for r in message.reactions] == [("🔥", 2, True)]
        users = {user.id async for user in message.reactions[0].users()}
        assert users == {friend.id, bot.user.id}
        removed = bot.next("raw_reaction_remove", lambda event: event.user_id == friend.id)
        await message.remove_reaction("🔥", discord.Object(friend.id))
        await removed
        await message.add_reaction("👍")
        cleared = bot.next("raw_reaction_clear_emoji")
        await message.clear_reaction("👍")
        await cleared
        everything = bot.next("raw_reaction_clear")
        await message.clear_reactions()
        await everything
        async with refused(discord.HTTPException, code=10014):
            await message.add_reaction("notanemoji:123456789012345678")

    async with check("pins"):
        sent = await general.send("pin me")
        updated = bot.next("guild_channel_pins_update")
        notice = bot.next("message", lambda message: message.type is discord.MessageType.pins_add)
        await sent.pin(reason="worth keeping")
        channel, last_pin = await updated
        assert channel == general and last_pin is not None
        assert (await notice).reference.message_id == sent.id
        pins = [message async for message in general.pins()]
        assert [message.id for message in pins] == [sent.id] and pins[0].pinned and pins[0].pinned_at
        await sent.unpin()
        assert [message async for message in general.pins()] == []

    async with check("history in four directions"):
        ids = [(await general.send(f"history {n}")).id for n in range(7)]
        at = lambda n: discord.Object(ids[n])

        async def page(**options):
            return [message.id async for message in general.history(**options)]

        assert await page(limit=3) == ids[:3:-1]
        assert await page(limit=3, before=at(4)) == ids[3:0:-1]
        assert await page(limit=3, after=at(1)) == ids[2:5]
        assert sorted(await page(limit=3, around=at(3))) == ids[2:5]


async def guild_things(bot, other, guild, general):
    async with check("channels and overwrites"):
        made = bot.next("guild_channel_create", lambda channel: channel.name == "workshop")
        category = await guild.create_category("workshop")
        await made
        hidden = {guild.default_role: discord.PermissionOverwrite(view_channel=False)}
        channel = await guild.create_text_channel(
            "Tool Bench", category=category, topic="tools", slowmode_delay=5, nsfw=True, overwrites=hidden
        )
        assert (channel.name, channel.topic, channel.slowmode_delay, channel.nsfw) == ("tool-bench", "tools", 5, True)
        assert channel.category_id == category.id
        assert channel.overwrites_for(guild.default_role).view_channel is False
        async with refused(Refused, code=50001):
            await friend.post(channel.id, "let me in")
        pal = await guild.fetch_member(friend.id)
        updated = bot.next("guild_channel_update", lambda _, now: now.id == channel.id)
        await channel.set_permissions(pal, view_channel=True, send_messages=True)
        await updated
        await friend.post(channel.id, "thank you")
        await channel.set_permissions(pal, overwrite=None)
        async with refused(Refused, code=50001):
            await friend.post(channel.id, "and again")
        renamed = await channel.edit(name="bench", topic=None, slowmode_delay=0)
        assert (renamed.name, renamed.topic, renamed.slowmode_delay) == ("bench", None, 0)
        voice = await guild.create_voice_channel("Loud Room", bitrate=96_000, user_limit=4)
        assert (voice.name, voice.bitrate, voice.user_limit) == ("Loud Room", 96_000, 4)
        await channel.move(end=True)
        orphaned = bot.next("guild_channel_update", lambda _, now: now.id == channel.id and now.category_id is None)
        await category.delete(reason="tidying")
        await orphaned
        gone = bot.next("guild_channel_delete", lambda gone: gone.id == voice.id)
        await voice.delete()
        await gone
        await channel.delete()
        async with refused(discord.NotFound, code=10003):
            await bot.fetch_channel(channel.id)

    async with check("roles"):
        made = bot.next("guild_role_create", lambda role: role.name == "helper")
        role = await guild.create_role(
            name="helper", colour=0x112233, hoist=True, mentionable=True, permissions=discord.Permissions(kick_members=True)
        )
        await made
        assert role.colour.value == 0x112233 and role.permissions.kick_members
        updated = bot.next("guild_role_update", lambda _, now: now.id == role.id)
        await role.edit(name="assistant", permissions=discord.Permissions.none())
        assert (await updated)[1].name == "assistant"
        pal = await guild.fetch_member(friend.id)
        given = bot.next("member_update", lambda _, now: now.get_role(role.id))
        await pal.add_roles(role, reason="earned")
        await given
        taken = bot.next("member_update", lambda _, now: now.id == friend.id and not now.get_role(role.id))
        await pal.remove_roles(role)
        await taken
        gone = bot.next("guild_role_delete", lambda deleted: deleted.id == role.id)
        await role.delete()
        await gone

    async with check("members: nick, time-out, kick, ban"):
        pal = await guild.fetch_member(friend.id)
        named = bot.next("member_update", lambda _, now: now.nick == "Pal")
        await pal.edit(nick="Pal")
        await named
        silenced = bot.next("member_update", lambda _, now: now.is_timed_out())
        await pal.timeout(datetime.timedelta(minutes=1), reason="calm down")
        await silenced
        async with refused(Refused, code=50013):
            await friend.post(general.id, "silenced")
        await pal.timeout(None)
        await friend.post(general.id, "free")
        kicked = bot.next("member_remove", lambda gone: gone.id == friend.id)
        await pal.kick(reason="rest a while")
        await kicked
        invite = await general.create_invite()
        back = bot.next("member_join", lambda newcomer: newcomer.id == friend.id)
        await friend.call("POST", f"/invites/{invite.code}", {})
        again = await back
        order = []
        banned = bot.next("member_ban", lambda *_: order.append("ban") is None)
        removed = bot.next("member_remove", lambda _: order.append("remove") is None)
        await again.ban(delete_message_seconds=3600, reason="enough")
        await banned
        await removed
        assert order[0] == "ban", order
        assert (await guild.fetch_ban(discord.Object(friend.id))).reason == "enough"
        assert [entry.user.id async for entry in guild.bans()] == [friend.id]
        async with refused(Refused, code=40007):
            await friend.call("POST", f"/invites/{invite.code}", {})
        pardoned = bot.next("member_unban")
        await guild.unban(discord.Object(friend.id))
        await pardoned
        await friend.call("POST", f"/invites/{invite.code}", {})
        async with refused(discord.Forbidden, code=50013):
            await guild.kick(discord.Object(owner.id))

    async with check("announcements"):
        source = await guild.create_text_channel("news", news=True)
        target = await guild.create_text_channel("clippings")
        assert source.is_news()
        told = bot.next("message", lambda message: message.channel.id == target.id)
        hooks = bot.next("webhooks_update", lambda channel: channel.id == target.id)
        webhook = await source.follow(destination=target, reason="read all about it")
        await hooks
        assert (await told).type is discord.MessageType.channel_follow_add
        sent = await source.send("extra!", embed=discord.Embed(title="Edition"))
        copied = bot.next("message", lambda message: message.channel.id == target.id)
        await sent.publish()
        copy = await copied
        assert copy.content == "extra!" and copy.embeds[0].title == "Edition"
        assert copy.flags.is_crossposted and copy.webhook_id == webhook.id and copy.reference.message_id == sent.id
        async with refused(discord.HTTPException, code=40033):
            await sent.publish()
        followed = bot.next("raw_message_edit", lambda event: event.message_id == copy.id)
        await sent.edit(content="late extra!")
        assert (await followed).data["content"] == "late extra!"
        orphaned = bot.next("raw_message_edit", lambda event: event.message_id == copy.id)
        await sent.delete()
        assert (await orphaned).message.flags.source_message_deleted
        webhooks = await target.webhooks()
        assert [hook.id for hook in webhooks] == [webhook.id]
        assert webhooks[0].source_channel.id == source.id
        await webhooks[0].delete(reason="enough news")
        assert await target.webhooks() == []
        await source.delete()
        await target.delete()

    async with check("typing"):
        started = bot.next("typing", lambda channel, user, _: user.id == other.user.id)
        await other.get_channel(general.id).typing()
        channel, user, _ = await started
        assert channel == general and isinstance(user, discord.Member)

    async with check("presence"):
        seen = bot.next("presence_update", lambda _, now: now.id == other.user.id and now.status is discord.Status.dnd)
        await other.change_presence(status=discord.Status.dnd, activity=discord.Game("chess"))
        _, now = await seen
        assert now.activity.name == "chess"
        hidden = bot.next("presence_update", lambda _, now: now.id == other.user.id and now.status is discord.Status.offline)
        await other.change_presence(status=discord.Status.invisible)
        await hidden


async def play(bot, other):
    guild = bot.get_guild(GUILD_ID)
    async with check("guild cache"):
        assert guild is not None and not guild.unavailable and guild.owner_id == owner.id
        assert guild.member_count == 3 and guild.chunked and len(guild.members) == 3
        assert guild.me.guild_permissions.administrator
        assert guild.self_role.managed and guild.self_role.tags.bot_id == bot.user.id
        assert guild.default_role.permissions.send_messages
        fetched = await bot.fetch_guild(guild.id, with_counts=True)
        assert fetched.approximate_member_count == 3
        assert [found.id async for found in bot.fetch_guilds()] == [guild.id]
    general = guild.text_channels[0]

    async with check("compression"):
        kind = utils._ActiveDecompressionContext.COMPRESSION_TYPE
        assert kind == f"{os.environ['COMPRESSION']}-stream", kind

    async with check("application"):
        info = await bot.application_info()
        assert info.id == APPLICATION_ID and info.owner.id == owner.id and info.bot_public
        assert info.approximate_guild_count == 1 and len(bytes.fromhex(info.verify_key)) == 32
        assert info.flags.gateway_message_content_limited
        edited = await info.edit(description="Edited by its bot", tags=["tests"], reason=None)
        assert edited.description == "Edited by its bot" and edited.tags == ["tests"]
        integrations = await guild.integrations()
        assert {integration.application.id for integration in integrations} >= {APPLICATION_ID}

    async with check("own account"):
        edited = await bot.user.edit(avatar=PIXEL)
        assert (await edited.avatar.read())[:4] == b"\x89PNG"

    async with check("invites"):
        created = bot.next("invite_create")
        invite = await general.create_invite(max_age=3600, max_uses=5, unique=True)
        assert (await created).code == invite.code and invite.max_uses == 5
        looked = await bot.fetch_invite(invite.code, with_counts=True)
        assert looked.guild.id == guild.id and looked.approximate_member_count == 3
        joined = bot.next("member_join", lambda member: member.id == friend.id)
        welcome = bot.next("message", lambda message: message.type is discord.MessageType.new_member)
        await friend.call("POST", f"/invites/{invite.code}", {})
        assert not (await joined).bot
        assert (await welcome).author.id == friend.id
        assert [(known.code, known.uses) for known in await guild.invites()] == [(invite.code, 1)]
        deleted = bot.next("invite_delete")
        await invite.delete(reason="done with it")
        assert (await deleted).code == invite.code
        async with refused(discord.NotFound, code=10006):
            await bot.fetch_invite(invite.code)

    async with check("member chunks"):
        members = await guild.chunk(cache=True)
        assert len(members) == 4, members
        prefix = friend_name()
        found = await guild.query_members(query=prefix[:-2], limit=5, presences=True)
        assert [member.id for member in found] == [friend.id]
        found = await guild.query_members(user_ids=[friend.id, owner.id])
        assert {member.id for member in found} == {friend.id, owner.id}
        assert len([member async for member in guild.fetch_members(limit=2)]) == 2

    await messages(bot, guild, general)
    await guild_things(bot, other, guild, general)

    async with check("direct messages"):
        user = await bot.fetch_user(friend.id)
        sent = await user.send("just between us")
        heard = bot.next("message", lambda message: message.author.id == friend.id and message.guild is None)
        await friend.post(sent.channel.id, "secret")
        message = await heard
        assert message.content == "secret" and isinstance(message.channel, discord.DMChannel)
        await message.add_reaction("🤫")
        assert len([old async for old in sent.channel.history(limit=5)]) == 2

    async with check("webhooks and the audit log"):
        hook = await general.create_webhook(name="Oven", reason="bread")
        assert len(hook.token) == 68 and hook.user.id == bot.user.id
        heard = bot.next("message", lambda message: message.webhook_id == hook.id)
        sent = await hook.send("bread", username="Baker", wait=True)
        echo = (await heard)
        assert sent.author.name == "Baker" and sent.webhook_id == hook.id
        assert echo is not None
        edited = await hook.edit_message(sent.id, content="cake")
        assert edited.content == "cake"
        assert (await hook.fetch_message(sent.id)).content == "cake"
        await hook.delete_message(sent.id)
        renamed = await hook.edit(name="Stove")
        assert renamed.name == "Stove"
        assert [h.id for h in await guild.webhooks()] == [hook.id]
        entries = [e async for e in guild.audit_logs(limit=1, action=discord.AuditLogAction.webhook_create)]
        assert entries[0].user.id == bot.user.id and entries[0].reason == "bread"
        assert entries[0].after.name == "Oven"
        oldest = [e async for e in guild.audit_logs(limit=5, oldest_first=True)]
        assert [e.id for e in oldest] == sorted(e.id for e in oldest)
        await hook.delete(reason="cold")

    async with check("errors"):
        async with refused(discord.NotFound, code=10003):
            await bot.fetch_channel(NOBODY)
        async with refused(discord.NotFound, code=10013):
            await bot.fetch_user(NOBODY)
        async with refused(discord.NotFound, code=10004):
            await bot.fetch_guild(NOBODY)
        async with refused(discord.HTTPException, code=50006, status=400):
            await general.send(" ")
        async with refused(discord.HTTPException, code=50035, status=400) as fault:
            await bot.http.request(
                discord.http.Route("POST", "/guilds/{guild_id}/channels", guild_id=guild.id),
                json={"name": "", "type": 99, "topic": "x" * 1025},
            )
        assert all(f"In {field}" in str(fault.error) for field in ("name", "type", "topic")), fault.error
        theirs = await general.fetch_message(int((await friend.post(general.id, "mine"))["id"]))
        async with refused(discord.Forbidden, code=50005):
            await theirs.edit(content="stolen")
        async with refused(discord.LoginFailure):
            async with discord.Client(intents=discord.Intents(guilds=True)) as stranger:
                await stranger.login("nonsense.nonsense.nonsense")

    async with check("resume after a cut socket"):
        before = list(bot.sessions)
        seen = []
        missed = bot.next("message", lambda message: message.content == "while you were away" and seen.append(1) is None)
        resumed = bot.next("resumed")
        assert await cut_sockets() >= 2
        await friend.post(general.id, "while you were away")
        await resumed
        await missed
        after = bot.next("message", lambda message: message.content == "and after")
        await friend.post(general.id, "and after")
        await after
        assert bot.sessions == [*before, "resumed"], bot.sessions
        assert [m.content for m in bot.cached_messages].count("while you were away") == 1

    async with check("leaving a guild"):
        gone = other.next("guild_remove")
        removed = bot.next("member_remove", lambda member: member.id == other.user.id)
        await other.get_guild(guild.id).leave()
        await gone
        await removed


def friend_name():
    return f"dpy_{os.environ['COMPRESSION']}_friend"


async def main():
    bot, other = Bot(discord.Intents.all()), Bot(discord.Intents(guilds=True, guild_messages=True))
    async with check("login and READY"):
        await log_in(bot, TOKEN)
        assert bot.user.id == APPLICATION_ID and bot.user.bot
    if failures:
        finish()
    async with check("second bot"):
        await log_in(other, OTHER_TOKEN)
    await play(bot, other)
    await bot.close()
    await other.close()
    finish()


asyncio.run(main())
