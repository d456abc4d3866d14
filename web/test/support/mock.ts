// A stand-in server with one furnished guild: enough of the wire to look at every page of the client without the real one.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createDeflate, constants } from 'node:zlib';
import { WebSocketServer, type WebSocket } from 'ws';
import { idAt } from '../../src/api/snowflake';
import type { Channel, FullGuild, Member, Message, OwnUser, User } from '../../src/api/types';
import { serveClient } from './serve';

const NOW = Date.now();
const MINUTE = 60_000;
let low = 1;
const id = (agoMs = 0): string => idAt(NOW - agoMs, low++);

const person = (username: string, name: string): User => ({
  id: id(90 * 86_400_000),
  username,
  global_name: name,
  avatar: null,
});
const june = person('june', 'June Park');
const mira = person('mira', 'Mira');
const ravi = person('ravi', 'Ravi');
const tomasz = person('tomasz', 'Tomasz');
const adaeze = person('adaeze', 'Adaeze');
const ladle: User = { ...person('ladle', 'Ladle'), bot: true };
const others = ['Kofi', 'Lena', 'Oskar', 'Priya', 'Sam'].map((name) => person(name.toLowerCase(), name));
const people = [june, mira, ravi, tomasz, adaeze, ladle, ...others];

const guildId = id(80 * 86_400_000);
const role = (name: string, color: number, position: number, hoist = true, permissions = '0') => ({
  id: id(70 * 86_400_000),
  name,
  color,
  hoist,
  position,
  permissions,
  managed: false,
  mentionable: true,
});
const hosts = role('Hosts', 0xe8763a, 3);
const bakers = role('Bakers', 0x4a78c8, 2);
const everyone = { ...role('@everyone', 0, 0, false, '2107735977479745'), id: guildId };
const rolesOf = new Map([
  [mira.id, [hosts.id]],
  [ravi.id, [hosts.id]],
  [tomasz.id, [bakers.id]],
  [june.id, [bakers.id]],
  [adaeze.id, [bakers.id]],
]);
const member = (user: User): Member => ({
  user,
  nick: null,
  roles: rolesOf.get(user.id) ?? [],
  joined_at: new Date(NOW - 60 * 86_400_000).toISOString(),
});

const channel = (
  type: number,
  name: string,
  position: number,
  parent?: string,
  extra: Partial<Channel> = {},
): Channel => ({
  id: id(60 * 86_400_000),
  type,
  guild_id: guildId,
  name,
  position,
  parent_id: parent ?? null,
  permission_overwrites: [],
  last_message_id: null,
  ...extra,
});
const rules = channel(5, 'house-rules', 0);
const living = channel(4, 'Living room', 1);
const talkRooms = channel(4, 'Rooms to talk', 2);
const hallway = channel(0, 'hallway', 0, living.id);
const kitchen = channel(0, 'kitchen', 1, living.id, {
  topic: 'What’s cooking, who’s eating, and whose turn is it to clean',
});
const garden = channel(0, 'garden', 2, living.id);
const film = channel(0, 'film-night', 3, living.id);
const landlord = channel(0, 'landlord', 5, living.id, {
  permission_overwrites: [{ id: guildId, type: 0, allow: '0', deny: '1024' }],
});
const fireside = channel(2, 'Fireside', 0, talkRooms.id);
const porch = channel(2, 'Porch', 1, talkRooms.id);
const channels = [rules, living, talkRooms, hallway, kitchen, garden, film, landlord, fireside, porch];
const direct: Channel = { id: id(50 * 86_400_000), type: 1, recipients: [mira], last_message_id: null };
const second: Channel = { id: id(50 * 86_400_000), type: 1, recipients: [tomasz], last_message_id: null };

/** A guild one is not in. */
const lantern = id(30 * 86_400_000);

const messages = new Map<string, Message[]>();
function say(
  where: Channel,
  author: User,
  minutesAgo: number,
  content: string,
  extra: Partial<Message> = {},
): Message {
  const message: Message = {
    id: id(minutesAgo * MINUTE),
    channel_id: where.id,
    author,
    content,
    timestamp: new Date(NOW - minutesAgo * MINUTE).toISOString(),
    edited_timestamp: null,
    mention_everyone: false,
    mentions: [],
    mention_roles: [],
    attachments: [],
    embeds: [],
    pinned: false,
    type: 0,
    ...extra,
  };
  messages.set(where.id, [...(messages.get(where.id) ?? []), message]);
  where.last_message_id = message.id;
  return message;
}

for (let n = 0; n < 140; n++) {
  say(
    kitchen,
    people[n % 5] ?? june,
    6000 - n * 20,
    `Note ${n + 1} of the long winter: ${'flour '.repeat((n % 7) + 1)}`,
  );
}
const starter = say(
  kitchen,
  tomasz,
  60,
  'Starter doubled in five hours. I think we can bake **tonight** instead of tomorrow.',
);
say(
  kitchen,
  adaeze,
  55,
  'Wrote us a tiny oven timer so nobody burns it again:\n```rust\nfn bake(loaf: &mut Loaf) -> Crust {\n    oven.preheat(250);             // lid on\n    loaf.rest(minutes(20));\n    oven.bake(loaf, minutes(45))\n}\n```',
);
const lastRead = say(kitchen, june, 52, 'Lovely. I’ll watch it.', {
  edited_timestamp: new Date(NOW - 51 * MINUTE).toISOString(),
});
say(kitchen, mira, 41, 'Then soup too. Last week’s, for the record — the secret is ||one spoon of miso||', {
  type: 19,
  message_reference: { message_id: starter.id, channel_id: kitchen.id },
  referenced_message: starter,
  reactions: [
    { emoji: { id: null, name: '🔥' }, count: 6, me: true },
    { emoji: { id: null, name: '🍞' }, count: 4, me: false },
    { emoji: { id: null, name: '🫶' }, count: 2, me: false },
  ],
});
say(kitchen, ladle, 40, '', {
  embeds: [
    {
      title: 'Miso soup',
      color: 0xe8763a,
      description: 'Serves **four**, ready in 20 minutes.',
      fields: [
        { name: 'Broth', value: 'Dashi, 1 l', inline: true },
        { name: 'Miso', value: '3 tbsp', inline: true },
      ],
      footer: { text: 'From the house book' },
    },
  ],
});
say(
  kitchen,
  ravi,
  39,
  `<@${june.id}> can you bring the long table from the porch? I’m stuck on a train until 19:10`,
  {
    mentions: [june],
  },
);
say(kitchen, june, 38, `On it. Setting eight places, shout in <#${hallway.id}> if you’re number nine.`);
say(garden, mira, 20, 'Tulips are up.');
say(film, ravi, 10, `<@${june.id}> your turn to choose`, { mentions: [june] });
say(hallway, ravi, 300, 'Boots off, please.');
say(rules, mira, 9000, '# House rules\n1. Be kind\n2. Clean what you cook in\n3. > The fire stays lit');
say(direct, mira, 12, 'Did you find the **big** pot?');
say(direct, june, 11, 'Under the stairs, of course 😄');
say(second, tomasz, 5, 'Saturday?');

const guild: FullGuild = {
  id: guildId,
  name: 'Maple House',
  icon: null,
  owner_id: june.id,
  roles: [everyone, hosts, bakers],
  member_count: people.length,
  channels,
  members: people.map(member),
  presences: [],
};
const small = (name: string): FullGuild => {
  const own = id(40 * 86_400_000);
  return {
    ...guild,
    id: own,
    name,
    owner_id: mira.id,
    roles: [{ ...everyone, id: own }],
    member_count: 2,
    members: [member(june), member(mira)],
    channels: [{ ...channel(0, 'general', 0), guild_id: own }],
  };
};
const guilds = [guild, small('Night Trains'), small('Rust Study'), small('Board Game Club'), small('Choir')];
const me: OwnUser = {
  ...june,
  email: null,
  locale: 'en-US',
  bio: 'Kneading dough.',
  pronouns: 'she/her',
  banner: null,
  flags: 0,
};

function ready() {
  const status = (user: User, kind: string, text?: string) => ({
    user: { id: user.id },
    status: kind,
    activities: text ? [{ name: 'Custom Status', type: 4, state: text }] : [],
  });
  return {
    v: 10,
    user: me,
    user_settings: {
      theme: 'dark',
      locale: 'en-US',
      status: 'online',
      custom_status: { text: 'kneading dough' },
    },
    read_state: {
      entries: [
        { id: kitchen.id, last_message_id: lastRead.id, mention_count: 1 },
        { id: hallway.id, last_message_id: hallway.last_message_id, mention_count: 0 },
        { id: rules.id, last_message_id: rules.last_message_id, mention_count: 0 },
        { id: film.id, last_message_id: null, mention_count: 1 },
        { id: direct.id, last_message_id: direct.last_message_id, mention_count: 0 },
        { id: second.id, last_message_id: null, mention_count: 1 },
      ],
    },
    guilds,
    private_channels: [direct, second],
    presences: [
      status(mira, 'online', 'in Fireside'),
      status(ravi, 'idle', 'on the 18:02 home'),
      status(tomasz, 'online'),
      status(adaeze, 'dnd'),
      status(ladle, 'online', '/recipe to begin'),
      ...others.slice(0, 3).map((user, index) => status(user, index === 0 ? 'idle' : 'online')),
    ],
    session_id: 'mock',
    auth_session_id_hash: 'this',
    resume_gateway_url: '',
  };
}

/** What was said before any test began. */
const FURNISHED = new Map([...messages]);

export interface Mock {
  url: string;
  ids: { guild: string; kitchen: string; hallway: string; direct: string; starter: string; mira: string };
  /** Sends one dispatch to every open client. */
  dispatch: (t: string, d: unknown) => void;
  /** Someone else says something. */
  say: (text: string) => Message;
  /** How many posts are answered with silence before one is taken. */
  failPosts: (isFailing: boolean) => void;
  /** Cuts every socket. */
  cut: () => void;
  posts: { content: string; nonce: string }[];
  close: () => Promise<void>;
}

/** Starts it on a free port. `isSignedIn`: whether the cookie is taken for granted. */
export async function startMock(): Promise<Mock> {
  messages.clear();
  for (const [where, said] of FURNISHED) messages.set(where, said);
  const sockets = new Set<{ send: (op: number, d: unknown, t?: string) => void; socket: WebSocket }>();
  const posts: { content: string; nonce: string }[] = [];
  let isFailing = false;
  const dispatch = (t: string, d: unknown): void => sockets.forEach((one) => one.send(0, d, t));
  const server: Server = createServer((request, response) => {
    void answer(request)
      .then((result) => {
        if (result === 'page') return serveClient(new URL(request.url ?? '/', 'http://x').pathname, response);
        if (result === 'cut') return void request.socket.destroy();
        response.writeHead(result.status, { 'Content-Type': 'application/json' });
        response.end(result.body === undefined ? '' : JSON.stringify(result.body));
      })
      .catch(() => response.writeHead(500).end());
  });

  async function answer(
    request: IncomingMessage,
  ): Promise<'page' | 'cut' | { status: number; body?: unknown }> {
    const url = new URL(request.url ?? '/', 'http://x');
    if (!url.pathname.startsWith('/api/')) return 'page';
    const path = url.pathname.replace('/api/v10', '');
    const route = `${request.method} ${path}`;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = (chunks.length ? JSON.parse(Buffer.concat(chunks).toString() || '{}') : {}) as Record<
      string,
      unknown
    >;
    const history = /^GET \/channels\/(\d+)\/messages$/.exec(route);
    if (history) return { status: 200, body: page(history[1] ?? '', url.searchParams) };
    const post = /^POST \/channels\/(\d+)\/messages$/.exec(route);
    if (post) {
      if (isFailing) return 'cut';
      const where = [...channels, direct, second].find((one) => one.id === post[1]);
      if (!where) return { status: 404, body: { message: 'Unknown Channel', code: 10003 } };
      posts.push({ content: String(body['content']), nonce: String(body['nonce']) });
      low++;
      const message = say(where, june, 0, String(body['content']), {
        nonce: String(body['nonce']),
        id: idAt(Date.now(), low),
      });
      dispatch('MESSAGE_CREATE', message);
      return { status: 200, body: message };
    }
    if (/\/(typing|ack|reactions\/.*)$/.test(path)) return { status: 204 };
    switch (route) {
      case 'GET /hearth/instance':
        return {
          status: 200,
          body: {
            name: 'Hearth',
            description: null,
            registration: 'invite',
            email_required: false,
            cdn_base: '/cdn',
          },
        };
      case 'POST /hearth/gateway-ticket':
        return { status: 200, body: { ticket: 'ticket' } };
      case 'GET /invites/maple':
        return {
          status: 200,
          body: {
            code: 'maple',
            guild: {
              id: lantern,
              name: 'Lantern Makers',
              icon: null,
              description: 'Paper, glue and patience.',
            },
            channel: { id: kitchen.id, type: 0, name: 'kitchen' },
            inviter: mira,
            approximate_member_count: 20,
            approximate_presence_count: 9,
            expires_at: null,
          },
        };
      case 'GET /auth/sessions':
        return {
          status: 200,
          body: {
            user_sessions: [
              {
                id_hash: 'this',
                approx_last_used_time: new Date().toISOString(),
                client_info: { os: 'Linux', platform: 'Chromium', location: null },
              },
              {
                id_hash: 'that',
                approx_last_used_time: new Date(NOW - 3 * 86_400_000).toISOString(),
                client_info: { os: 'Android', platform: 'Firefox', location: null },
              },
            ],
          },
        };
      case 'GET /applications':
        return {
          status: 200,
          body: [
            {
              id: ladle.id,
              name: 'Ladle',
              icon: null,
              description: '',
              flags: 1 << 19,
              bot_public: true,
              bot: ladle,
            },
          ],
        };
      case 'GET /oauth2/authorize':
        return {
          status: 200,
          body: {
            application: {
              id: ladle.id,
              name: 'Ladle',
              icon: null,
              description: 'Recipes by request.',
              flags: 0,
              bot_public: true,
            },
            user: june,
            authorized: false,
            bot: ladle,
            guilds: [{ id: guildId, name: 'Maple House', icon: null, permissions: '8' }],
          },
        };
      case 'POST /auth/login':
        return {
          status: 400,
          body: {
            code: 50035,
            message: 'Invalid Form Body',
            errors: {
              login: { _errors: [{ code: 'INVALID_LOGIN', message: 'Login or password is invalid.' }] },
              password: { _errors: [{ code: 'INVALID_LOGIN', message: 'Login or password is invalid.' }] },
            },
          },
        };
    }
    if (/^GET \/users\/\d+\/profile$/.test(route)) {
      return {
        status: 200,
        body: {
          user: { ...mira, bio: 'Keeper of the big pot.' },
          user_profile: { bio: 'Keeper of the big pot.', pronouns: 'she/her' },
        },
      };
    }
    if (/^POST \/channels\/\d+\/invites$/.test(route))
      return { status: 200, body: { code: 'maple', channel: null, expires_at: null } };
    return { status: 404, body: { message: '404: Not Found', code: 0 } };
  }

  function page(channelId: string, query: URLSearchParams): Message[] {
    const all = messages.get(channelId) ?? [];
    const limit = Number(query.get('limit') ?? 50);
    const at = (key: string): bigint | null => (query.has(key) ? BigInt(query.get(key) ?? '0') : null);
    const [before, after, around] = [at('before'), at('after'), at('around')];
    if (before !== null)
      return all
        .filter((one) => BigInt(one.id) < before)
        .slice(-limit)
        .reverse();
    if (after !== null)
      return all
        .filter((one) => BigInt(one.id) > after)
        .slice(0, limit)
        .reverse();
    if (around !== null) {
      const index = all.findIndex((one) => BigInt(one.id) >= around);
      return all.slice(Math.max(0, index - limit / 2), index + limit / 2).reverse();
    }
    return all.slice(-limit).reverse();
  }

  const gateway = new WebSocketServer({ server });
  gateway.on('connection', (socket, request) => {
    const isCompressed = (request.url ?? '').includes('compress=zlib-stream');
    const deflate = createDeflate({ flush: constants.Z_SYNC_FLUSH });
    let seq = 0;
    deflate.on('data', (chunk: Buffer) => socket.send(chunk));
    const one = {
      socket,
      send: (op: number, d: unknown, t?: string): void => {
        const text = JSON.stringify({ op, d, s: op === 0 ? ++seq : null, t: t ?? null });
        if (isCompressed) deflate.write(text);
        else socket.send(text);
      },
    };
    one.send(10, { heartbeat_interval: 41250 });
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as { op: number };
      if (frame.op === 1) one.send(11, null);
      if (frame.op === 2) {
        sockets.add(one);
        one.send(0, ready(), 'READY');
      }
      if (frame.op === 6) one.send(9, false);
    });
    socket.on('close', () => sockets.delete(one));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ids: {
      guild: guildId,
      kitchen: kitchen.id,
      hallway: hallway.id,
      direct: direct.id,
      starter: starter.id,
      mira: mira.id,
    },
    dispatch,
    say: (text) => {
      low++;
      const message = say(kitchen, mira, 0, text, { id: idAt(Date.now(), low) });
      dispatch('MESSAGE_CREATE', { ...message, guild_id: guildId });
      return message;
    },
    failPosts: (failing) => (isFailing = failing),
    cut: () => sockets.forEach((one) => one.socket.terminate()),
    posts,
    close: () =>
      new Promise((resolve) => {
        sockets.forEach((one) => one.socket.terminate());
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
