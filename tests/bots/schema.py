"""Schemathesis against the server's own OpenAPI document, as the owner of a guild and as its bot: no server error, and no answer outside
its schema. Things that are there take the place of most that it makes up (see `schema_hooks.py`)."""

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
RUN_PATIENCE_S = 240
# Operations that would end the caller's own login, the bot, or its place in the guild in the middle of the run.
SPARED = (
    "^(/auth/logout|/auth/sessions/logout|/users/@me/(disable|delete)|/users/@me/guilds/[^/]*|/applications/.*/(bot/reset|delete)"
    "|/guilds/[^/]*/(delete|prune|bulk-ban))$"
)
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
FIRE = "%F0%9F%94%A5"
# Somebody who is nowhere.
NOBODY = "175928847299117063"


async def things(environment, owner, friend):
    """What parameters in paths may stand for: see `schema_hooks.meant`."""
    guild, application = environment["GUILD_ID"], environment["APPLICATION_ID"]
    channels = await owner.call("GET", f"/guilds/{guild}/channels")
    channel = next(channel["id"] for channel in channels if channel["type"] == 0)

    async def made(path, body, key="id"):
        return (await owner.call("POST", path, body))[key]

    invite = await made(f"/channels/{channel}/invites", {}, "code")
    await friend.call("POST", f"/invites/{invite}", {})
    await owner.call("PUT", f"/users/@me/relationships/{friend.id}", {})
    await friend.call("PUT", f"/users/@me/relationships/{owner.id}", {})
    await owner.call("PUT", f"/users/@me/notes/{friend.id}", {"note": "bakes"})
    conversation = await made("/users/@me/channels", {"recipient_id": friend.id})
    others = [(await owner.stage.register(f"{environment['NAME']}_{n}")) for n in range(2)]
    for other in others:
        await other.call("POST", f"/invites/{invite}", {})
        await owner.call("PUT", f"/users/@me/relationships/{other.id}", {})
        await other.call("PUT", f"/users/@me/relationships/{owner.id}", {})
    group = await made("/users/@me/channels", {"recipients": [other.id for other in others], "name": "a group"})

    async def pair(path, body):
        """Two of a kind: one that stays, one to be deleted."""
        return [await made(path, body | {"name": f"one_{n}"}) for n in range(2)]

    posts = f"/channels/{channel}/messages"
    messages = [await made(posts, {"content": "a message", "embeds": [{"title": "and a card"}]}) for _ in range(3)]
    for message in messages:
        await owner.call("PUT", f"{posts}/{message}/reactions/{FIRE}/@me")
        await owner.call("PUT", f"{posts}/pins/{message}")
    roles = await pair(f"/guilds/{guild}/roles", {})
    emojis = await pair(f"/guilds/{guild}/emojis", {"image": PIXEL})
    own_emojis = await pair(f"/applications/{application}/emojis", {"image": PIXEL})
    rooms = await pair(f"/guilds/{guild}/channels", {"type": 0})
    hooks = [await owner.call("POST", f"/channels/{channel}/webhooks", {"name": f"hook {n}"}) for n in range(3)]
    said = [await owner.call("POST", f"/webhooks/{hooks[0]['id']}/{hooks[0]['token']}?wait=true", {"content": "hooked"}) for _ in range(2)]
    slots = await owner.call("POST", f"/channels/{channel}/attachments", {"files": [{"filename": "a.txt", "file_size": 5}] * 2})
    slots = slots["attachments"]
    for role in roles:
        await owner.call("PUT", f"/channels/{channel}/permissions/{role}", {"type": 0, "allow": "0", "deny": "0"})
        await owner.call("PUT", f"/guilds/{guild}/members/{friend.id}/roles/{role}")
    by_hook = "/webhooks/{webhook_id}/{webhook_token}"
    found = {
        "guild_id": guild,
        "channel_id": channel,
        "message_id": messages[0],
        "role_id": roles[0],
        "user_id": friend.id,
        "target_id": friend.id,
        "overwrite_id": roles[0],
        "application_id": application,
        "integration_id": application,
        "emoji_id": emojis[0],
        "webhook_id": hooks[0]["id"],
        "webhook_token": hooks[0]["token"],
        "upload_filename": slots[0]["upload_filename"],
        "upload_secret": slots[0]["upload_url"].rsplit("/", 1)[1],
        "code": invite,
        "emoji": "🔥",
        # Of the kinds that are deleted, one each to be deleted.
        "DELETE message_id": messages[1],
        "DELETE role_id": roles[1],
        "DELETE overwrite_id": roles[1],
        "DELETE emoji": "🔥",
        "DELETE emoji_id": emojis[1],
        "DELETE code": await made(f"/channels/{channel}/invites", {"unique": True}, "code"),
        "DELETE upload_filename": slots[1]["upload_filename"],
        "DELETE /channels/{channel_id} channel_id": rooms[1],
        "DELETE /webhooks/{webhook_id} webhook_id": hooks[1]["id"],
        f"DELETE {by_hook} webhook_id": hooks[2]["id"],
        f"DELETE {by_hook} webhook_token": hooks[2]["token"],
        # Others of a kind where the usual one does not fit.
        "PUT /guilds/{guild_id}/bans/{user_id} user_id": NOBODY,
        "GET /guilds/{guild_id}/bans/{user_id} user_id": NOBODY,
        "PUT /users/@me/relationships/{user_id} user_id": others[0].id,
        "DELETE /users/@me/relationships/{user_id} user_id": others[1].id,
    }
    for method in ("GET", "PATCH", "DELETE"):
        found[f"{method} /applications/{{application_id}}/emojis/{{emoji_id}} emoji_id"] = own_emojis[method == "DELETE"]
        found[f"{method} {by_hook}/messages/{{message_id}} message_id"] = said[method == "DELETE"]["id"]
    for path in ("/call", "/call/ring", "/call/stop-ringing", "/recipients/@me"):
        for method in ("GET", "PATCH", "POST", "PUT", "DELETE"):
            found[f"{method} /channels/{{channel_id}}{path} channel_id"] = conversation
    for method in ("PUT", "DELETE"):
        found[f"{method} /channels/{{channel_id}}/recipients/{{user_id}} channel_id"] = group
        found[f"{method} /channels/{{channel_id}}/recipients/{{user_id}} user_id"] = friend.id
    return found


async def examine(stage, who, token, things):
    """One run; answers whether nothing was found."""
    command = [
        "schemathesis", "run", f"{stage.origin}/api/v10/hearth/openapi.json", "--url", f"{stage.origin}/api/v10",
        "--header", f"Authorization:{token}", "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--warnings", "off",
        "--max-examples", str(EXAMPLES), "--seed", str(SEED), "--workers", "1", "--exclude-path-regex", SPARED,
        "--suppress-health-check", "all", "--request-timeout", "10", "--continue-on-failure", "--no-shrink",
    ]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "schema_hooks", "PYTHONPATH": str(HERE), "HEARTH_THINGS": json.dumps(things)}
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
        results = []
        for who in ("a person", "a bot"):
            name = who.replace("a ", "schema_")
            environment = {**await stage.environment(name), "NAME": name}
            owner = stages.Person(stage, environment["OWNER_TOKEN"], environment["OWNER_ID"])
            friend = stages.Person(stage, environment["FRIEND_TOKEN"], environment["FRIEND_ID"])
            token = owner.token if who == "a person" else f"Bot {environment['BOT_TOKEN']}"
            results.append(await examine(stage, who, token, await things(environment, owner, friend)))
    if not all(results):
        sys.exit("FAILED: schema")


if __name__ == "__main__":
    asyncio.run(main())
