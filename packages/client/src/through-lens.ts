// What becomes of an application's statements while a shard shows its release through a lens: those
// with INSERT … ON CONFLICT on a relation that takes none are rewritten (upsert.ts), all others are
// sent as they are. On a shard that is native nothing is read but one field.
//
// A rewritten statement works on the tables too that take the lens' place, so it does not matter
// when a shard's move is noticed; once contract has taken away what it is written for, it does
// nothing, and its error is that of a stale plan.

import { createHash } from 'node:crypto';
import type { ClientBase, QueryConfig } from 'pg';
import { isUndefinedTable, markStale } from './failure.js';
import { type Grammar, loadGrammar } from './grammar.js';
import { type LensRelations, readLensRelations } from './lens-relations.js';
import type { Settings } from './options.js';
import { mayUpsert, throughLens } from './upsert.js';

/** A lens as one heartbeat has found it. */
export interface Lens {
  readonly relations: LensRelations;
  readonly grammar: Grammar;
}

/** One or two round trips on a bound session; the parser is loaded the first time. */
export async function readLens(
  client: ClientBase,
  who: Pick<Settings, 'app' | 'release'>,
  whose: 'shard' | 'own' = 'shard',
): Promise<Lens> {
  return { relations: await readLensRelations(client, who, whose), grammar: await loadGrammar() };
}

const NOTHING: Pick<LensRelations, 'views' | 'constraints'> = {
  views: new Map(),
  constraints: new Map(),
};

/** Texts whose rewriting is kept; an application has fewer, unless it writes values into them. */
const KEPT_TEXTS = 1000;

export class ThroughLens {
  readonly #whose: 'shard' | 'own';
  #lens: Lens | null = null;
  /** What the rewritten texts were written for, comparable. */
  #known = '';
  readonly #rewritten = new Map<string, string>();

  /** @param whose lens it is: the shard's, or one that each session has of its own. */
  constructor(whose: 'shard' | 'own') {
    this.#whose = whose;
  }

  /** Null where the release is native. */
  use(lens: Lens | null): void {
    const { views, constraints } = lens?.relations ?? NOTHING;
    const known = JSON.stringify([[...views], [...constraints].map(([one, of]) => [one, [...of]])]);
    if (known !== this.#known) this.#rewritten.clear();
    this.#known = known;
    this.#lens = views.size + constraints.size > 0 ? lens : null;
  }

  /** From now on, statements of this connection are sent as the lens takes them. */
  attach(client: ClientBase): void {
    const send = client.query.bind(client) as Send;
    const query = (...call: unknown[]) => {
      const statement = textOf(call[0]);
      if (this.#lens === null || statement === null) return send(...call);
      if (mayUpsert(statement, this.#lens.relations)) return this.#query(send, statement, call);
      return this.#mayTellLate() ? this.#watched(send, statement, call) : send(...call);
    };
    client.query = query as ClientBase['query'];
  }

  /** A session's own lens tells at commit, with its text, of a statement that was sent before. */
  #mayTellLate(): boolean {
    return this.#whose === 'own' && this.#rewritten.size > 0;
  }

  #query(send: Send, statement: string, call: unknown[]): unknown {
    let text: string;
    try {
      text = this.#rewrite(statement);
    } catch (error) {
      const callback = callbackOf(call);
      if (callback === undefined) return Promise.reject(error);
      process.nextTick(callback, error);
      return undefined;
    }
    if (text === statement && !this.#mayTellLate()) return send(...call);
    const sent = text === statement ? call[0] : withText(call[0], text);
    return this.#watched(send, text, [sent, ...call.slice(1)]);
  }

  /** Looks at the error, if there is one, before anybody else does. */
  #watched(send: Send, text: string, call: unknown[]): unknown {
    const callback = callbackOf(call);
    if (callback === undefined) {
      return (send(...call) as Promise<unknown>).catch((error) => {
        this.#examine(error, text);
        throw error;
      });
    }
    return send(
      ...call.map((one) =>
        one !== callback
          ? one
          : (error: unknown, result: unknown) => {
              if (error) this.#examine(error, text);
              callback(error, result);
            },
      ),
    );
  }

  #rewrite(statement: string): string {
    const found = this.#rewritten.get(statement);
    if (found !== undefined || this.#lens === null) return found ?? statement;
    const { relations, grammar } = this.#lens;
    const text = throughLens(statement, relations, grammar);
    const oldest = this.#rewritten.keys().next();
    if (this.#rewritten.size >= KEPT_TEXTS && !oldest.done) this.#rewritten.delete(oldest.value);
    this.#rewritten.set(statement, text);
    return text;
  }

  #examine(error: unknown, text: string): void {
    if (!(error instanceof Error)) return;
    if (this.#whose === 'own') this.#asWritten(error);
    else this.#leave(error, text);
  }

  /** Where the lens names a statement, it names the one that the application wrote. */
  #asWritten(error: Error): void {
    if (!('detail' in error) || typeof error.detail !== 'string') return;
    const { detail } = error;
    const found = [...this.#rewritten].find(([, text]) => detail.endsWith(text));
    if (found !== undefined) error.detail = detail.slice(0, -found[1].length) + found[0];
  }

  /** A lens that is gone is used no more, until a heartbeat finds one. */
  #leave(error: Error, text: string): void {
    if (!isUndefinedTable(error)) return;
    const position = 'position' in error ? Number(error.position) : 0;
    // PostgreSQL counts characters from 1, JavaScript UTF-16 units.
    const at = [...text].slice(0, position - 1).join('').length;
    const isOurs = [...(this.#lens?.relations.views.values() ?? [])].some(({ schema, view }) =>
      text.slice(at).replaceAll('"', '').startsWith(`${schema}.${view}`),
    );
    if (position < 1 || (this.#lens !== null && !isOurs)) return;
    markStale(error);
    this.use(null);
  }
}

type Send = (...call: unknown[]) => unknown;
type Callback = (error: unknown, result?: unknown) => void;

function callbackOf(call: readonly unknown[]): Callback | undefined {
  return call.find((one) => typeof one === 'function') as Callback | undefined;
}

/** The SQL of a call; null for what the driver calls a submittable: a cursor, a COPY stream. */
function textOf(statement: unknown): string | null {
  if (typeof statement === 'string') return statement;
  if (typeof statement !== 'object' || statement === null || 'submit' in statement) return null;
  return 'text' in statement && typeof statement.text === 'string' ? statement.text : null;
}

/**
 * The same call with another text, under a name of its own: the driver takes no name for two texts.
 */
function withText(statement: unknown, text: string): unknown {
  if (typeof statement === 'string') return text;
  const config = statement as QueryConfig;
  const own: PropertyDescriptorMap = { text: { value: text, enumerable: true, writable: true } };
  if (config.name !== undefined) {
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 32);
    own.name = { value: `halflap_${hash}`, enumerable: true, writable: true };
  }
  return Object.create(config, own);
}
