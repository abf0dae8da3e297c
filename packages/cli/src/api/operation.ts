// How one operation of the API is declared here: method, path, and every field that a request may
// have. The client sends nothing else, and a test compares each with the API's own document.

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface Spec {
  readonly method: Method;
  /** As the document has it: `/api/v1/hosts/{id}`. */
  readonly path: string;
  readonly query?: readonly string[];
  /** Of a list: what the API gives at once; PAGE_LIMIT when not given. */
  readonly pageLimit?: number;
  readonly body?: readonly string[];
  /** Of a POST whose repetition the server would not know. */
  readonly keyless?: true;
}

/** What most lists of the API give at once. */
const PAGE_LIMIT = 200;

/** What every list takes. */
export const PAGING = ['limit', 'cursor'] as const;

export type Scalar = string | number | boolean;

/** `id` of `/api/v1/hosts/{id}/events`. */
type ParamsIn<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamsIn<Rest>
  : never;

/** `Answer` is a type of the server's; nothing holds its value. */
export interface Operation<
  Answer,
  Param extends string = string,
  Query extends string = string,
  Field extends string = string,
> {
  readonly method: Method;
  readonly path: string;
  readonly query: readonly Query[];
  readonly pageLimit: number;
  readonly body: readonly Field[];
  /** Whether it may be sent again with its key, when its answer was lost. */
  readonly isKeyed: boolean;
  readonly answer?: Answer;
  readonly params?: Param;
}

/** What a request has beside its operation. */
export interface Asking<Param extends string, Query extends string, Field extends string> {
  readonly params?: Readonly<Record<Param, string>>;
  readonly query?: Readonly<Partial<Record<Query, Scalar | readonly string[] | undefined>>>;
  readonly body?: Readonly<Partial<Record<Field, unknown>>>;
}

/** In two calls, since only the answer's type is stated and the rest follows from the value. */
export function answering<Answer>() {
  return <const Given extends Spec>(
    spec: Given,
  ): Operation<
    Answer,
    ParamsIn<Given['path']>,
    NamesOf<Given['query']>,
    NamesOf<Given['body']>
  > => ({
    method: spec.method,
    path: spec.path,
    query: (spec.query ?? []) as readonly NamesOf<Given['query']>[],
    pageLimit: spec.pageLimit ?? PAGE_LIMIT,
    body: (spec.body ?? []) as readonly NamesOf<Given['body']>[],
    isKeyed: spec.method === 'POST' && spec.keyless !== true,
  });
}

type NamesOf<Names> = Names extends readonly (infer Name extends string)[] ? Name : never;
