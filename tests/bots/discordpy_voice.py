"""discord.py against the real server, over TLS: one bot plays a tone, the other (with the library's extension for receiving) takes it
in and decodes it."""

import asyncio
import math
import struct

import discord
import yarl
from discord.ext import voice_recv

from stage_client import GUILD_ID, ORIGIN, OTHER_TOKEN, PATIENCE_S, SOCKET_ORIGIN, TOKEN, check, finish

discord.http.Route.BASE = f"{ORIGIN}/api/v10"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(SOCKET_ORIGIN)

RATE = 48_000
# Samples of one channel in one packet, and of how many packets is judged.
FRAME = 960
ENOUGH = 50
PITCH_HZ = 440
AMPLITUDE = 9_000


class Tone(discord.AudioSource):
    """A tone without end, in both channels; the library encodes it."""

    def __init__(self):
        self.at = 0

    def read(self):
        samples = (int(AMPLITUDE * math.sin(2 * math.pi * PITCH_HZ * (self.at + n) / RATE)) for n in range(FRAME))
        self.at += FRAME
        return b"".join(struct.pack("<hh", sample, sample) for sample in samples)


class Ear:
    """What was heard of whom, decoded by the library."""

    def __init__(self, loop):
        self.loop = loop
        self.packets = 0
        self.samples = []
        self.news = asyncio.Event()

    def take(self, user, data):
        """Called on the library's own thread."""
        self.loop.call_soon_threadsafe(self.note, user, data.pcm)

    def note(self, user, pcm):
        if user is None or not pcm:
            return
        self.packets += 1
        self.samples += struct.unpack(f"<{len(pcm) // 2}h", pcm)[::2]
        del self.samples[: -RATE // 2]
        self.news.set()

    async def hear_tone(self):
        """Until a second of packets came whose sound is the tone: what a busy machine makes late is a gap at first."""
        enough = self.packets + ENOUGH
        async with asyncio.timeout(2 * PATIENCE_S):
            while self.packets < enough or self.share_at(PITCH_HZ) < 0.9:
                self.news.clear()
                await self.news.wait()
        assert self.share_at(1_000) < 0.01

    def share_at(self, hertz):
        """How much of the power lies at one pitch (Goertzel), 0 to 1."""
        turn = 2 * math.cos(2 * math.pi * hertz / RATE)
        last = before = power = 0.0
        for sample in self.samples:
            before, last = last, sample + turn * last - before
            power += sample * sample
        return 2 * (last * last + before * before - turn * last * before) / (power * len(self.samples))


class Bot(discord.Client):
    """A client that says when it is ready."""

    def __init__(self):
        super().__init__(intents=discord.Intents(guilds=True, voice_states=True))
        self.first_ready = asyncio.Event()

    async def on_ready(self):
        self.first_ready.set()


async def log_in(token):
    client = Bot()
    ready = asyncio.ensure_future(client.first_ready.wait())
    running = asyncio.ensure_future(client.start(token))
    async with asyncio.timeout(PATIENCE_S):
        done, _ = await asyncio.wait([ready, running], return_when=asyncio.FIRST_COMPLETED)
    done.pop().result()
    return client


async def move(mover, moved, channel_id):
    """Until the one who is moved was told."""
    told = asyncio.ensure_future(moved.wait_for(
        "voice_state_update",
        check=lambda member, _, now: member.id == moved.user.id and now.channel is not None and now.channel.id == channel_id,
        timeout=PATIENCE_S,
    ))
    guild = mover.get_guild(GUILD_ID)
    member = await guild.fetch_member(moved.user.id)
    await member.move_to(discord.Object(channel_id))
    await told


async def main():
    assert discord.opus.is_loaded() or discord.opus._load_default(), "libopus is not installed"
    player, listener = await log_in(TOKEN), await log_in(OTHER_TOKEN)
    room = lambda client: client.get_guild(GUILD_ID).voice_channels[0]
    ear = Ear(asyncio.get_running_loop())

    async with check("both are connected"):
        playing = await room(player).connect(timeout=PATIENCE_S, reconnect=True)
        hearing = await room(listener).connect(timeout=PATIENCE_S, cls=voice_recv.VoiceRecvClient)
        assert playing.is_connected() and hearing.is_connected()
        assert playing.mode == "aead_xchacha20_poly1305_rtpsize", playing.mode
        assert {member.id for member in room(player).members} == {player.user.id, listener.user.id}

    async with check("one plays and the other hears that very tone"):
        hearing.listen(voice_recv.BasicSink(ear.take))
        playing.play(Tone())
        await ear.hear_tone()

    async with check("a pause is silence, and the tone goes on after it"):
        playing.pause()
        assert playing.is_paused()
        playing.resume()
        await ear.hear_tone()

    async with check("both are moved by the other while one plays, and the tone goes on in the new room"):
        upstairs = await player.get_guild(GUILD_ID).create_voice_channel("upstairs")
        for mover, moved in [(listener, player), (player, listener)]:
            await move(mover, moved, upstairs.id)
        await ear.hear_tone()
        for connection in [playing, hearing]:
            assert connection.is_connected() and connection.channel.id == upstairs.id, connection.channel

    async with check("who leaves is no longer in the room"):
        gone = asyncio.ensure_future(listener.wait_for(
            "voice_state_update", check=lambda member, _, now: member.id == player.user.id and now.channel is None, timeout=PATIENCE_S
        ))
        await playing.disconnect()
        await gone
        await hearing.disconnect()

    await player.close()
    await listener.close()
    finish()


asyncio.run(main())
