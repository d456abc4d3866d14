"""Schemathesis against the server's own OpenAPI document, as the owner of a guild and as its bot: no server error, and no answer outside
its schema. Ids of things that are there take the place of most ids it makes up (see `schema_hooks.py`)."""

import asyncio
import json
import os
import pathlib
import sys

import stage as stages

HERE = pathlib.Path(__file__).parent
# Answers are checked for being described, not for being refusals or successes.
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# Cases for each operation, and the seed that makes them.
EXAMPLES = 6
SEED = 2389
# Most of a line that is shown.
LINE_CHARS = 300
# How long one of the two runs may take, seconds.
RUN_PATIENCE_S = 110
# Operations that would end the caller's own login, or the bot, in the middle of the run.
SPARED = "^(/auth/logout|/auth/sessions/logout|/users/@me/(disable|delete)|/applications/.*/(bot/reset|delete)|/guilds/[^/]*/delete)$"


async def things(stage, environment):
    """What ids in paths may stand for."""
    owner = stages.Person(stage, environment["OWNER_TOKEN"])
    guild = environment["GUILD_ID"]
    channels = await owner.call("GET", f"/guilds/{guild}/channels")
    channel = next(channel["id"] for channel in channels if channel["type"] == 0)
    invite = await owner.call("POST", f"/channels/{channel}/invites", {})
    friend = stages.Person(stage, environment["FRIEND_TOKEN"])
    await friend.call("POST", f"/invites/{invite['code']}", {})
    message = await owner.call("POST", f"/channels/{channel}/messages", {"content": "a message", "embeds": [{"title": "and a card"}]})
    await owner.call("PUT", f"/channels/{channel}/messages/{message['id']}/reactions/%F0%9F%94%A5/@me")
    await owner.call("PUT", f"/channels/{channel}/messages/pins/{message['id']}")
    role = await owner.call("POST", f"/guilds/{guild}/roles", {"name": "a role"})
    return {
        "guild_id": guild,
        "channel_id": channel,
        "message_id": message["id"],
        "role_id": role["id"],
        "user_id": environment["FRIEND_ID"],
        "target_id": environment["FRIEND_ID"],
        "overwrite_id": role["id"],
        "application_id": environment["APPLICATION_ID"],
        "code": invite["code"],
        "emoji": "🔥",
    }


async def examine(stage, who, token, ids):
    """One run; answers whether nothing was found."""
    command = [
        "schemathesis", "run", f"{stage.origin}/api/v10/hearth/openapi.json", "--url", f"{stage.origin}/api/v10",
        "--header", f"Authorization:{token}", "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--warnings", "off",
        "--max-examples", str(EXAMPLES), "--seed", str(SEED), "--workers", "1", "--exclude-path-regex", SPARED,
        "--suppress-health-check", "all", "--request-timeout", "10", "--continue-on-failure", "--no-shrink",
    ]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "schema_hooks", "PYTHONPATH": str(HERE), "HEARTH_IDS": json.dumps(ids)}
    run = await asyncio.create_subprocess_exec(
        *command, cwd=HERE, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(RUN_PATIENCE_S):
            said = (await run.communicate())[0].decode(errors="replace")
    except TimeoutError:
        run.kill()
        print(f"schema as {who}: not done after {RUN_PATIENCE_S} s")
        return False
    found_nothing = run.returncode == 0
    shown = [line[:LINE_CHARS] for line in said.splitlines()]
    print(*(shown[-25:] if found_nothing else shown), sep="\n")
    print(f"== schema as {who}: {'nothing found' if found_nothing else 'FAILED'}", flush=True)
    return found_nothing


async def main():
    async with stages.Stage(stages.OPEN_SETTINGS | stages.UNLIMITED) as stage:
        environment = await stage.environment("schema")
        ids = await things(stage, environment)
        callers = {"a person": environment["OWNER_TOKEN"], "a bot": f"Bot {environment['BOT_TOKEN']}"}
        results = [await examine(stage, who, token, ids) for who, token in callers.items()]
    if not all(results):
        sys.exit("FAILED: schema")


if __name__ == "__main__":
    asyncio.run(main())
