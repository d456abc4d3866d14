// discord.js against the real server: what a bot does in a guild, each assertion on what the library made of the answers.
import assert from 'node:assert/strict';
import {
  ActivityType,
  AuditLogEvent,
  ButtonStyle,
  ChannelType,
  Client,
  ComponentType,
  Events,
  GatewayIntentBits,
  GuildMemberFlags,
  MessageFlags,
  MessageType,
  OverwriteType,
  Partials,
  PermissionFlagsBits,
  WebhookClient,
} from 'discord.js';
import { check, cutSockets, friend, next, owner, refusal, rest, stage } from './stage.mjs';

const { Guilds, GuildMembers, GuildModeration, GuildExpressions, GuildIntegrations, GuildWebhooks, GuildInvites, GuildPresences, GuildMessages } =
  GatewayIntentBits;
const { GuildMessageReactions, GuildMessageTyping, DirectMessages, DirectMessageReactions, DirectMessageTyping, MessageContent } =
  GatewayIntentBits;
const intents = [
  Guilds, GuildMembers, GuildModeration, GuildExpressions, GuildIntegrations, GuildWebhooks, GuildInvites, GuildPresences, GuildMessages,
  GuildMessageReactions, GuildMessageTyping, DirectMessages, DirectMessageReactions, DirectMessageTyping, MessageContent,
];
const client = new Client({ intents, rest, partials: [Partials.Channel, Partials.Message, Partials.Reaction] });
const other = new Client({ intents: [Guilds, GuildMessages], rest });
for (const bot of [client, other]) {
  bot.on(Events.Error, (error) => {
    process.exitCode = 1;
    console.log(`not ok client error\n${error.stack}`);
  });
}
process.on('unhandledRejection', (error) => {
  process.exitCode = 1;
  console.log(`not ok unhandled rejection\n${error?.stack ?? error}`);
});

await check('login and READY', async () => {
  const ready = next(client, Events.ClientReady);
  await client.login(stage.token);
  await ready;
  assert.equal(client.user.id, stage.applicationId);
  assert.equal(client.user.bot, true);
  assert.ok(client.isReady());
});
if (!client.isReady()) process.exit(1);
await check('second bot', async () => {
  const ready = next(other, Events.ClientReady);
  await other.login(stage.otherToken);
  await ready;
});

const guild = client.guilds.cache.get(stage.guildId);
const general = guild?.channels.cache.find((channel) => channel.type === ChannelType.GuildText);

await check('guild cache', async () => {
  assert.ok(guild, 'the guild is in the cache');
  assert.equal(guild.available, true);
  assert.equal(guild.ownerId, owner.id);
  assert.equal(guild.memberCount, 3);
  assert.ok(guild.roles.everyone.permissions.has(PermissionFlagsBits.SendMessages));
  assert.deepEqual(
    [...guild.channels.cache.values()].map((channel) => channel.type).sort((a, b) => a - b),
    [ChannelType.GuildText, ChannelType.GuildVoice, ChannelType.GuildCategory, ChannelType.GuildCategory].slice(0, guild.channels.cache.size),
  );
  const me = guild.members.me;
  assert.ok(me.permissions.has(PermissionFlagsBits.Administrator));
  assert.equal(me.roles.botRole.tags.botId, client.user.id);
  assert.equal(me.roles.botRole.managed, true);
  const fetched = await client.guilds.fetch({ guild: guild.id, withCounts: true, force: true });
  assert.equal(fetched.approximateMemberCount, 3);
  const list = await client.guilds.fetch();
  assert.ok(list.has(guild.id));
});

await check('application', async () => {
  const application = await client.application.fetch();
  assert.equal(application.id, client.user.id);
  assert.equal(application.owner.id, owner.id);
  assert.equal(application.botPublic, true);
  assert.equal(application.approximateGuildCount, 1);
  const edited = await client.application.edit({ description: 'Edited by its bot', tags: ['tests'] });
  assert.equal(edited.description, 'Edited by its bot');
  assert.deepEqual(edited.tags, ['tests']);
  const integrations = await guild.fetchIntegrations();
  assert.equal(integrations.size, 2);
  assert.equal(integrations.get(client.user.id).application.bot.id, client.user.id);
});

await check('own account', async () => {
  const pixel = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
  await client.user.setAvatar(pixel);
  assert.match(client.user.avatar, /^[0-9a-f]{32}$/);
  const picture = await fetch(client.user.avatarURL({ extension: 'png' }));
  assert.equal(picture.status, 200);
  assert.equal(picture.headers.get('content-type'), 'image/png');
});

await check('invites', async () => {
  const created = next(client, Events.InviteCreate);
  const invite = await general.createInvite({ maxAge: 3600, maxUses: 5, unique: true });
  assert.equal((await created)[0].code, invite.code);
  assert.equal(invite.maxUses, 5);
  const looked = await client.rest.get(`/invites/${invite.code}`, { query: new URLSearchParams({ with_counts: 'true' }) });
  assert.equal(looked.guild.id, guild.id);
  assert.equal(looked.approximate_member_count, 3);
  const joined = next(client, Events.GuildMemberAdd, (member) => member.id === friend.id);
  const welcome = next(client, Events.MessageCreate, (message) => message.type === MessageType.UserJoin);
  await friend.call('POST', `/invites/${invite.code}`, {});
  const [member] = await joined;
  assert.equal(member.user.bot, false);
  assert.equal((await welcome)[0].author.id, friend.id);
  assert.equal((await guild.invites.fetch({ code: invite.code, force: true })).uses, 1);
  const deleted = next(client, Events.InviteDelete);
  await invite.delete('done with it');
  assert.equal((await deleted)[0].code, invite.code);
  assert.equal((await refusal(client.fetchInvite(invite.code))).code, 10006);
});

await check('member chunks', async () => {
  const members = await guild.members.fetch();
  assert.equal(members.size, 4);
  const found = await guild.members.fetch({ query: 'djs_fri', limit: 5 });
  assert.deepEqual([...found.keys()], [friend.id]);
  const byId = await guild.members.fetch({ user: [friend.id, owner.id], withPresences: true });
  assert.equal(byId.size, 2);
  const searched = await guild.members.search({ query: 'djs_own' });
  assert.deepEqual([...searched.keys()], [owner.id]);
  const listed = await guild.members.list({ limit: 2 });
  assert.equal(listed.size, 2);
});

await check('send, edit, delete', async () => {
  const heard = next(client, Events.MessageCreate, (message) => message.content === 'hello');
  const sent = await general.send('hello');
  const [echo] = await heard;
  assert.equal(echo.id, sent.id);
  assert.equal(echo.member.id, client.user.id);
  const edited = next(client, Events.MessageUpdate, (_, now) => now.id === sent.id);
  await sent.edit('hello again');
  const [, now] = await edited;
  assert.equal(now.content, 'hello again');
  assert.ok(now.editedTimestamp >= now.createdTimestamp);
  const deleted = next(client, Events.MessageDelete, (message) => message.id === sent.id);
  await sent.delete();
  await deleted;
  assert.equal((await refusal(general.messages.fetch({ message: sent.id, force: true }))).code, 10008);
});

await check('a person speaks', async () => {
  const heard = next(client, Events.MessageCreate, (message) => message.author.id === friend.id);
  const { id } = await friend.post(general.id, 'hi bot');
  const [message] = await heard;
  assert.equal(message.id, id);
  assert.equal(message.content, 'hi bot');
  assert.equal(message.member.displayName, 'djs_friend');
});

await check('replies', async () => {
  const { id } = await friend.post(general.id, 'answer me');
  const target = await general.messages.fetch(id);
  const heard = next(client, Events.MessageCreate, (message) => message.reference?.messageId === id);
  const reply = await target.reply({ content: 'answered', allowedMentions: { repliedUser: true } });
  assert.equal(reply.type, MessageType.Reply);
  assert.equal(reply.mentions.repliedUser.id, friend.id);
  await heard;
  assert.equal((await reply.fetchReference()).id, id);
  const refused = await refusal(general.send({ content: 'x', reply: { messageReference: '1', failIfNotExists: true } }));
  assert.equal(refused.code, 50035);
  const sent = await general.send({ content: 'x', reply: { messageReference: '1', failIfNotExists: false } });
  assert.equal(sent.type, MessageType.Default);
});

await check('embeds', async () => {
  const embed = {
    title: 'Title', description: '*text*', color: 0xff8800, url: 'https://example.org/', timestamp: new Date(0).toISOString(),
    fields: [{ name: 'a', value: '1', inline: true }, { name: 'b', value: '2' }],
    footer: { text: 'foot' }, author: { name: 'somebody' },
  };
  const sent = await general.send({ embeds: [embed] });
  assert.equal(sent.embeds[0].title, 'Title');
  assert.equal(sent.embeds[0].data.type, 'rich');
  assert.equal(sent.embeds[0].fields.length, 2);
  assert.equal(new Date(sent.embeds[0].timestamp).getTime(), 0);
  await sent.suppressEmbeds(true);
  const again = await general.messages.fetch({ message: sent.id, force: true });
  assert.ok(again.flags.has(MessageFlags.SuppressEmbeds));
  const refused = await refusal(general.send({ embeds: [{ title: 'x'.repeat(257) }] }));
  assert.equal(refused.code, 50035);
  assert.ok(refused.rawError.errors.embeds['0'].title._errors[0].code);
});

await check('files', async () => {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, n) => (n * 7) % 251));
  const pixel = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
  const heard = next(client, Events.MessageCreate, (message) => message.content === 'files');
  const sent = await general.send({
    content: 'files',
    embeds: [{ title: 'picture', image: { url: 'attachment://dot.png' } }],
    files: [
      { attachment: bytes, name: 'noise.bin', description: 'nothing to hear' },
      { attachment: pixel, name: 'dot.png' },
      { attachment: Buffer.from('boo'), name: 'SPOILER_end.txt' },
    ],
  });
  assert.equal((await heard)[0].attachments.size, 2, 'the picture shows in its embed');
  const [noise, spoiler] = [...sent.attachments.values()];
  assert.equal(noise.description, 'nothing to hear');
  assert.equal(noise.size, bytes.length);
  assert.equal(spoiler.spoiler, true);
  const back = Buffer.from(await (await fetch(noise.url)).arrayBuffer());
  assert.ok(back.equals(bytes), 'byte for byte');
  assert.equal(sent.embeds[0].image.width, 1);
  assert.equal((await fetch(sent.embeds[0].image.url)).headers.get('content-type'), 'image/png');
  const edited = await sent.edit({ attachments: [spoiler], files: [{ attachment: Buffer.from('new'), name: 'new.txt' }] });
  assert.deepEqual([...edited.attachments.values()].map((file) => file.name), ['SPOILER_end.txt', 'new.txt']);
  assert.equal((await fetch(noise.url)).status, 404);
  const voice = await client.rest.post(`/channels/${general.id}/messages`, {
    body: { flags: MessageFlags.IsVoiceMessage, attachments: [{ id: '0', filename: 'v.ogg', duration_secs: 1.5, waveform: 'AAEC' }] },
    files: [{ name: 'v.ogg', data: Buffer.from('OggS\0\x02\0\0\0\0\0\0\0\0OpusHead', 'latin1'), contentType: 'audio/ogg' }],
  });
  assert.equal(voice.attachments[0].duration_secs, 1.5);
});

await check('custom emoji and stickers', async () => {
  const pixel = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
  const made = next(client, Events.GuildEmojiCreate);
  const emoji = await guild.emojis.create({ attachment: pixel, name: 'dot', reason: 'for dots' });
  assert.equal((await made)[0].name, 'dot');
  assert.equal((await fetch(emoji.imageURL({ extension: 'png' }))).status, 200);
  const message = await general.send(`${emoji}`);
  await message.react(emoji);
  assert.equal((await general.messages.fetch({ message: message.id, force: true })).reactions.cache.get(emoji.id).count, 1);
  const renamed = next(client, Events.GuildEmojiUpdate);
  await emoji.edit({ name: 'point' });
  assert.equal((await renamed)[1].name, 'point');
  const gone = next(client, Events.GuildEmojiDelete);
  await emoji.delete();
  await gone;
  const sticker = await guild.stickers.create({ file: pixel, name: 'dot', tags: 'dot', description: 'a dot' });
  assert.equal(sticker.format, 1);
  const stuck = await general.send({ stickers: [sticker] });
  assert.equal(stuck.stickers.first().name, 'dot');
  await sticker.delete();
});

await check('allowed mentions', async () => {
  const content = `<@${friend.id}> @everyone <@&${guild.members.me.roles.botRole.id}>`;
  const silent = await general.send({ content, allowedMentions: { parse: [] } });
  assert.equal(silent.mentions.users.size, 0);
  assert.equal(silent.mentions.everyone, false);
  assert.equal(silent.mentions.roles.size, 0);
  const users = await general.send({ content, allowedMentions: { users: [friend.id] } });
  assert.deepEqual([...users.mentions.users.keys()], [friend.id]);
  const loud = await general.send(content);
  assert.equal(loud.mentions.everyone, true);
  assert.equal(loud.mentions.roles.size, 1);
  const refused = await refusal(general.send({ content, allowedMentions: { parse: ['users'], users: [friend.id] } }));
  assert.equal(refused.code, 50035);
});

await check('nonce', async () => {
  const nonce = `n${Date.now()}`;
  const heard = next(client, Events.MessageCreate, (message) => message.nonce === nonce);
  const first = await general.send({ content: 'once', nonce, enforceNonce: true });
  await heard;
  const second = await general.send({ content: 'once', nonce, enforceNonce: true });
  assert.equal(second.id, first.id);
});

await check('bulk delete', async () => {
  const messages = [];
  for (let n = 0; n < 5; n += 1) messages.push(await general.send(`bulk ${n}`));
  const gone = next(client, Events.MessageBulkDelete);
  const deleted = await general.bulkDelete(messages);
  assert.equal(deleted.size, 5);
  assert.equal((await gone)[0].size, 5);
  const refused = await refusal(client.rest.post(`/channels/${general.id}/messages/bulk-delete`, { body: { messages: [messages[0].id] } }));
  assert.equal(refused.code, 50016);
});

await check('reactions', async () => {
  const { id } = await friend.post(general.id, 'react to me');
  const message = await general.messages.fetch(id);
  const added = next(client, Events.MessageReactionAdd, (reaction, user) => user.id === friend.id);
  await message.react('🔥');
  await friend.call('PUT', `/channels/${general.id}/messages/${id}/reactions/${encodeURIComponent('🔥')}/@me`);
  const [reaction] = await added;
  assert.equal(reaction.emoji.name, '🔥');
  const fetched = await general.messages.fetch({ message: id, force: true });
  assert.equal(fetched.reactions.cache.get('🔥').count, 2);
  assert.equal(fetched.reactions.cache.get('🔥').me, true);
  const users = await fetched.reactions.cache.get('🔥').users.fetch();
  assert.deepEqual([...users.keys()].sort(), [friend.id, client.user.id].sort());
  const removed = next(client, Events.MessageReactionRemove, (_, user) => user.id === friend.id);
  await fetched.reactions.cache.get('🔥').users.remove(friend.id);
  await removed;
  await message.react('👍');
  const cleared = next(client, Events.MessageReactionRemoveEmoji);
  await fetched.reactions.resolve('👍')?.remove();
  if (!fetched.reactions.resolve('👍')) await client.rest.delete(`/channels/${general.id}/messages/${id}/reactions/${encodeURIComponent('👍')}`);
  await cleared;
  const all = next(client, Events.MessageReactionRemoveAll);
  await fetched.reactions.removeAll();
  await all;
  assert.equal((await refusal(message.react('notanemoji:123456789012345678'))).code, 10014);
});

await check('pins', async () => {
  const sent = await general.send('pin me');
  const updated = next(client, Events.ChannelPinsUpdate);
  const notice = next(client, Events.MessageCreate, (message) => message.type === MessageType.ChannelPinnedMessage);
  await sent.pin('worth keeping');
  await updated;
  assert.equal((await notice)[0].reference.messageId, sent.id);
  const pins = await general.messages.fetchPins();
  assert.equal(pins.items[0].message.id, sent.id);
  assert.equal(pins.items[0].message.pinned, true);
  assert.equal(pins.hasMore, false);
  await sent.unpin();
  assert.equal((await general.messages.fetchPins()).items.length, 0);
});

await check('typing', async () => {
  const started = next(client, Events.TypingStart, (typing) => typing.user.id === other.user.id);
  await other.channels.cache.get(general.id).sendTyping();
  const [typing] = await started;
  assert.equal(typing.channel.id, general.id);
  assert.equal(typing.member.id, other.user.id);
});

await check('history in four directions', async () => {
  const ids = [];
  for (let n = 0; n < 7; n += 1) ids.push((await general.send(`history ${n}`)).id);
  const keys = async (options) => [...(await general.messages.fetch({ cache: false, ...options })).keys()];
  const newestFirst = (list) => [...list].reverse();
  assert.deepEqual(await keys({ limit: 3 }), newestFirst(ids.slice(4)));
  assert.deepEqual(await keys({ limit: 3, before: ids[4] }), newestFirst(ids.slice(1, 4)));
  assert.deepEqual(await keys({ limit: 3, after: ids[1] }), newestFirst(ids.slice(2, 5)));
  assert.deepEqual(await keys({ limit: 3, around: ids[3] }), newestFirst(ids.slice(2, 5)));
  assert.equal((await refusal(general.messages.fetch({ limit: 101 }))).code, 50035);
});

await check('channels and overwrites', async () => {
  const made = next(client, Events.ChannelCreate, (channel) => channel.name === 'workshop');
  const category = await guild.channels.create({ name: 'workshop', type: ChannelType.GuildCategory });
  await made;
  const channel = await guild.channels.create({
    name: 'Tool Bench', type: ChannelType.GuildText, parent: category.id, topic: 'tools', rateLimitPerUser: 5, nsfw: true,
    permissionOverwrites: [{ id: guild.roles.everyone.id, type: OverwriteType.Role, deny: [PermissionFlagsBits.ViewChannel] }],
  });
  assert.equal(channel.name, 'tool-bench');
  assert.equal(channel.parentId, category.id);
  assert.equal(channel.topic, 'tools');
  assert.equal(channel.rateLimitPerUser, 5);
  assert.ok(channel.permissionOverwrites.cache.get(guild.id).deny.has(PermissionFlagsBits.ViewChannel));
  const friendMember = await guild.members.fetch(friend.id);
  assert.equal(channel.permissionsFor(friendMember).has(PermissionFlagsBits.ViewChannel), false);
  await assert.rejects(friend.post(channel.id, 'let me in'), /50001/);
  const updated = next(client, Events.ChannelUpdate, (_, now) => now.permissionOverwrites.cache.has(friend.id));
  await channel.permissionOverwrites.edit(friend.id, { ViewChannel: true, SendMessages: true });
  await updated;
  await friend.post(channel.id, 'thank you');
  await channel.permissionOverwrites.delete(friend.id);
  await assert.rejects(friend.post(channel.id, 'and again'), /50001/);
  const renamed = await channel.edit({ name: 'bench', topic: null, rateLimitPerUser: 0 });
  assert.equal(renamed.name, 'bench');
  assert.equal(renamed.topic, null);
  const voice = await guild.channels.create({ name: 'Loud Room', type: ChannelType.GuildVoice, bitrate: 96_000, userLimit: 4 });
  assert.equal(voice.name, 'Loud Room');
  assert.equal(voice.bitrate, 96_000);
  await guild.channels.setPositions([{ channel: channel.id, position: 3 }]);
  const orphaned = next(client, Events.ChannelUpdate, (_, now) => now.id === channel.id && now.parentId === null);
  const deleted = next(client, Events.ChannelDelete, (gone) => gone.id === category.id);
  await category.delete('tidying');
  await deleted;
  await orphaned;
  await channel.delete();
  await voice.delete();
  assert.equal((await refusal(client.channels.fetch(channel.id, { force: true }))).code, 10003);
});

await check('roles', async () => {
  const made = next(client, Events.GuildRoleCreate, (role) => role.name === 'helper');
  const role = await guild.roles.create({
    name: 'helper', colors: { primaryColor: 0x112233 }, hoist: true, mentionable: true, permissions: [PermissionFlagsBits.KickMembers],
  });
  await made;
  assert.equal(role.colors.primaryColor, 0x112233);
  assert.ok(role.permissions.has(PermissionFlagsBits.KickMembers));
  const updated = next(client, Events.GuildRoleUpdate, (_, now) => now.id === role.id);
  await role.edit({ name: 'assistant', permissions: [] });
  assert.equal((await updated)[1].name, 'assistant');
  const member = await guild.members.fetch(friend.id);
  const given = next(client, Events.GuildMemberUpdate, (_, now) => now.roles.cache.has(role.id));
  await member.roles.add(role, 'earned');
  await given;
  const taken = next(client, Events.GuildMemberUpdate, (_, now) => now.id === friend.id && !now.roles.cache.has(role.id));
  await member.roles.remove(role);
  await taken;
  const gone = next(client, Events.GuildRoleDelete, (deleted) => deleted.id === role.id);
  await role.delete();
  await gone;
  const managed = guild.roles.cache.find((known) => known.tags?.botId === other.user.id);
  assert.equal((await refusal(managed.delete())).code, 50028);
  assert.equal((await refusal(guild.members.me.roles.botRole.delete())).code, 50013);
});

await check('members: nick, time-out, kick, ban', async () => {
  const member = await guild.members.fetch(friend.id);
  const named = next(client, Events.GuildMemberUpdate, (_, now) => now.nickname === 'Pal');
  await member.setNickname('Pal');
  await named;
  const silenced = next(client, Events.GuildMemberUpdate, (_, now) => now.communicationDisabledUntil !== null);
  await member.timeout(60_000, 'calm down');
  await silenced;
  await assert.rejects(friend.post(general.id, 'silenced'), /50013/);
  await member.timeout(null);
  await friend.post(general.id, 'free');
  const kicked = next(client, Events.GuildMemberRemove, (gone) => gone.id === friend.id);
  await member.kick('rest a while');
  await kicked;
  const invite = await general.createInvite();
  const back = next(client, Events.GuildMemberAdd, (newcomer) => newcomer.id === friend.id);
  await friend.call('POST', `/invites/${invite.code}`, {});
  const [again] = await back;
  assert.ok(again.flags instanceof Object && !again.flags.has(GuildMemberFlags.StartedOnboarding));
  const order = [];
  client.once(Events.GuildBanAdd, () => order.push('ban'));
  client.once(Events.GuildMemberRemove, () => order.push('remove'));
  const removed = next(client, Events.GuildMemberRemove, (gone) => gone.id === friend.id);
  await again.ban({ deleteMessageSeconds: 3600, reason: 'enough' });
  await removed;
  assert.deepEqual(order, ['ban', 'remove']);
  assert.equal((await guild.bans.fetch(friend.id)).reason, 'enough');
  await assert.rejects(friend.call('POST', `/invites/${invite.code}`, {}), /40007/);
  const pardoned = next(client, Events.GuildBanRemove);
  await guild.bans.remove(friend.id);
  await pardoned;
  await friend.call('POST', `/invites/${invite.code}`, {});
  assert.equal((await refusal((await guild.members.fetch(owner.id)).kick())).code, 50013);
});

await check('direct messages', async () => {
  const user = await client.users.fetch(friend.id);
  const dm = await user.createDM();
  assert.equal(dm.type, ChannelType.DM);
  const sent = await user.send('just between us');
  assert.equal(sent.channelId, dm.id);
  const heard = next(client, Events.MessageCreate, (message) => message.channelId === dm.id && message.author.id === friend.id);
  await friend.post(dm.id, 'secret');
  const [message] = await heard;
  assert.equal(message.content, 'secret');
  assert.equal(message.guildId, null);
  await message.react('🤫');
  assert.equal((await dm.messages.fetch({ limit: 5 })).size, 2);
});

await check('presence', async () => {
  const seen = next(client, Events.PresenceUpdate, (_, now) => now.userId === other.user.id && now.status === 'dnd');
  other.user.setPresence({ status: 'dnd', activities: [{ name: 'chess', type: ActivityType.Playing }] });
  const [, presence] = await seen;
  assert.equal(presence.activities[0].name, 'chess');
  const hidden = next(client, Events.PresenceUpdate, (_, now) => now.userId === other.user.id && now.status === 'offline');
  other.user.setStatus('invisible');
  await hidden;
});

await check('announcements', async () => {
  const source = await guild.channels.create({ name: 'news', type: ChannelType.GuildAnnouncement });
  const target = await guild.channels.create({ name: 'clippings', type: ChannelType.GuildText });
  const told = next(client, Events.MessageCreate, (message) => message.channelId === target.id);
  const hooks = next(client, Events.WebhooksUpdate, (channel) => channel.id === target.id);
  await source.addFollower(target.id, 'read all about it');
  await hooks;
  const [notice] = await told;
  assert.equal(notice.type, MessageType.ChannelFollowAdd);
  assert.match(notice.content, /#news$/);
  const sent = await source.send({ content: 'extra!', embeds: [{ title: 'Edition' }] });
  const copied = next(client, Events.MessageCreate, (message) => message.channelId === target.id);
  const marked = next(client, Events.MessageUpdate, (_, now) => now.id === sent.id);
  await sent.crosspost();
  assert.ok((await marked)[1].flags.has(MessageFlags.Crossposted));
  const [copy] = await copied;
  assert.equal(copy.content, 'extra!');
  assert.equal(copy.embeds[0].title, 'Edition');
  assert.ok(copy.flags.has(MessageFlags.IsCrosspost));
  assert.ok(copy.webhookId);
  assert.equal(copy.reference.messageId, sent.id);
  assert.equal((await refusal(sent.crosspost())).code, 40033);
  const followed = next(client, Events.MessageUpdate, (_, now) => now.id === copy.id && now.content === 'late extra!');
  await sent.edit('late extra!');
  await followed;
  const orphaned = next(client, Events.MessageUpdate, (_, now) => now.id === copy.id && now.flags.has(MessageFlags.SourceMessageDeleted));
  await sent.delete();
  await orphaned;
  const webhooks = await target.fetchWebhooks();
  assert.equal(webhooks.size, 1);
  assert.equal(webhooks.first().sourceChannel.id, source.id);
  await webhooks.first().delete('enough news');
  assert.equal((await target.fetchWebhooks()).size, 0);
  const inGeneral = await general.send('not news');
  assert.equal((await refusal(client.rest.post(`/channels/${general.id}/messages/${inGeneral.id}/crosspost`))).code, 50024);
  await source.delete();
  await target.delete();
});

await check('webhooks', async () => {
  const updated = next(client, Events.WebhooksUpdate);
  const hook = await general.createWebhook({ name: 'Oven', reason: 'bread' });
  await updated;
  assert.equal(hook.token.length, 68);
  assert.equal(hook.owner.id, client.user.id);
  const heard = next(client, Events.MessageCreate, (message) => message.webhookId === hook.id);
  const sent = await hook.send({ content: 'bread', username: 'Baker', embeds: [{ title: 'Crumb' }] });
  const [echo] = await heard;
  assert.equal(echo.id, sent.id);
  assert.equal(echo.author.username, 'Baker');
  assert.equal(echo.author.discriminator, '0000');
  assert.equal(echo.member, null);
  const edited = next(client, Events.MessageUpdate, (_, now) => now.id === sent.id);
  await hook.editMessage(sent.id, 'cake');
  assert.equal((await edited)[1].content, 'cake');
  assert.equal((await hook.fetchMessage(sent.id)).content, 'cake');
  await hook.deleteMessage(sent.id);
  const outside = new WebhookClient({ id: hook.id, token: hook.token }, { rest });
  const alone = await outside.send('from outside');
  assert.ok(alone.id);
  assert.equal((await outside.edit({ name: 'Stove' })).name, 'Stove');
  assert.ok((await guild.fetchWebhooks()).has(hook.id));
  assert.ok((await general.fetchWebhooks()).has(hook.id));
  await hook.delete('cold');
  assert.equal((await refusal(outside.send('gone'))).code, 10015);
});

await check('components come back as they were sent', async () => {
  const button = { type: ComponentType.Button, style: ButtonStyle.Primary, label: 'Stir', custom_id: 'stir', disabled: false };
  const link = { type: ComponentType.Button, style: ButtonStyle.Link, label: 'Look', url: 'https://example.org/' };
  const sent = await general.send({ content: 'soup', components: [{ type: ComponentType.ActionRow, components: [button, link] }] });
  const again = await general.messages.fetch({ message: sent.id, force: true });
  const [row] = again.components;
  assert.equal(row.components[0].customId, 'stir');
  assert.equal(row.components[1].url, 'https://example.org/');
  const without = await sent.edit({ components: [] });
  assert.equal(without.components.length, 0);
});

await check('audit log', async () => {
  const hooks = await guild.fetchAuditLogs({ type: AuditLogEvent.WebhookCreate, limit: 1 });
  const entry = hooks.entries.first();
  assert.equal(entry.executor.id, client.user.id);
  assert.equal(entry.reason, 'bread');
  assert.equal(entry.changes.find((change) => change.key === 'name').new, 'Oven');
  const all = await guild.fetchAuditLogs({ limit: 100 });
  assert.ok(all.entries.size > 5);
  const ids = [...all.entries.keys()];
  assert.deepEqual(ids, [...ids].sort((a, b) => (BigInt(a) < BigInt(b) ? 1 : -1)));
});

await check('errors', async () => {
  assert.equal((await refusal(client.channels.fetch('123456789012345678'))).code, 10003);
  assert.equal((await refusal(client.users.fetch('123456789012345678'))).code, 10013);
  const foreign = await refusal(client.rest.get('/guilds/123456789012345678/channels'));
  assert.deepEqual([foreign.status, foreign.code], [403, 50001]);
  const unknown = await refusal(client.rest.get('/guilds/123456789012345678'));
  assert.deepEqual([unknown.status, unknown.code], [404, 10004]);
  assert.equal((await refusal(general.send(' '))).code, 50006);
  const faults = await refusal(client.rest.post(`/guilds/${guild.id}/channels`, { body: { name: '', type: 99, topic: 'x'.repeat(1025) } }));
  assert.equal(faults.code, 50035);
  assert.deepEqual(Object.keys(faults.rawError.errors).sort(), ['name', 'topic', 'type']);
  const humanOnly = await refusal(client.rest.get('/users/@me/settings'));
  assert.deepEqual([humanOnly.status, humanOnly.code], [403, 20001]);
  const { status } = await fetch(`${stage.origin}/api/v10/users/@me`, { headers: { Authorization: 'Bot nonsense' } });
  assert.equal(status, 401);
  const theirs = await friend.post(general.id, 'mine');
  const foreignMessage = await general.messages.fetch(theirs.id);
  assert.equal((await refusal(client.rest.patch(`/channels/${general.id}/messages/${foreignMessage.id}`, { body: { content: 'stolen' } }))).code, 50005);
});

await check('resume after a cut socket', async () => {
  const resumed = next(client, Events.ShardResume);
  const missed = next(client, Events.MessageCreate, (message) => message.content === 'while you were away');
  let times = 0;
  client.on(Events.MessageCreate, (message) => {
    if (message.content === 'while you were away') times += 1;
  });
  const readies = [];
  client.on(Events.ShardReady, (id) => readies.push(id));
  assert.ok((await cutSockets()) >= 2);
  await friend.post(general.id, 'while you were away');
  await Promise.all([resumed, missed]);
  const after = next(client, Events.MessageCreate, (message) => message.content === 'and after');
  await friend.post(general.id, 'and after');
  await after;
  assert.equal(times, 1);
  assert.deepEqual(readies, []);
});

await check('leaving a guild', async () => {
  const gone = next(other, Events.GuildDelete);
  const removed = next(client, Events.GuildMemberRemove, (member) => member.id === other.user.id);
  await other.guilds.cache.get(guild.id).leave();
  await gone;
  await removed;
});

await client.destroy();
await other.destroy();
console.log(process.exitCode ? 'failed' : 'done');
