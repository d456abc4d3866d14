// The links of a text, for the list of what was sent to a channel.
import { expect, test } from 'vitest';
import { links } from '../../src/markdown/links';

test('each once, in order, and none from code or spoilers', () => {
  const text = [
    'see https://a.example/x and [that](https://b.example/y), **https://c.example/**',
    '> https://d.example/q',
    '- https://a.example/x',
    '`https://code.example` ||https://hidden.example||',
    '```\nhttps://fence.example\n```',
    'mail [me](mailto:a@b.example)',
  ].join('\n');
  expect(links(text)).toEqual([
    'https://a.example/x',
    'https://b.example/y',
    'https://c.example/',
    'https://d.example/q',
  ]);
  expect(links('no links')).toEqual([]);
});
