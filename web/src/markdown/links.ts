// The addresses a text links to, as its reader sees them.
import type { Block, Inline } from './nodes';
import { isHttp, parse } from './scan';

/** In their order, each once; not what stands in code or behind a spoiler. */
export function links(text: string): string[] {
  const found = new Set<string>();
  const look = (nodes: readonly Inline[]): void => {
    for (const node of nodes) {
      if (node.kind === 'link') {
        if (isHttp(node.href)) found.add(node.href);
      } else if ('children' in node && node.kind !== 'spoiler') look(node.children);
    }
  };
  const walk = (blocks: readonly Block[]): void => {
    for (const block of blocks) {
      if (block.kind === 'quote') walk(block.children);
      else if (block.kind === 'list')
        for (const item of block.items) {
          look(item.children);
          walk(item.lists);
        }
      else if (block.kind !== 'fence') look(block.children);
    }
  };
  walk(parse(text));
  return [...found];
}
