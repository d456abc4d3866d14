// A lived-in place on the real server: people with faces and colours, rooms, and an evening's talk. For pictures of the client.
import type { Browser } from 'playwright-core';
import { WebSocket } from 'ws';
import { register, type Person } from './people';
import type { TestServer } from './server';

/** Who lives here: name, and what their line of status says. */
const PEOPLE = {
  mira: { name: 'Mira', status: 'online', line: 'soup duty' },
  june: { name: 'June Park', status: 'online', line: 'kneading dough' },
  ravi: { name: 'Ravi', status: 'idle', line: 'on the 18:02 home' },
  tomasz: { name: 'Tomasz', status: 'online', line: '' },
  adaeze: { name: 'Adaeze', status: 'dnd', line: '' },
  kofi: { name: 'Kofi', status: 'idle', line: '' },
  lena: { name: 'Lena', status: 'online', line: '' },
  oskar: { name: 'Oskar', status: 'online', line: 'practising scales' },
  priya: { name: 'Priya', status: null, line: '' },
  sam: { name: 'Sam', status: null, line: '' },
  noor: { name: 'نور', status: 'online', line: 'أخبز الخبز' },
} as const;
export type Name = keyof typeof PEOPLE;

export interface Community {
  people: Record<Name, Person & { id: string }>;
  guild: string;
  /** Channels of the house by name. */
  rooms: Record<string, string>;
  /** A place whose talk is Arabic. */
  arabic: { guild: string; room: string };
  /** A server with nobody and nothing in it yet. */
  emptyRoom: string;
  invite: string;
  /** A conversation of June with Mira, and one of several. */
  direct: string;
  group: string;
  /** Messages by a word for each. */
  messages: Record<string, string>;
  /** Everyone goes offline. */
  close: () => void;
}

interface Made {
  id: string;
}

/** Fills a fresh server. */
export async function settle(server: TestServer, browser: Browser): Promise<Community> {
  const sockets: WebSocket[] = [];
  const origin = server.url;
  const mira = await named(
    await register(origin, 'mira', {
      global_name: PEOPLE.mira.name,
      setup_token: new URL(server.setupLink).hash.slice(1),
    }),
  );
  const guild = (await mira.call<Made>('POST', '/guilds', { name: 'Maple House' })).id;
  for (const made of await mira.call<Made[]>('GET', `/guilds/${guild}/channels`))
    await mira.call('DELETE', `/channels/${made.id}`);
  const rooms: Record<string, string> = {};
  const room = async (name: string, type: number, parent: string | null, extra: object = {}) => {
    const body = { name, type, ...(parent && { parent_id: rooms[parent] }), ...extra };
    rooms[name] = (await mira.call<Made>('POST', `/guilds/${guild}/channels`, body)).id;
  };
  await room('house-rules', 0, null, { topic: 'Short, and kept' });
  await room('Living room', 4, null);
  await room('Rooms to talk', 4, null);
  for (const name of ['hallway', 'garden', 'film-night', 'deals']) await room(name, 0, 'Living room');
  await room('kitchen', 0, 'Living room', {
    topic: 'What’s cooking, who’s eating, and whose turn is it to clean',
    position: 2,
  });
  await room('landlord', 0, 'Living room', {
    permission_overwrites: [{ id: guild, type: 0, deny: '1024', allow: '0' }],
  });
  for (const name of ['Fireside', 'Study hall', 'Porch']) await room(name, 2, 'Rooms to talk');
  const kitchen = rooms['kitchen'] ?? '';
  const { code } = await mira.call<{ code: string }>('POST', `/channels/${kitchen}/invites`, { max_age: 0 });

  const people = { mira } as Community['people'];
  for (const [username, { name }] of Object.entries(PEOPLE)) {
    if (username === 'mira') continue;
    const one = await named(await register(origin, username, { global_name: name, invite: code }));
    await one.call('POST', `/invites/${code}`, {});
    people[username as Name] = one;
  }
  const role = async (name: string, color: number, names: Name[]): Promise<void> => {
    const { id } = await mira.call<Made>('POST', `/guilds/${guild}/roles`, { name, color, hoist: true });
    for (const one of names) await mira.call('PUT', `/guilds/${guild}/members/${people[one].id}/roles/${id}`);
  };
  // the newest stands lowest
  await role('Hosts', 0xe88a4f, ['mira', 'ravi']);
  await role('Bakers', 0x7aa7e8, ['tomasz', 'june', 'adaeze']);
  for (const [username, { status, line }] of Object.entries(PEOPLE)) {
    const one = people[username as Name];
    if (line) await one.call('PATCH', '/users/@me/settings', { custom_status: { text: line } });
    if (status && username !== 'june') sockets.push(await connect(origin, one.token, status, line));
  }
  await people.mira.call('PATCH', '/users/@me', {
    bio: 'Keeper of the big pot. Ask me about miso.',
    pronouns: 'she/her',
  });

  const { june, tomasz, adaeze, ravi, noor, kofi, lena, oskar } = people;
  const messages: Record<string, string> = {};
  messages['rules'] = await mira.say(
    rooms['house-rules'] ?? '',
    '# Maple House\n1. Whoever cooks does not clean.\n2. The porch light stays on until everyone is home.\n> Be kind. It is a small house.',
  );
  await lena.say(kitchen, 'Does anyone have a spare proofing basket? Mine has a crack.');
  await kofi.say(kitchen, 'Second shelf, behind the flour. Take the round one.');
  messages['starter'] = await tomasz.say(
    kitchen,
    'Starter doubled in five hours. I think we can bake **tonight** instead of tomorrow.',
  );
  await tomasz.say(kitchen, 'Rye in the morning, if there is any left.');
  await adaeze.say(
    kitchen,
    'Wrote us a tiny oven timer so nobody burns it again:\n```rust\nfn bake(loaf: &mut Loaf) -> Crust {\n    oven.preheat(250);               // lid on\n    loaf.rest(minutes(20));\n    oven.bake(loaf, minutes(45))\n}\n```',
  );
  const seen = await june.say(kitchen, 'Lovely. I’ll watch it.');
  await june.call('PATCH', `/channels/${kitchen}/messages/${seen}`, { content: 'Lovely, I’ll watch it.' });
  messages['soup'] = await upload(
    mira,
    kitchen,
    'Then soup too. Last week’s, for the record — the secret is ||white miso, at the end||',
    await paint(browser),
    { message_reference: { message_id: messages['starter'] } },
  );
  for (const [emoji, from] of [
    ['🔥', [june, tomasz, ravi, kofi, lena, oskar]],
    ['🍞', [tomasz, adaeze, lena, kofi]],
    ['🫶', [ravi, oskar]],
  ] as const)
    for (const one of from)
      await one.call(
        'PUT',
        `/channels/${kitchen}/messages/${messages['soup']}/reactions/${encodeURIComponent(emoji)}/@me`,
      );
  messages['table'] = await ravi.say(
    kitchen,
    `<@${june.id}> can you bring the long table from the porch? I’m stuck on a train until 19:10`,
  );
  messages['last'] = await oskar.say(
    kitchen,
    `Setting eight places, shout in <#${rooms['hallway']}> if you’re number nine.`,
  );
  await mira.call('PUT', `/channels/${kitchen}/pins/${messages['starter']}`);
  await mira.say(rooms['garden'] ?? '', 'The tulips are up 🌷');
  await kofi.say(rooms['film-night'] ?? '', `<@${june.id}> your turn to pick`);
  await oskar.say(rooms['hallway'] ?? '', 'Keys are under the blue pot.');
  // read as far as June's own words
  await june.call('POST', `/channels/${kitchen}/messages/${seen}/ack`, { token: null });

  for (const one of [mira, tomasz, ravi, kofi, oskar, lena]) {
    await one.call('POST', '/users/@me/relationships', { username: 'june' });
    if (one !== lena && one !== oskar) await june.call('PUT', `/users/@me/relationships/${one.id}`, {});
  }
  await june.call('PUT', `/users/@me/relationships/${people.sam.id}`, { type: 2 });
  const open = (recipients: string[]): Promise<Made> =>
    june.call<Made>('POST', '/users/@me/channels', { recipients });
  const direct = (await open([mira.id])).id;
  await mira.say(direct, 'Are you home before the rain?');
  await june.say(direct, 'Ten minutes. Leave the porch light on');
  await mira.say(direct, 'Done 💡');
  const group = (await open([mira.id, tomasz.id, kofi.id])).id;
  await june.call('PATCH', `/channels/${group}`, { name: 'Sunday hike' });
  await tomasz.say(group, 'Eight o’clock, boots on?');
  await kofi.say(group, 'Boots on. I bring tea.');

  const arabic = (await noor.call<Made>('POST', '/guilds', { name: 'بيت القيقب' })).id;
  const place = (await noor.call<(Made & { type: number })[]>('GET', `/guilds/${arabic}/channels`)).find(
    (one) => one.type === 0,
  );
  const arabicRoom = place?.id ?? '';
  await noor.call('PATCH', `/channels/${arabicRoom}`, { name: 'المطبخ', topic: 'ماذا نطبخ، ومن يأكل' });
  await noor.call('POST', `/guilds/${arabic}/channels`, { name: 'الحديقة', type: 0 });
  const arabicInvite = await noor.call<{ code: string }>('POST', `/channels/${arabicRoom}/invites`, {});
  for (const one of [june, mira, tomasz]) await one.call('POST', `/invites/${arabicInvite.code}`, {});
  const bread = await noor.say(arabicRoom, 'تضاعفت الخميرة في خمس ساعات. نخبز **الليلة** بدل الغد.');
  await mira.say(arabicRoom, 'Then soup too, at 19:10', { message_reference: { message_id: bread } });
  await noor.say(arabicRoom, `<@${june.id}> هل تحضرين الطاولة الطويلة من الشرفة؟ أنا في القطار حتى 19:10`);
  await tomasz.say(arabicRoom, 'الوصفة هنا:\n```js\nbake(loaf, { minutes: 45 });\n```\nو#hallway للضيوف');
  const empty = (await june.call<Made>('POST', '/guilds', { name: 'Book club' })).id;
  const emptyRoom = (await june.call<(Made & { type: number })[]>('GET', `/guilds/${empty}/channels`)).find(
    (one) => one.type === 0,
  );
  return {
    people,
    guild,
    rooms,
    arabic: { guild: arabic, room: arabicRoom },
    emptyRoom: `/channels/${empty}/${emptyRoom?.id ?? ''}`,
    invite: code,
    direct,
    group,
    messages,
    close: () => sockets.forEach((socket) => socket.terminate()),
  };
}

async function named(person: Person): Promise<Person & { id: string }> {
  const { id } = await person.call<Made>('GET', '/users/@me');
  return Object.assign(person, { id });
}

/** Says something with a picture. */
async function upload(
  who: Person,
  channel: string,
  content: string,
  png: Buffer,
  extra: object,
): Promise<string> {
  const form = new FormData();
  const attachments = [
    { id: 0, filename: 'soup.png', description: 'A red pot steams under a lamp, by a window at dusk' },
  ];
  form.set('payload_json', JSON.stringify({ content, attachments, ...extra }));
  form.set('files[0]', new Blob([new Uint8Array(png)], { type: 'image/png' }), 'soup.png');
  return (await who.send<Made>('POST', `/channels/${channel}/messages`, form)).id;
}

/** Somebody's client, as far as others notice it. Resolves once they are seen. */
function connect(origin: string, token: string, status: string, line: string): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${origin.replace('http', 'ws')}/gateway?v=10&encoding=json`);
    socket.on('error', reject);
    socket.on('message', (data: Buffer) => {
      const { op, t, d } = JSON.parse(data.toString()) as {
        op: number;
        t: string;
        d: { heartbeat_interval: number };
      };
      if (op === 10) {
        const beat = setInterval(() => socket.send('{"op":1,"d":null}'), d.heartbeat_interval);
        socket.on('close', () => clearInterval(beat));
        const properties = { os: 'linux', browser: 'look', device: '' };
        const said = { type: 4, name: 'Custom Status', state: line };
        const presence = { status, since: 0, activities: line ? [said] : [], afk: false };
        socket.send(JSON.stringify({ op: 2, d: { token, properties, presence } }));
      }
      if (t === 'READY') resolve(socket);
    });
  });
}

/** A kitchen at dusk, drawn by the browser. */
async function paint(browser: Browser): Promise<Buffer> {
  const page = await browser.newPage({ viewport: { width: 880, height: 400 } });
  await page.setContent(`<body style="margin:0"><svg width="880" height="400" viewBox="0 0 880 400">
    <defs><linearGradient id="dusk" x2="0" y2="1"><stop stop-color="#3b3a66"/><stop offset=".6" stop-color="#d9825a"/><stop offset="1" stop-color="#f0b27a"/></linearGradient>
    <radialGradient id="lamp"><stop stop-color="#f3d9a4"/><stop offset=".45" stop-color="#a97f56" stop-opacity=".7"/><stop offset="1" stop-color="#3a2a24" stop-opacity="0"/></radialGradient></defs>
    <rect width="880" height="400" fill="#3a2a24"/><circle cx="620" cy="110" r="260" fill="url(#lamp)"/>
    <g><rect x="70" width="230" height="250" fill="#2c211c"/><rect x="84" width="98" height="118" fill="url(#dusk)"/><rect x="190" width="98" height="118" fill="url(#dusk)"/>
    <rect x="84" y="126" width="98" height="112" fill="#c0708a"/><rect x="190" y="126" width="98" height="112" fill="#e0976a"/>
    <path d="M84 190q50-40 98-6v54H84zM190 186q60-36 98 10v42h-98z" fill="#4b3852"/></g>
    <path d="M620 0v70" stroke="#1d1512" stroke-width="6"/><path d="M566 124a54 54 0 01108 0z" fill="#d96f3f"/>
    <g fill="none" stroke="#f0e2cf" stroke-width="9" stroke-linecap="round"><path d="M560 150q-16 18 0 34t0 34M620 146q-16 18 0 34t0 34M680 150q-16 18 0 34t0 34"/></g>
    <rect y="312" width="880" height="88" fill="#7c4f35"/><rect y="312" width="880" height="8" fill="#9c6a49"/>
    <rect x="484" y="226" width="272" height="22" rx="11" fill="#d96f3f"/><path d="M498 248h244v62a22 22 0 01-22 22H520a22 22 0 01-22-22z" fill="#b5452b"/>
    <rect x="460" y="262" width="40" height="16" rx="8" fill="#b5452b"/><rect x="740" y="262" width="40" height="16" rx="8" fill="#b5452b"/>
    <ellipse cx="250" cy="322" rx="92" ry="14" fill="#e9dcc9"/><path d="M176 316q74-70 150 0z" fill="#c98d4f"/><path d="M216 300l20-20M246 296l20-22M278 300l18-18" stroke="#8d5a2c" stroke-width="5"/></svg></body>`);
  const png = await page.screenshot();
  await page.close();
  return png;
}
