// Code in colours: highlight.js's grammars through lowlight, as a flat run of words with their kind. No HTML.
import { common, createLowlight } from 'lowlight';

/** A piece of code; `kind` is one of the few colours there are. */
export interface CodePiece {
  text: string;
  kind: CodeKind | null;
}
export type CodeKind = 'word' | 'text' | 'name' | 'note' | 'type' | 'number' | 'added' | 'removed';

const KINDS: Readonly<Record<string, CodeKind>> = {
  keyword: 'word',
  operator: 'word',
  'selector-tag': 'word',
  section: 'word',
  string: 'text',
  regexp: 'text',
  'template-tag': 'text',
  bullet: 'text',
  title: 'name',
  attr: 'name',
  attribute: 'name',
  name: 'name',
  property: 'name',
  'selector-class': 'name',
  'selector-id': 'name',
  link: 'name',
  comment: 'note',
  quote: 'note',
  doctag: 'note',
  meta: 'note',
  type: 'type',
  built_in: 'type',
  literal: 'number',
  number: 'number',
  symbol: 'number',
  addition: 'added',
  deletion: 'removed',
};

type Nodes = ReturnType<ReturnType<typeof createLowlight>['highlight']>['children'];

const lowlight = createLowlight(common);

/** The code in pieces; null where the language is not known. */
export function highlight(language: string, text: string): CodePiece[] | null {
  if (!lowlight.registered(language)) return null;
  return flatten(lowlight.highlight(language, text).children, null);
}

function flatten(nodes: Nodes, kind: CodeKind | null): CodePiece[] {
  return nodes.flatMap((node): CodePiece[] => {
    if (node.type === 'text') return [{ text: node.value, kind }];
    if (node.type !== 'element') return [];
    const names = (node.properties['className'] ?? []) as string[];
    const own = names.map((name) => KINDS[name.replace('hljs-', '')]).find((found) => found !== undefined);
    return flatten(node.children as Nodes, own ?? kind);
  });
}
