// Calls by method and path, typed as the server's document has them: a path as it is written in `routes.ts` finds its entry there.
import type { Calls } from './document';
import type { Http, RequestOptions } from './http';

/** `/guilds/${string}/emojis` as the document has it: `/guilds/{}/emojis`. */
type Blanked<Path extends string> = Path extends `${infer Part}/${infer Rest}`
  ? `${Blank<Part>}/${Blanked<Rest>}`
  : Blank<Path>;
type Blank<Part extends string> = string extends Part ? '{}' : Part;

type Method = Parameters<Http['request']>[0];
type CallOf<M extends Method, Path extends string> = Calls[`${M} ${Blanked<Path>}` & keyof Calls];

/** A path that the document has for the method; any other does not compile. */
type Known<M extends Method, Path extends string> = `${M} ${Blanked<Path>}` extends keyof Calls
  ? Path
  : never;

/** What is sent is only read. */
type Read<T> = T extends (infer Item)[]
  ? readonly Read<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Read<T[K]> }
    : T;

type Sent<Call, Part extends string> =
  Call extends Record<Part, infer Shape>
    ? Partial<Shape> extends Shape
      ? { [K in Part]?: Read<Shape> }
      : { [K in Part]: Read<Shape> }
    : { [K in Part]?: undefined };

/** A file goes as a form, beside its words. */
type Options<Call> = RequestOptions & Sent<Call, 'query'> & (Sent<Call, 'body'> | { body: FormData });

/** What a call sends. */
export type Body<Key extends keyof Calls> = Calls[Key] extends { body: infer Shape } ? Read<Shape> : never;

/** What a call asks for in its address. */
export type Query<Key extends keyof Calls> = Calls[Key] extends { query: infer Shape } ? Read<Shape> : never;

/** `Http`, with only the calls there are. */
export interface TypedHttp extends Pick<Http, 'upload' | 'heldBytes' | 'drop' | 'renew'> {
  request<M extends Method, const Path extends string>(
    method: M,
    path: Known<M, Path>,
    options?: Options<CallOf<M, Path>>,
  ): Promise<CallOf<M, Path>['answer']>;
}
