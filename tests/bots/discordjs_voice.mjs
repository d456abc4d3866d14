// @discordjs/voice against the real server, over TLS: one bot plays a tone, the other takes it in and decodes it. VOICE_MODE says with
// which of the two ciphers.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { once } from 'node:events';
import { ChannelType, Client, Events, GatewayIntentBits } from 'discord.js';
import { check, cutSockets, next, owner, rest, stage } from './stage.mjs';
import { Listener, Tone } from './tone.mjs';

const MODE = process.env.VOICE_MODE;
if (MODE !== 'aead_aes256_gcm_rtpsize') {
  // The library takes the other cipher only where the runtime lacks this one.
  const all = crypto.getCiphers();
  crypto.getCiphers = () => all.filter((name) => name !== 'aes-256-gcm');
}
const {
  createAudioPlayer, createAudioResource, EndBehaviorType, entersState, joinVoiceChannel, NoSubscriberBehavior, StreamType,
  VoiceConnectionStatus,
} = await import('@discordjs/voice');

const PATIENCE_MS = 10_000;
const PITCH_HZ = 440;
/** Packets that are enough to judge by: a second. */
const ENOUGH = 50;

const intents = [GatewayIntentBits.Guilds, GatewayIntentBits.GuildVoiceStates];
const player = new Client({ intents, rest });
const ear = new Client({ intents, rest });
for (const [client, token] of [[player, stage.token], [ear, stage.otherToken]]) {
  const ready = next(client, Events.ClientReady);
  await client.login(token);
  await ready;
}

function join(client, more = {}) {
  const guild = client.guilds.cache.get(stage.guildId);
  const channel = guild.channels.cache.find((of) => of.type === ChannelType.GuildVoice);
  const connection = joinVoiceChannel({
    guildId: guild.id, channelId: channel.id, adapterCreator: guild.voiceAdapterCreator, group: client.user.id, ...more,
  });
  connection.on('error', (error) => {
    process.exitCode = 1;
    console.log(`not ok connection error\n${error.stack}`);
  });
  return connection;
}

/** Until `stream` brought so many more packets. */
async function hear(stream, listener, packets = ENOUGH) {
  const enough = listener.packets + packets;
  const patience = AbortSignal.timeout(PATIENCE_MS);
  while (listener.packets < enough) await once(stream, 'data', { signal: patience });
}

let playing, hearing;
await check('both are connected, with this cipher', async () => {
  playing = join(player);
  hearing = join(ear, { selfDeaf: false });
  for (const connection of [playing, hearing]) {
    await entersState(connection, VoiceConnectionStatus.Ready, PATIENCE_MS);
    assert.equal(connection.state.networking.state.connectionData.encryptionMode, MODE);
  }
});

const music = createAudioPlayer({ behaviors: { noSubscriber: NoSubscriberBehavior.Play } });
const tone = new Tone(PITCH_HZ);
const listener = new Listener();
let stream;
await check('one plays and the other hears that very tone', async () => {
  const speaks = next(hearing.receiver.speaking, 'start', (id) => id === player.user.id);
  playing.subscribe(music);
  music.play(createAudioResource(tone, { inputType: StreamType.Opus }));
  await speaks;
  stream = hearing.receiver.subscribe(player.user.id, { end: { behavior: EndBehaviorType.Manual } });
  stream.on('data', (packet) => listener.take(packet));
  await hear(stream, listener);
  assert.ok(listener.loudness() > 1_000, `loudness ${listener.loudness()}`);
  assert.ok(listener.shareAt(PITCH_HZ) > 0.9, `${listener.shareAt(PITCH_HZ)} of the power at ${PITCH_HZ} Hz`);
  assert.ok(listener.shareAt(1_000) < 0.01);
});

await check('nobody hears who is muted by the guild', async () => {
  const mute = async (isMuted) => {
    const told = next(ear, Events.VoiceStateUpdate, (_, now) => now.id === player.user.id && now.serverMute === isMuted);
    await owner.call('PATCH', `/guilds/${stage.guildId}/members/${player.user.id}`, { mute: isMuted });
    await told;
  };
  await mute(true);
  // What was on its way has come once this much more was sent.
  await tone.more(10);
  const heard = listener.packets;
  await tone.more(25);
  assert.equal(listener.packets, heard);
  await mute(false);
  await hear(stream, listener);
});

await check('both go on after their sockets are cut', async () => {
  const back = [playing, hearing].map(async (connection) => {
    await next(connection, 'stateChange', (_, now) => now.status !== VoiceConnectionStatus.Ready);
    await entersState(connection, VoiceConnectionStatus.Ready, PATIENCE_MS);
  });
  assert.ok((await cutSockets()) >= 4);
  await Promise.all(back);
  await hear(stream, listener);
  assert.ok(listener.shareAt(PITCH_HZ) > 0.9);
});

await check('both are moved while one plays, and the tone goes on in the new room', async () => {
  const made = await owner.call('POST', `/guilds/${stage.guildId}/channels`, { name: 'upstairs', type: ChannelType.GuildVoice });
  for (const { user } of [player, ear]) {
    const told = next(ear, Events.VoiceStateUpdate, (_, now) => now.id === user.id && now.channelId === made.id);
    await owner.call('PATCH', `/guilds/${stage.guildId}/members/${user.id}`, { channel_id: made.id });
    await told;
  }
  await hear(stream, listener);
  assert.ok(listener.shareAt(PITCH_HZ) > 0.9);
  for (const connection of [playing, hearing]) {
    assert.equal(connection.joinConfig.channelId, made.id);
    assert.equal(connection.state.status, VoiceConnectionStatus.Ready);
  }
});

await check('who leaves is no longer in the room', async () => {
  const gone = next(ear, Events.VoiceStateUpdate, (_, now) => now.id === player.user.id && now.channelId === null);
  music.stop(true);
  playing.destroy();
  await gone;
  hearing.destroy();
});

await player.destroy();
await ear.destroy();
console.log(process.exitCode ? 'failed' : 'done');
process.exit();
