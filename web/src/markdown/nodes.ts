// The tree a message's text becomes. Nothing in it is HTML: each node is drawn by its own element.
import type { Id } from '../api/types';

export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'strong' | 'em' | 'underline' | 'strike' | 'spoiler'; children: Inline[] }
  | { kind: 'code'; text: string }
  | { kind: 'link'; href: string; children: Inline[] | null }
  | { kind: 'user' | 'role' | 'channel'; id: Id }
  | { kind: 'everyone'; text: '@everyone' | '@here' }
  | { kind: 'custom'; id: Id; name: string; isAnimated: boolean }
  | { kind: 'emoji'; text: string }
  | { kind: 'time'; unixSeconds: number; style: string };

export type Block =
  | { kind: 'paragraph'; children: Inline[] }
  | { kind: 'heading'; level: 1 | 2 | 3; children: Inline[] }
  | { kind: 'subtext'; children: Inline[] }
  | { kind: 'fence'; language: string; text: string }
  | { kind: 'quote'; children: Block[] }
  | List;

export interface List {
  kind: 'list';
  isOrdered: boolean;
  start: number;
  items: ListItem[];
}

/** A line of a list, with the lists set in below it. */
export interface ListItem {
  children: Inline[];
  lists: List[];
}

/** Whether a message is nothing but a few emoji, to be drawn large. */
export function isJumbo(blocks: readonly Block[]): boolean {
  const only = blocks[0];
  if (blocks.length !== 1 || only?.kind !== 'paragraph') return false;
  let emoji = 0;
  for (const node of only.children) {
    if (node.kind === 'emoji' || node.kind === 'custom') emoji++;
    else if (node.kind !== 'text' || node.text.trim() !== '') return false;
  }
  return emoji > 0 && emoji <= 27;
}
