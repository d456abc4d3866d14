// Mentions and custom emoji as people write them (@name, #room, :name:) and as the wire has them (<@id>, <#id>, <:name:id>).

const CODE = /```[\s\S]*?```|``[^`]+``|`[^`\n]+`/g;

/** Outside code spans, applies `change` to the text. */
function outsideCode(text: string, change: (part: string) => string): string {
  let out = '';
  let at = 0;
  for (const found of text.matchAll(CODE)) {
    out += change(text.slice(at, found.index)) + found[0];
    at = found.index + found[0].length;
  }
  return out + change(text.slice(at));
}

/** Written names to wire form, where they name someone (by username) or some channel known here. */
export function encodeMentions(
  text: string,
  users: ReadonlyMap<string, string>,
  channels: ReadonlyMap<string, string>,
  roles: ReadonlyMap<string, string> = new Map(),
  emoji: ReadonlyMap<string, string> = new Map(),
): string {
  // the longest first: a role's name may begin with another's
  const named = [...roles]
    .filter(([name]) => text.includes(`@${name}`))
    .sort((a, b) => b[0].length - a[0].length);
  return outsideCode(text, (part) =>
    named
      .reduce((left, [name, id]) => encodeRole(left, name, id), part)
      .replace(/(^|[\s(>*_~|])@([a-z0-9_.]{2,32})/gi, (whole, before: string, name: string) => {
        const exact = users.get(name.toLowerCase());
        if (exact) return `${before}<@${exact}>`;
        const stem = name.toLowerCase().replace(/\.+$/, ''); // a full stop after the name is the sentence's
        const id = users.get(stem);
        return id ? `${before}<@${id}>${name.slice(stem.length)}` : whole;
      })
      .replace(/(^|[\s(>*_~|])#([\p{L}\p{N}_-]{1,100})/gu, (whole, before: string, name: string) => {
        const id = channels.get(name.toLowerCase());
        return id ? `${before}<#${id}>` : whole;
      })
      .replace(
        /<a?:\w{2,32}:\d{1,20}>|:(\w{2,32}):/g,
        (whole, name?: string) => (name && emoji.get(name)) ?? whole,
      ),
  );
}

/** One role's name to wire form, where no word goes on before or after it. */
function encodeRole(text: string, name: string, id: string): string {
  const pieces = text.split(`@${name}`);
  return pieces.reduce((left, right) => {
    const isWhole = !/[\p{L}\p{N}_@]$/u.test(left) && !/^[\p{L}\p{N}_]/u.test(right);
    return left + (isWhole ? `<@&${id}>` : `@${name}`) + right;
  });
}

/** Wire form back to written names, for a text to be edited. */
export function decodeMentions(
  text: string,
  userName: (id: string) => string | undefined,
  channelName: (id: string) => string | undefined,
  roleName: (id: string) => string | undefined = () => undefined,
  writtenEmoji: (wire: string, name: string) => string | undefined = () => undefined,
): string {
  return outsideCode(text, (part) =>
    part
      .replace(/<@!?(\d{1,20})>/g, (whole, id: string) => {
        const name = userName(id);
        return name ? `@${name}` : whole;
      })
      .replace(/<@&(\d{1,20})>/g, (whole, id: string) => {
        const name = roleName(id);
        return name ? `@${name}` : whole;
      })
      .replace(/<#(\d{1,20})>/g, (whole, id: string) => {
        const name = channelName(id);
        return name ? `#${name}` : whole;
      })
      .replace(/<a?:(\w{2,32}):\d{1,20}>/g, (whole, name: string) => writtenEmoji(whole, name) ?? whole),
  );
}
