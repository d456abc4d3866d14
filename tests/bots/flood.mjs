// discord.js against the limits of a new installation: it asks for more than is allowed, waits as it is told, and loses nothing.
import assert from 'node:assert/strict';
import { Client, Events, GatewayIntentBits, RESTEvents } from 'discord.js';
import { check, next, rest, stage } from './stage.mjs';

// The channel's limit is 5 in 5 s (API.md §1.6).
const MESSAGES = 12;

const client = new Client({ intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages], rest });
let limited = 0;
client.rest.on(RESTEvents.RateLimited, () => {
  limited += 1;
});

await check('login under limits', async () => {
  const ready = next(client, Events.ClientReady);
  await client.login(stage.token);
  await ready;
});
const guild = client.guilds.cache.get(stage.guildId);
const general = guild.channels.cache.find((channel) => channel.isTextBased() && !channel.isVoiceBased());

await check('headers of limited routes', async () => {
  const answer = await fetch(`${stage.origin}/api/v10/channels/${general.id}`, { headers: { Authorization: `Bot ${stage.token}` } });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'application/json');
  assert.ok(Number(answer.headers.get('x-ratelimit-limit')) > 0);
  assert.ok(Number(answer.headers.get('x-ratelimit-remaining')) >= 0);
  assert.ok(Number(answer.headers.get('x-ratelimit-reset')) > Date.now() / 1000 - 60);
  assert.ok(Number(answer.headers.get('x-ratelimit-reset-after')) >= 0);
  assert.ok(!answer.headers.get('x-ratelimit-bucket').includes(general.id));
  assert.match(answer.headers.get('via'), /hearth/);
});

await check('messages beyond the limit all arrive, in order', async () => {
  const sent = await Promise.all(Array.from({ length: MESSAGES }, (_, n) => general.send(`flood ${n}`)));
  assert.ok(limited > 0, 'the library was never held up');
  const held = await general.messages.fetch({ limit: MESSAGES, cache: false });
  assert.deepEqual([...held.keys()].reverse(), sent.map((message) => message.id));
});

await check('a 429 as libraries need it', async () => {
  const post = () =>
    fetch(`${stage.origin}/api/v10/channels/${general.id}/messages`, {
      method: 'POST',
      headers: { Authorization: `Bot ${stage.token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ content: 'more' }),
    });
  let answer = await post();
  for (let n = 0; n < 10 && answer.status !== 429; n += 1) answer = await post();
  assert.equal(answer.status, 429);
  assert.match(answer.headers.get('via'), /hearth/);
  assert.ok(Number.isInteger(Number(answer.headers.get('retry-after'))));
  assert.equal(answer.headers.get('x-ratelimit-scope'), 'user');
  assert.equal(answer.headers.get('x-ratelimit-remaining'), '0');
  const body = await answer.json();
  assert.deepEqual(Object.keys(body).sort(), ['code', 'global', 'message', 'retry_after']);
  assert.equal(body.global, false);
  assert.ok(body.retry_after > 0 && body.retry_after <= 5);
});

await client.destroy();
console.log(process.exitCode ? 'failed' : 'done');
