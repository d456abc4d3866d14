"""What the Python programs share: their place on the stage (see stage.py), checks by name, people, cutting sockets."""

import asyncio
import json
import logging
import os
import sys
import traceback
import urllib.error
import urllib.request

# How long an event is waited for before its absence is a failure, seconds.
PATIENCE_S = 10
# How long one check may take, seconds.
CHECK_PATIENCE_S = 40

ORIGIN = os.environ["HEARTH_ORIGIN"]
SOCKET_ORIGIN = ORIGIN.replace("http", "ws", 1)
GUILD_ID = int(os.environ["GUILD_ID"])
APPLICATION_ID = int(os.environ["APPLICATION_ID"])
TOKEN = os.environ["BOT_TOKEN"]
OTHER_TOKEN = os.environ["OTHER_BOT_TOKEN"]

failures = []


class ErrorWatch(logging.Handler):
    """Makes a failure of every error that the library logs."""

    def __init__(self):
        super().__init__(logging.ERROR)

    def emit(self, record):
        failures.append(record.getMessage())
        print(f"not ok logged error: {record.name}: {record.getMessage()}", flush=True)
        if record.exc_info:
            traceback.print_exception(*record.exc_info, file=sys.stdout)


logging.getLogger().addHandler(ErrorWatch())


class Refused(Exception):
    """An error of the API, for people."""

    def __init__(self, what, status, body):
        super().__init__(f"{what}: {status} {body}")
        self.status, self.code = status, json.loads(body).get("code")


class Person:
    """Somebody who speaks plain HTTP."""

    def __init__(self, role):
        self.id = int(os.environ[f"{role}_ID"])
        self.token = os.environ[f"{role}_TOKEN"]

    async def call(self, method, path, body=None):
        def blocking():
            request = urllib.request.Request(
                f"{ORIGIN}/api/v10{path}",
                method=method,
                data=None if body is None else json.dumps(body).encode(),
                headers={"Authorization": self.token, "Content-Type": "application/json"},
            )
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                    text = answer.read()
                    return json.loads(text) if text else None
            except urllib.error.HTTPError as error:
                raise Refused(f"{method} {path}", error.code, error.read().decode()) from None

        return await asyncio.to_thread(blocking)

    async def post(self, channel, content, **more):
        return await self.call("POST", f"/channels/{int(channel)}/messages", {"content": content, **more})


owner = Person("OWNER")
friend = Person("FRIEND")


class check:
    """A block that is one check: `async with check("name"):`. What fails is told at once and remembered for the exit status."""

    def __init__(self, name):
        self.name = name

    async def __aenter__(self):
        self.timeout = asyncio.timeout(CHECK_PATIENCE_S)
        await self.timeout.__aenter__()
        return self

    async def __aexit__(self, kind, error, trace):
        try:
            await self.timeout.__aexit__(kind, error, trace)
        except TimeoutError as late:
            kind, error, trace = type(late), late, late.__traceback__
        if error is None:
            print(f"ok {self.name}", flush=True)
            return False
        if not isinstance(error, Exception):
            return False
        failures.append(self.name)
        print(f"not ok {self.name}", flush=True)
        traceback.print_exception(kind, error, trace, file=sys.stdout)
        sys.stdout.flush()
        return True


class refused:
    """A block that must end with this error: `async with refused(discord.NotFound, code=10008):`."""

    def __init__(self, kind, code=None, status=None):
        self.kind, self.code, self.status = kind, code, status

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, trace):
        assert error is not None, f"was not refused with {self.kind.__name__} {self.code}"
        if not isinstance(error, self.kind):
            return False
        self.error = error
        assert self.code is None or int(error.code) == self.code, f"{error.code}, not {self.code}: {error}"
        assert self.status is None or int(error.status) == self.status, f"{error.status}, not {self.status}: {error}"
        return True


async def cut_sockets():
    """Ends every gateway socket without a close frame; answers how many there were."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(os.environ["HEARTH_CUT_PORT"]))
    writer.write(b"cut\n")
    await writer.drain()
    cut = int(await reader.readline())
    writer.close()
    return cut


def finish():
    """Ends the program with its status."""
    print("failed" if failures else "done", flush=True)
    sys.exit(1 if failures else 0)
