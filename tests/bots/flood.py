"""discord.py and hikari against the limits of a new installation: they ask for more than is allowed, wait as they are told, and lose
nothing."""

import asyncio
import logging
import urllib.error
import urllib.request

import discord
import hikari
import yarl

from stage_client import GUILD_ID, ORIGIN, OTHER_TOKEN, SOCKET_ORIGIN, TOKEN, check, finish

# The channel's limit is 5 in 5 s (API.md §1.6).
MESSAGES = 8

discord.http.Route.BASE = f"{ORIGIN}/api/v10"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(SOCKET_ORIGIN)
hikari.urls.CDN_URL = f"{ORIGIN}/cdn"


class Counter(logging.Handler):
    """Counts what the library says of limits."""

    count = 0

    def emit(self, record):
        self.count += "rate limited" in record.getMessage().lower() or "ratelimit" in record.getMessage().lower()


def use_up(channel):
    """Takes the channel's limit away behind the library's back, so that it meets a 429 that it could not foresee."""
    for _ in range(6):
        request = urllib.request.Request(
            f"{ORIGIN}/api/v10/channels/{channel}/messages",
            method="POST",
            data=b'{"content":"used up"}',
            headers={"Authorization": f"Bot {TOKEN}", "Content-Type": "application/json"},
        )
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except urllib.error.HTTPError as error:
            assert error.code == 429, error.code
            return
    raise AssertionError("six messages at once were let through")


async def main():
    client = discord.Client(intents=discord.Intents(guilds=True))
    counter = Counter()
    logging.getLogger("discord.http").addHandler(counter)
    logging.getLogger("discord.http").setLevel(logging.DEBUG)
    channel = 0
    async with check("discord.py waits for a 429 and for what it foresees"):
        await client.login(TOKEN)
        guild = await client.fetch_guild(GUILD_ID)
        channels = await guild.fetch_channels()
        general = next(found for found in channels if found.type is discord.ChannelType.text)
        channel = general.id
        await asyncio.to_thread(use_up, channel)
        sent = [await general.send(f"flood {n}") for n in range(MESSAGES)]
        held = [message.id async for message in general.history(limit=MESSAGES)]
        assert held == [message.id for message in reversed(sent)]
        assert counter.count > 0, "the library was never held up"
    await client.close()

    rest = hikari.RESTApp(url=f"{ORIGIN}/api/v10")
    await rest.start()
    async with check("hikari waits for a 429 and for what it foresees"), rest.acquire(OTHER_TOKEN, "Bot") as bot:
        sent = await asyncio.gather(*(bot.create_message(channel, f"hikari {n}") for n in range(MESSAGES)))
        held = {message.id async for message in bot.fetch_messages(channel).limit(MESSAGES)}
        assert held == {message.id for message in sent}
    await rest.close()
    finish()


asyncio.run(main())
