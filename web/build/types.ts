// Writes the server's own OpenAPI document as TypeScript: what the calls this client makes take and answer, what the gateway
// dispatches, and the schemas that these name. Words, bounds and formats stay behind, so that only a change of shape changes it.
import { format, resolveConfig } from 'prettier';

/** As much of JSON Schema as the document is written in. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
}

interface Content {
  content?: { 'application/json'?: { schema: Schema } };
}

interface Operation {
  parameters: { name: string; in: string; required?: boolean; schema: Schema }[];
  requestBody?: Content;
  responses: Record<string, Content>;
}

export interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
  'x-dispatches': Record<string, Schema>;
}

const HEADER = `// What this client's calls take and answer, and what the gateway dispatches, as the server's own OpenAPI document has it.
// Made by \`npm run types\`, never by hand; stale, it fails the contract test.
`;
const SCALARS: Record<string, string> = {
  string: 'string',
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
  null: 'null',
};
/** An array of always as many items is a tuple, if they are this few. */
const MAX_TUPLE = 4;

/** The source of `api/document.ts`: of the calls, those that `isUsed`. */
export async function typesOf(
  document: Document,
  isUsed: (method: string, path: string) => boolean,
): Promise<string> {
  const { schemas } = document.components;
  const named = new Map<string, string>();

  /** What `schema` describes, as a type; the schemas it refers to are written too. */
  const typeOf = (schema: Schema | boolean | undefined): string => {
    if (typeof schema !== 'object') return 'unknown';
    const parts: string[] = [];
    if (schema.$ref) parts.push(reference(schema.$ref));
    if ('const' in schema) parts.push(JSON.stringify(schema.const));
    else if (schema.enum) parts.push(union(schema.enum.map((value) => JSON.stringify(value))));
    else if (schema.type) parts.push(union([schema.type].flat().map((type) => plain(type, schema))));
    else if (schema.properties) parts.push(plain('object', schema));
    for (const any of [schema.anyOf, schema.oneOf]) if (any) parts.push(union(any.map(typeOf)));
    parts.push(...(schema.allOf ?? []).map(typeOf));
    return parts.map((part) => (parts.length > 1 ? `(${part})` : part)).join(' & ') || 'unknown';
  };

  const plain = (type: string, schema: Schema): string => {
    if (type === 'object') return objectOf(schema);
    if (type !== 'array') return SCALARS[type] ?? fail(`a type unknown to us: ${type}`);
    const item = typeOf(schema.items);
    const { minItems = 0, maxItems } = schema;
    if (minItems > 0 && minItems === maxItems && minItems <= MAX_TUPLE)
      return `[${Array(minItems).fill(item).join(', ')}]`;
    return `(${item})[]`;
  };

  const objectOf = ({ properties = {}, required = [], additionalProperties }: Schema): string => {
    const fields = Object.entries(properties).map(([name, schema]) =>
      field(name, typeOf(schema), required.includes(name)),
    );
    if (fields.length > 0) return `{ ${fields.join(' ')} }`;
    return additionalProperties === false
      ? 'Record<string, never>'
      : `Record<string, ${typeOf(additionalProperties)}>`;
  };

  /** Forms go by the paths of their modules: they are written where they stand. Others have a name and are written once. */
  const reference = (pointer: string): string => {
    const name = pointer.replace('#/components/schemas/', '');
    const schema = schemas[name] ?? fail(`nothing is at ${pointer}`);
    if (name.includes('.')) return typeOf(schema);
    if (!named.has(name)) {
      named.set(name, ''); // one that holds itself comes back here
      const isPlain = schema.properties !== undefined && !schema.anyOf && !schema.oneOf && !schema.allOf;
      const type = typeOf(schema);
      named.set(name, isPlain ? `export interface ${name} ${type}` : `export type ${name} = ${type};`);
    }
    return name;
  };

  const calls = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([method]) => isUsed(method.toUpperCase(), path))
      .map(([method, operation]) => {
        const parts: string[] = [];
        const query = operation.parameters.filter((one) => one.in === 'query');
        if (query.length > 0)
          parts.push(
            `query: { ${query.map((one) => field(one.name, typeOf(one.schema), one.required === true)).join(' ')} };`,
          );
        const body = operation.requestBody?.content?.['application/json'];
        if (body) parts.push(`body: ${typeOf(body.schema)};`);
        const answers = Object.entries(operation.responses)
          .filter(([status]) => status.startsWith('2'))
          .map(([, { content }]) => {
            const json = content?.['application/json'];
            return json ? typeOf(json.schema) : 'undefined';
          });
        parts.push(`answer: ${union(answers)};`);
        return field(
          `${method.toUpperCase()} ${path.replaceAll(/\{[^}]*\}/g, '{}')}`,
          `{ ${parts.join(' ')} }`,
          true,
        );
      }),
  );
  const dispatches = Object.entries(document['x-dispatches']).map(([name, schema]) =>
    field(name, typeOf(schema), true),
  );
  const source = [
    HEADER,
    `/** By method and path; \`{}\` stands for what a path takes. */\nexport interface Calls { ${calls.join('\n')} }`,
    `/** Payloads by the event's name. */\nexport interface Dispatches { ${dispatches.join('\n')} }`,
    ...[...named].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, text]) => text),
  ].join('\n\n');
  const style = await resolveConfig(new URL(import.meta.url).pathname);
  return format(source, { ...style, parser: 'typescript' });
}

const field = (name: string, type: string, isRequired: boolean): string =>
  `${/^\w+$/.test(name) ? name : JSON.stringify(name)}${isRequired ? '' : '?'}: ${type};`;

const union = (types: readonly string[]): string => [...new Set(types)].join(' | ');

function fail(why: string): never {
  throw new Error(why);
}
