// The server's document as TypeScript: what is left out, null, one of several, named or written where it stands.
import { expect, test } from 'vitest';
import { typesOf, type Document, type Schema } from '../../build/types';

const documentOf = (schemas: Record<string, Schema>, answer: Schema): Document => ({
  paths: {
    '/things/{thing_id}': {
      get: {
        parameters: [
          { name: 'thing_id', in: 'path', required: true, schema: { type: 'string' } },
          { name: 'limit', in: 'query', schema: { type: 'integer' } },
        ],
        responses: { '200': { content: { 'application/json': { schema: answer } } }, '4XX': {} },
      },
      delete: { parameters: [], responses: { '204': {} } },
    },
  },
  components: { schemas },
  'x-dispatches': { THING_CREATE: { $ref: '#/components/schemas/Thing' } },
});
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

const THINGS: Record<string, Schema> = {
  Thing: {
    type: 'object',
    properties: {
      id: { type: 'string' },
      note: { type: ['string', 'null'] },
      state: { type: 'string', enum: ['on', 'off'] },
      parts: { type: 'array', items: { anyOf: [ref('Thing'), { type: 'null' }] } },
      range: { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 2 },
      counts: { type: 'object', additionalProperties: { type: 'integer' } },
    },
    required: ['id', 'parts', 'range', 'counts'],
  },
  'actions.things.Edit': { type: 'object', properties: { name: { type: 'string' } } },
  Unused: { type: 'object', properties: { id: { type: 'string' } } },
};

test('calls, dispatches and the schemas they name', async () => {
  const types = await typesOf(documentOf(THINGS, ref('Thing')), () => true);
  expect(types).toContain("'GET /things/{}': { query: { limit?: number }; answer: Thing };");
  expect(types).toContain("'DELETE /things/{}': { answer: undefined };");
  expect(types).toContain('THING_CREATE: Thing;');
  expect(types).toContain(`export interface Thing {
  id: string;
  note?: string | null;
  state?: 'on' | 'off';
  parts: (Thing | null)[];
  range: [number, number];
  counts: Record<string, number>;
}`);
  expect(types).not.toContain('Unused');
});

test('a form is written where it stands', async () => {
  const types = await typesOf(documentOf(THINGS, ref('actions.things.Edit')), (method) => method === 'GET');
  expect(types).toContain('answer: { name?: string }');
  expect(types).not.toContain('DELETE');
});

test('what we cannot read is a fault, not a guess', async () => {
  await expect(typesOf(documentOf(THINGS, ref('Nothing')), () => true)).rejects.toThrow('Nothing');
  await expect(typesOf(documentOf(THINGS, { type: 'tuple' }), () => true)).rejects.toThrow('tuple');
});
