"""The stage on which bot programs play: the real server on a free loopback port behind a proxy that can cut sockets, with people, a
guild and two bots for each program. `run.sh` starts it; every program gets what it needs in its environment (see `Play.environment`)."""

import asyncio
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).parent
PASSWORD = "correct horse battery"
# Rights of the bots' roles: everything, so that what a program may not do is a matter of its own tests.
ADMINISTRATOR = 8
# The privileged intents' switches: presences, members, message content.
INTENT_SWITCHES = 1 << 13 | 1 << 15 | 1 << 19
# How long one program may take, seconds.
PROGRAM_PATIENCE_S = 120
# How long the server may take to start or stop, seconds.
SERVER_PATIENCE_S = 20
# Most bytes that the proxy moves at once.
CHUNK_BYTES = 64 << 10

OPEN_SETTINGS = {
    "HEARTH_PASSWORDS_MEMORY_KIB": "19456",
    "HEARTH_REGISTRATION": "open",
    "HEARTH_LIMITS_AUTH_PER_ADDRESS": "0",
    "HEARTH_LIMITS_AUTH_PER_ACCOUNT": "0",
    "HEARTH_LIMITS_REQUESTS_PER_ADDRESS": "0",
}
UNLIMITED = {
    "HEARTH_LIMITS_ROUTES": "off",
    "HEARTH_LIMITS_GLOBAL_PER_BOT": "0",
    "HEARTH_LIMITS_GLOBAL_PER_USER": "0",
}


class Proxy:
    """Carries bytes to the server; `cut` ends all sockets that speak WebSocket, without a word. What TLS hides may be one, and counts."""

    def __init__(self, is_tls):
        self.sockets = set()
        self.is_tls = is_tls
        self.target = None

    async def start(self):
        self.listener = await asyncio.start_server(self.carry, "127.0.0.1", 0)
        self.control = await asyncio.start_server(self.obey, "127.0.0.1", 0)
        self.port = self.listener.sockets[0].getsockname()[1]
        self.control_port = self.control.sockets[0].getsockname()[1]

    async def carry(self, reader, writer):
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, up_writer)

        async def pump(source, sink, is_request):
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                while chunk := await source.read(CHUNK_BYTES):
                    if self.is_tls or (is_request and b"upgrade: websocket" in chunk.lower()):
                        self.sockets.add(pair)
                    sink.write(chunk)
                    await sink.drain()
            with contextlib.suppress(ConnectionError, RuntimeError):
                sink.close()

        await asyncio.gather(pump(reader, up_writer, True), pump(up_reader, writer, False))
        self.sockets.discard(pair)

    async def obey(self, reader, writer):
        if (await reader.readline()).strip() == b"cut":
            cut = len(self.sockets)
            for pair in list(self.sockets):
                for end in pair:
                    end.transport.abort()
            self.sockets.clear()
            writer.write(f"{cut}\n".encode())
        with contextlib.suppress(ConnectionError):
            await writer.drain()
            writer.close()


class Person:
    """Somebody who speaks plain HTTP; a bot's token makes it a bot."""

    def __init__(self, stage, token, user_id=None):
        self.stage, self.token, self.id = stage, token, user_id

    async def call(self, method, path, body=None):
        return await self.stage.call(method, path, body, {"Authorization": self.token})


class Stage:
    """A running server; with TLS, it shows a certificate that programs trust by their environment."""

    def __init__(self, settings, is_tls=False):
        self.settings = settings
        self.is_tls = is_tls
        self.proxy = Proxy(is_tls)
        self.process = None
        self.trust = None
        self.certificate = None

    async def __aenter__(self):
        binary = os.environ.get("HEARTH_BIN") or sys.exit("HEARTH_BIN must name the server's binary")
        self.directory = tempfile.TemporaryDirectory(prefix="hearth-bots-")
        await self.proxy.start()
        # Chosen before the server starts, since its public address is the proxy's.
        self.proxy.target = free_port()
        self.origin = f"{'https' if self.is_tls else 'http'}://127.0.0.1:{self.proxy.port}"
        if self.is_tls:
            self.settings = {**self.settings, **self.make_certificate()}
        environment = {
            "PATH": os.environ["PATH"],
            "RUST_BACKTRACE": "1",
            "HEARTH_PUBLIC_URL": self.origin,
            **{name: value for name, value in os.environ.items() if name.startswith("HEARTH_LOG_")},
            **self.settings,
        }
        self.log = open(pathlib.Path(self.directory.name) / "server.log", "w+")
        self.process = await asyncio.create_subprocess_exec(
            binary, "serve", "--data", str(pathlib.Path(self.directory.name) / "data"), "--listen", f"127.0.0.1:{self.proxy.target}",
            env=environment, stdout=asyncio.subprocess.PIPE, stderr=self.log,
        )
        async with asyncio.timeout(SERVER_PATIENCE_S):
            await self.read_announcement()
        self.owner = await self.register("owner", self.setup_token)
        return self

    def make_certificate(self):
        """One for loopback that vouches for itself; answers the settings that name it."""
        directory = pathlib.Path(self.directory.name)
        self.certificate, key = str(directory / "cert.pem"), str(directory / "key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=Hearth tests", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.certificate],
            check=True, capture_output=True,
        )
        self.trust = ssl.create_default_context(cafile=self.certificate)
        return {"HEARTH_TLS_CERT": self.certificate, "HEARTH_TLS_KEY": key}

    async def read_announcement(self):
        said = ""
        while "/setup#" not in said:
            line = await self.process.stdout.readline()
            if not line:
                self.log.seek(0)
                sys.exit(f"the server ended after: {said}{self.log.read()}")
            said += line.decode()
        self.setup_token = re.search(r"/setup#([\w-]+)", said).group(1)

    async def __aexit__(self, failure, *_):
        asked = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(SERVER_PATIENCE_S):
                status = await self.process.wait()
        except TimeoutError:
            self.process.kill()
            status = "none: it had to be killed"
        self.log.seek(0)
        log = self.log.read()
        if failure or status != 0 or "panicked" in log or " ERROR " in log:
            print("---- server log (end)", *log.splitlines()[-120:], "----", sep="\n")
        self.directory.cleanup()
        assert status == 0, f"the server's exit status is {status}"
        assert time.monotonic() - asked < 5, "stopping took longer than 5 s"
        assert "panicked" not in log, "the server panicked"
        assert " ERROR " not in log, "the server logged an error"

    async def call(self, method, path, body=None, headers=None):
        """A call of the REST API; errors of the API are errors here."""

        def blocking():
            request = urllib.request.Request(
                f"{self.origin}/api/v10{path}",
                method=method,
                data=None if body is None else json.dumps(body).encode(),
                headers={"Content-Type": "application/json", **(headers or {})},
            )
            try:
                with urllib.request.urlopen(request, timeout=SERVER_PATIENCE_S, context=self.trust) as answer:
                    text = answer.read()
                    return json.loads(text) if text else None
            except urllib.error.HTTPError as error:
                raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None

        return await asyncio.to_thread(blocking)

    async def register(self, name, setup_token=None):
        body = {"username": name, "password": PASSWORD}
        if setup_token:
            body["setup_token"] = setup_token
        answer = await self.call("POST", "/auth/register", body)
        return Person(self, answer["token"], answer["user_id"])

    async def make_bot(self, owner, guild_id, name):
        """An application with every switch on, its bot in the guild."""
        application = await owner.call("POST", "/applications", {"name": name, "description": "A bot of the tests"})
        await owner.call("PATCH", f"/applications/{application['id']}", {"flags": INTENT_SWITCHES})
        token = (await owner.call("POST", f"/applications/{application['id']}/bot"))["token"]
        query = f"client_id={application['id']}&scope=bot&permissions={ADMINISTRATOR}"
        linked = await owner.call(
            "POST", f"/oauth2/authorize?{query}", {"authorize": True, "guild_id": guild_id}
        )
        assert linked["location"].startswith(f"{self.origin}/oauth2/authorized?guild_id={guild_id}"), linked
        return application["id"], token

    async def environment(self, name):
        """What one program gets: a guild of its own with its owner, a friend who is no member yet, and two bots."""
        name = name.replace("discord", "d")  # a word that usernames may not hold
        owner = await self.register(f"{name}_owner")
        friend = await self.register(f"{name}_friend")
        guild = await owner.call("POST", "/guilds", {"name": f"Guild of {name}"})
        application, token = await self.make_bot(owner, guild["id"], f"{name} bot")
        _, other_token = await self.make_bot(owner, guild["id"], f"{name} helper")
        trust = {"NODE_EXTRA_CA_CERTS": self.certificate, "SSL_CERT_FILE": self.certificate} if self.is_tls else {}
        return {
            **trust,
            "HEARTH_ORIGIN": self.origin,
            "HEARTH_CUT_PORT": str(self.proxy.control_port),
            "GUILD_ID": guild["id"],
            "OWNER_ID": owner.id,
            "OWNER_TOKEN": owner.token,
            "FRIEND_ID": friend.id,
            "FRIEND_TOKEN": friend.token,
            "APPLICATION_ID": application,
            "BOT_TOKEN": token,
            "OTHER_BOT_TOKEN": other_token,
        }


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def play(stage, name, command, settings=None):
    """Runs one program; answers whether it succeeded."""
    started = time.monotonic()
    environment = {**os.environ, **await stage.environment(name), **(settings or {})}
    program = await asyncio.create_subprocess_exec(
        *command, cwd=HERE, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    counted = 0

    async def relay():
        nonlocal counted
        async for line in program.stdout:
            text = line.decode(errors="replace").rstrip()
            counted += text.startswith("ok ")
            print(f"{name}: {text}", flush=True)

    try:
        async with asyncio.timeout(PROGRAM_PATIENCE_S):
            await relay()
            status = await program.wait()
    except TimeoutError:
        program.kill()
        await program.wait()
        status = f"none: not done after {PROGRAM_PATIENCE_S} s"
    print(f"== {name}: {counted} checks, exit status {status}, {time.monotonic() - started:.1f} s", flush=True)
    return status == 0 and counted > 0


PROGRAMS = {
    "discordjs": (["node", "discordjs.mjs"], {}),
    "discordpy_zlib": ([sys.executable, "discordpy.py"], {"COMPRESSION": "zlib"}),
    "discordpy_zstd": ([sys.executable, "discordpy.py"], {"COMPRESSION": "zstd"}),
    "hikari": ([sys.executable, "hikari_bot.py"], {}),
}
FLOODS = {
    "discordjs_flood": (["node", "flood.mjs"], {}),
    "discordpy_flood": ([sys.executable, "flood.py"], {}),
}
# @discordjs/voice runs on no older Node than 22, which it therefore brings along.
VOICE_NODE = str(HERE / "node_modules" / ".bin" / "node")
VOICES = {
    "discordjs_voice_gcm": ([VOICE_NODE, "discordjs_voice.mjs"], {"VOICE_MODE": "aead_aes256_gcm_rtpsize"}),
    "discordjs_voice_xchacha": ([VOICE_NODE, "discordjs_voice.mjs"], {"VOICE_MODE": "aead_xchacha20_poly1305_rtpsize"}),
    "discordpy_voice": ([sys.executable, "discordpy_voice.py"], {}),
}


async def run(settings, programs, chosen, is_tls=False):
    programs = {name: program for name, program in programs.items() if not chosen or name in chosen}
    if not programs:
        return []
    async with Stage(settings, is_tls) as stage:
        return [name for name, (command, extra) in programs.items() if not await play(stage, name, command, extra)]


async def main():
    chosen = set(sys.argv[1:])
    failed = await run(OPEN_SETTINGS | UNLIMITED, PROGRAMS, chosen)
    # With the limits of a new installation, and a program that asks for more than they allow.
    failed += await run(OPEN_SETTINGS, FLOODS, chosen)
    # Libraries dial voice over TLS and no other way.
    failed += await run(OPEN_SETTINGS | UNLIMITED, VOICES, chosen, is_tls=True)
    if failed:
        sys.exit(f"FAILED: {', '.join(failed)}")
    print("bot programs passed")


if __name__ == "__main__":
    asyncio.run(main())
