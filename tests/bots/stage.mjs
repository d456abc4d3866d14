// What the Node programs share: their place on the stage (see stage.py), checks by name, waiting for events, cutting sockets.
import { connect } from 'node:net';

// How long an event is waited for before its absence is a failure, milliseconds.
const PATIENCE_MS = 10_000;

export const stage = {
  origin: process.env.HEARTH_ORIGIN,
  cutPort: Number(process.env.HEARTH_CUT_PORT),
  guildId: process.env.GUILD_ID,
  applicationId: process.env.APPLICATION_ID,
  token: process.env.BOT_TOKEN,
  otherToken: process.env.OTHER_BOT_TOKEN,
};

/** Where discord.js finds this server instead of its own. */
export const rest = {
  api: `${stage.origin}/api`,
  cdn: `${stage.origin}/cdn`,
  mediaProxy: `${stage.origin}/cdn`,
};

/** A person who speaks plain HTTP. */
class Person {
  constructor(id, token) {
    this.id = id;
    this.token = token;
  }

  async call(method, path, body) {
    const answer = await fetch(`${stage.origin}/api/v10${path}`, {
      method,
      headers: { Authorization: this.token, 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  }

  post(channelId, content, more = {}) {
    return this.call('POST', `/channels/${channelId}/messages`, { content, ...more });
  }
}

export const owner = new Person(process.env.OWNER_ID, process.env.OWNER_TOKEN);
export const friend = new Person(process.env.FRIEND_ID, process.env.FRIEND_TOKEN);

/** Runs one check; what fails is told at once and remembered for the exit status. */
export async function check(name, run) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`not ok ${name}\n${error?.stack ?? error}`);
    if (error?.rawError) console.log(JSON.stringify(error.rawError));
  }
}

/** The next event that `isWanted` likes; listens from the call on. */
export function next(emitter, event, isWanted = () => true) {
  return new Promise((resolve, reject) => {
    const listen = (...values) => {
      if (!isWanted(...values)) return;
      clearTimeout(timer);
      emitter.off(event, listen);
      resolve(values);
    };
    const timer = setTimeout(() => {
      emitter.off(event, listen);
      reject(new Error(`no ${event} within ${PATIENCE_MS} ms`));
    }, PATIENCE_MS);
    emitter.on(event, listen);
  });
}

/** Ends every gateway socket without a close frame; answers how many there were. */
export function cutSockets() {
  return new Promise((resolve, reject) => {
    const control = connect(stage.cutPort, '127.0.0.1', () => control.write('cut\n'));
    control.on('data', (answer) => resolve(Number(answer)));
    control.on('error', reject);
  });
}

/** The error that a call must end with. */
export async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('was not refused');
}
