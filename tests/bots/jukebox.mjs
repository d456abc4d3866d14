// A music bot that also listens, for calls with browsers (web/test/e2e): plays a tone in CHANNEL_ID, and tells each second on its
// standard output what it decoded of whom. As bots do, it comes back by itself when its connection is lost.
import { Client, Events, GatewayIntentBits } from 'discord.js';
import {
  createAudioPlayer, createAudioResource, EndBehaviorType, entersState, joinVoiceChannel, NoSubscriberBehavior, StreamType,
  VoiceConnectionStatus,
} from '@discordjs/voice';
import { rest, stage } from './stage.mjs';
import { Listener, Tone } from './tone.mjs';

const PITCH_HZ = 440;
const COMES_BACK_WITHIN_MS = 5_000;

const client = new Client({ intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildVoiceStates], rest });
client.on(Events.Error, (error) => tell({ error: error.message }));
client.on(Events.ShardError, (error) => tell({ error: error.message }));
process.on('unhandledRejection', (error) => tell({ error: String(error) }));

const tone = new Tone(PITCH_HZ);
const music = createAudioPlayer({ behaviors: { noSubscriber: NoSubscriberBehavior.Play } });
music.on('error', (error) => tell({ error: error.message }));
music.play(createAudioResource(tone, { inputType: StreamType.Opus }));

function tell(what) {
  console.log(JSON.stringify(what));
}

/** What was decoded of each person. */
const heard = new Map();
let connection;

function join() {
  const guild = client.guilds.cache.get(stage.guildId);
  if (!guild?.available) return;
  connection?.destroy();
  connection = joinVoiceChannel({
    guildId: guild.id, channelId: process.env.CHANNEL_ID, adapterCreator: guild.voiceAdapterCreator, selfDeaf: false,
  });
  connection.subscribe(music);
  connection.on('error', (error) => tell({ error: error.message }));
  connection.on('stateChange', (_, { status }) => tell({ status }));
  const own = connection;
  own.receiver.speaking.on('start', (id) => listen(own, id));
  own.on(VoiceConnectionStatus.Disconnected, () => {
    const signs = [VoiceConnectionStatus.Signalling, VoiceConnectionStatus.Connecting, VoiceConnectionStatus.Ready];
    Promise.any(signs.map((sign) => entersState(own, sign, COMES_BACK_WITHIN_MS))).catch(() => own === connection && join());
  });
}

function listen(own, id) {
  if (own.receiver.subscriptions.has(id)) return;
  const stream = own.receiver.subscribe(id, { end: { behavior: EndBehaviorType.Manual } });
  const listener = heard.get(id) ?? new Listener();
  heard.set(id, listener);
  stream.on('data', (packet) => listener.take(packet));
  stream.on('error', (error) => tell({ error: error.message }));
}

client.on(Events.ClientReady, join);
// A new session of the gateway knows nothing of voice.
client.on(Events.ShardReady, () => client.isReady() && join());
client.on(Events.GuildAvailable, () => connection?.state.status !== VoiceConnectionStatus.Ready && join());

setInterval(() => {
  const people = [...heard].map(([id, of]) => [id, { packets: of.packets, loudness: Math.round(of.loudness()) }]);
  tell({ played: Math.round(tone.at / 960), heard: Object.fromEntries(people) });
}, 1_000);

process.stdin.on('end', () => process.exit()).resume();
await client.login(stage.token);
