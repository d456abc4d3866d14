// Message text to a tree, in one pass per line: no back-tracking, nesting bounded, anything not understood stays text.
import type { Block, Inline, List } from './nodes';

const MAX_DEPTH = 12;
const MAX_QUOTES = 3;
/** Lists in lists; what is set in further stays at the last of these. */
const MAX_LISTS = 6;
/** Spaces by which an item is set in to belong to the one above it. */
const SET_IN = 2;
/** Longer addresses stay text. */
const MAX_LINK = 2000;

/** Texts whose trees are kept: a message is drawn, named for screen readers and quoted from the same tree. */
const MAX_KEPT = 400;
const kept = new Map<string, readonly Block[]>();

/** Parses a message's text. */
export function parse(text: string): readonly Block[] {
  const known = kept.get(text);
  if (known) return known;
  const made = blocks(text, 0);
  for (const oldest of kept.keys()) {
    if (kept.size < MAX_KEPT) break;
    kept.delete(oldest);
  }
  kept.set(text, made);
  return made;
}

function blocks(text: string, quoteDepth: number): Block[] {
  const out: Block[] = [];
  const lines = text.split('\n');
  let paragraph: string[] = [];
  const flush = (): void => {
    while (paragraph.length > 0 && paragraph[0] === '') paragraph.shift();
    while (paragraph.length > 0 && paragraph.at(-1) === '') paragraph.pop();
    if (paragraph.length > 0) out.push({ kind: 'paragraph', children: inline(paragraph.join('\n')) });
    paragraph = [];
  };
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const fence = fenceAt(lines, at);
    if (fence) {
      if (fence.before) paragraph.push(fence.before);
      flush();
      out.push({ kind: 'fence', language: fence.language, text: fence.text });
      at = fence.lastLine;
      if (fence.after.trim()) lines.splice(at + 1, 0, fence.after);
      continue;
    }
    if (quoteDepth < MAX_QUOTES && line.startsWith('>>> ')) {
      flush();
      out.push({
        kind: 'quote',
        children: blocks([line.slice(4), ...lines.slice(at + 1)].join('\n'), MAX_QUOTES),
      });
      break;
    }
    if (quoteDepth < MAX_QUOTES && (line.startsWith('> ') || line === '>')) {
      flush();
      const quoted: string[] = [];
      while (at < lines.length && /^>(?: |$)/.test(lines[at] ?? ''))
        quoted.push((lines[at++] ?? '').slice(2));
      at--;
      out.push({ kind: 'quote', children: blocks(quoted.join('\n'), MAX_QUOTES) });
      continue;
    }
    const heading = /^(#{1,3}) +(\S.*)$/.exec(line);
    if (heading) {
      flush();
      const level = (heading[1] ?? '#').length as 1 | 2 | 3;
      out.push({ kind: 'heading', level, children: inline(heading[2] ?? '') });
      continue;
    }
    if (line.startsWith('-# ') && line.length > 3) {
      flush();
      out.push({ kind: 'subtext', children: inline(line.slice(3)) });
      continue;
    }
    const first = itemOf(line);
    if (first && first.indent < 4) {
      flush();
      const items: Item[] = [];
      for (let item: Item | null = first; item; item = itemOf(lines[++at] ?? '')) items.push(item);
      at--;
      out.push(...lists(items, 1));
      continue;
    }
    paragraph.push(line);
  }
  flush();
  return out;
}

interface Item {
  indent: number;
  isOrdered: boolean;
  number: number;
  text: string;
}

function itemOf(line: string): Item | null {
  const found = /^( *)(?:[-*]|(\d{1,9})\.) (\S.*)$/.exec(line);
  if (!found) return null;
  const [, indent = '', number, text = ''] = found;
  return { indent: indent.length, isOrdered: number !== undefined, number: Number(number ?? 1), text };
}

/** Items one below the other as lists, and what is set in below one as its own. */
function lists(items: readonly Item[], depth: number): List[] {
  const out: List[] = [];
  for (let at = 0; at < items.length;) {
    const { indent, isOrdered, number: start, text } = items[at] as Item;
    let end = at + 1;
    while (depth < MAX_LISTS && (items[end]?.indent ?? 0) >= indent + SET_IN) end++;
    if (out.at(-1)?.isOrdered !== isOrdered) out.push({ kind: 'list', isOrdered, start, items: [] });
    out.at(-1)?.items.push({ children: inline(text), lists: lists(items.slice(at + 1, end), depth + 1) });
    at = end;
  }
  return out;
}

interface Fence {
  before: string;
  language: string;
  text: string;
  after: string;
  lastLine: number;
}

/** A code fence that opens on line `at` and closes somewhere; null otherwise. */
function fenceAt(lines: readonly string[], at: number): Fence | null {
  const line = lines[at] ?? '';
  const open = line.indexOf('```');
  if (open < 0) return null;
  const rest = line.slice(open + 3);
  const closeHere = rest.indexOf('```');
  if (closeHere > 0) {
    return {
      before: line.slice(0, open),
      language: '',
      text: rest.slice(0, closeHere),
      after: rest.slice(closeHere + 3),
      lastLine: at,
    };
  }
  if (closeHere === 0) return null;
  for (let last = at + 1; last < lines.length; last++) {
    const close = (lines[last] ?? '').indexOf('```');
    if (close < 0) continue;
    const isLanguage = /^[\w+#.-]{0,24}$/.test(rest);
    const body = [
      ...(isLanguage ? [] : [rest]),
      ...lines.slice(at + 1, last),
      (lines[last] ?? '').slice(0, close),
    ];
    if (body.at(-1) === '') body.pop();
    if (body.every((part) => part.trim() === '')) return null;
    return {
      before: line.slice(0, open),
      language: isLanguage ? rest.toLowerCase() : '',
      text: body.join('\n'),
      after: (lines[last] ?? '').slice(close + 3),
      lastLine: last,
    };
  }
  return null;
}

type Style = 'strong' | 'em' | 'underline' | 'strike' | 'spoiler';
const STYLES: Readonly<Record<string, Style>> = {
  '**': 'strong',
  '*': 'em',
  __: 'underline',
  _: 'em',
  '~~': 'strike',
  '||': 'spoiler',
};

interface Open {
  mark: string;
  children: Inline[];
}

const LINK = /https?:\/\/[^\s<>|"\\]+/y;
const ANGLE_LINK = /<((?:https?:\/\/|mailto:)[^\s<>"\\]+)>/y;
const MASKED = /\[([^[\]\n]{1,300})\]\(<?((?:https?:\/\/|mailto:)(?:[^\s<>()"\\]|\([^\s<>()"\\]*\))+)>?\)/y;
const MENTION = /<(@!?|@&|#)(\d{1,20})>/y;
const CUSTOM = /<(a?):(\w{2,32}):(\d{1,20})>/y;
const TIME = /<t:(-?\d{1,12})(?::([tTdDfFR]))?>/y;
/** The shape of an emoji (UTS #51, section 1.4.9); what is drawn as text without a selector is left out below. */
const EMOJI =
  /\p{RI}{2}|\p{Emoji}(?:\p{EMod}|\uFE0F\u20E3?|[\u{E0020}-\u{E007E}]{1,8}\u{E007F})?(?:\u200D\p{Emoji}(?:\p{EMod}|\uFE0F)?){0,8}/uy;
const DRAWN_AS_EMOJI = /^\p{Emoji_Presentation}|[\uFE0F\u200D]|\p{EMod}/u;
const WORD = /[\p{L}\p{N}]/u;

/** Parses one paragraph's text. */
export function inline(text: string, depth = 0): Inline[] {
  const stack: Open[] = [{ mark: '', children: [] }];
  let plain = '';
  const top = (): Open => stack[stack.length - 1] as Open;
  const flush = (): void => {
    if (plain) top().children.push({ kind: 'text', text: plain });
    plain = '';
  };
  const put = (node: Inline, length: number): number => {
    flush();
    top().children.push(node);
    return length;
  };
  /** The innermost open mark becomes the text it was. */
  const unwrap = (): void => {
    flush();
    const open = stack.pop();
    if (open) top().children.push({ kind: 'text', text: open.mark }, ...open.children);
  };
  const style = (mark: string, at: number): number => {
    flush();
    const opened = stack.findLastIndex((open) => open.mark === mark);
    const before = text[at - 1] ?? '';
    const after = text[at + mark.length] ?? '';
    const isSpoiler = mark === '||';
    const closes = isSpoiler || (/\S/.test(before) && !(mark === '_' && WORD.test(after)));
    if (opened > 0 && closes && (opened < stack.length - 1 || top().children.length > 0)) {
      while (stack.length - 1 > opened) unwrap();
      const open = stack.pop();
      if (open) top().children.push({ kind: STYLES[mark] ?? 'em', children: merge(open.children) });
      return mark.length;
    }
    const opens = (isSpoiler ? after !== '' : /\S/.test(after)) && !(mark === '_' && WORD.test(before));
    if (opened > 0 || !opens || stack.length + depth > MAX_DEPTH) plain += mark;
    else stack.push({ mark, children: [] });
    return mark.length;
  };
  const special = (at: number): number => {
    const char = text[at] ?? '';
    switch (char) {
      case '\\':
        if (/[\\`*_~|<>#[\]()-]/.test(text[at + 1] ?? '')) {
          plain += text[at + 1];
          return 2;
        }
        return 0;
      case '`':
        return code(text, at, put);
      case '*':
      case '_':
      case '~':
      case '|': {
        const two = char + char;
        if (text.startsWith(two, at) && two in STYLES) {
          const isTriple = char === '*' && text[at + 2] === '*' && top().mark === '*';
          return style(isTriple ? '*' : two, at);
        }
        return char in STYLES ? style(char, at) : 0;
      }
      case 'h':
        return link(text, at, put);
      case '[': {
        const found = match(MASKED, text, at);
        if (!found) return 0;
        const label =
          depth < 2 ? inline(found[1] ?? '', depth + 2) : [{ kind: 'text' as const, text: found[1] ?? '' }];
        const children = label.filter((node) => node.kind !== 'link');
        return isLink(found[2] ?? '')
          ? put({ kind: 'link', href: found[2] ?? '', children }, found[0].length)
          : 0;
      }
      case '<':
        return angle(text, at, put);
      case '@': {
        const found = /^@(?:everyone|here)(?![\w])/.exec(text.slice(at, at + 10))?.[0];
        if (found !== '@everyone' && found !== '@here') return 0;
        return put({ kind: 'everyone', text: found }, found.length);
      }
      default:
        return 0;
    }
  };
  for (let at = 0; at < text.length;) {
    const unit = text.charCodeAt(at);
    let taken = unit < 0x80 ? special(at) : 0;
    if (taken === 0 && (unit > 0x2000 || unit === 0xa9 || unit === 0xae)) {
      const found = match(EMOJI, text, at);
      if (found && DRAWN_AS_EMOJI.test(found[0]))
        taken = put({ kind: 'emoji', text: found[0] }, found[0].length);
    }
    if (taken === 0) {
      plain += text[at];
      taken = 1;
    }
    at += taken;
  }
  while (stack.length > 1) unwrap();
  flush();
  return merge(top().children);
}

type Put = (node: Inline, length: number) => number;

function code(text: string, at: number, put: Put): number {
  const mark = text.startsWith('``', at) ? '``' : '`';
  const end = text.indexOf(mark, at + mark.length);
  if (end <= at + mark.length) return 0;
  const raw = text.slice(at + mark.length, end);
  return put({ kind: 'code', text: mark === '``' ? raw.trim() : raw }, end + mark.length - at);
}

function link(text: string, at: number, put: Put): number {
  if (WORD.test(text[at - 1] ?? '')) return 0;
  const found = match(LINK, text, at)?.[0];
  if (!found) return 0;
  let end = found.length;
  while (end > 0 && ".,:;!?'*_~".includes(found[end - 1] ?? '')) end--;
  let href = found.slice(0, end);
  if (href.endsWith(')') && !href.includes('(')) href = href.slice(0, -1);
  return isHttp(href) ? put({ kind: 'link', href, children: null }, href.length) : 0;
}

function angle(text: string, at: number, put: Put): number {
  const mention = match(MENTION, text, at);
  if (mention) {
    const kind = mention[1] === '#' ? 'channel' : mention[1] === '@&' ? 'role' : 'user';
    return put({ kind, id: mention[2] ?? '' }, mention[0].length);
  }
  const custom = match(CUSTOM, text, at);
  if (custom) {
    const node = {
      kind: 'custom' as const,
      id: custom[3] ?? '',
      name: custom[2] ?? '',
      isAnimated: custom[1] === 'a',
    };
    return put(node, custom[0].length);
  }
  const time = match(TIME, text, at);
  if (time && Math.abs(Number(time[1])) <= 8.64e12) {
    return put({ kind: 'time', unixSeconds: Number(time[1]), style: time[2] ?? 'f' }, time[0].length);
  }
  const quiet = match(ANGLE_LINK, text, at);
  if (quiet && isLink(quiet[1] ?? ''))
    return put({ kind: 'link', href: quiet[1] ?? '', children: null }, quiet[0].length);
  return 0;
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Neighbouring texts as one. */
function merge(nodes: readonly Inline[]): Inline[] {
  const out: Inline[] = [];
  for (const node of nodes) {
    const last = out.at(-1);
    if (node.kind === 'text' && last?.kind === 'text')
      out[out.length - 1] = { kind: 'text', text: last.text + node.text };
    else out.push(node);
  }
  return out;
}

/** Whether an address leads to a web page. */
export function isHttp(href: string): boolean {
  return ['https:', 'http:'].includes(protocolOf(href));
}

/** Whether an address is one we link to. */
export function isLink(href: string): boolean {
  return ['https:', 'http:', 'mailto:'].includes(protocolOf(href));
}

function protocolOf(href: string): string {
  return href.length <= MAX_LINK && URL.canParse(href) ? new URL(href).protocol : '';
}

/** What stands on lines of its own. */
const BLOCKS: ReadonlySet<string> = new Set<Block['kind']>([
  'paragraph',
  'heading',
  'subtext',
  'fence',
  'quote',
  'list',
]);

/** A message as one line of plain text, for previews and announcements. */
export function plainText(
  nodes: readonly (Block | Inline)[],
  nameOf: (kind: 'user' | 'role' | 'channel', id: string) => string,
): string {
  return nodes
    .map((node): string => {
      switch (node.kind) {
        case 'text':
        case 'code':
        case 'fence':
        case 'emoji':
        case 'everyone':
          return node.text;
        case 'spoiler':
          return '▒▒▒';
        case 'user':
        case 'role':
          return `@${nameOf(node.kind, node.id)}`;
        case 'channel':
          return `#${nameOf(node.kind, node.id)}`;
        case 'custom':
          return `:${node.name}:`;
        case 'time':
          return new Date(node.unixSeconds * 1000).toLocaleString();
        case 'link':
          return node.children ? plainText(node.children, nameOf) : node.href;
        case 'list':
          return node.items
            .flatMap((item) => [item.children, ...item.lists.map((list) => [list])])
            .map((part) => plainText(part, nameOf))
            .join(' ');
        default:
          return plainText(node.children, nameOf);
      }
    })
    .join(nodes.some(({ kind }) => BLOCKS.has(kind)) ? ' ' : '')
    .replace(/\s+/g, ' ');
}
