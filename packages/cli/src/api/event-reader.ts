// Reads a live view: server-sent events (WHATWG HTML, section 9.2.6), as far as our server uses
// them: `id`, `event` and one line of `data`, and comments that keep the connection open.

import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';

export interface ViewEvent {
  readonly id: string | undefined;
  readonly event: string;
  /** JSON. */
  readonly data: string;
}

/** Yields events until the body ends. Throws what the connection breaks with. */
export async function* readEvents(body: IncomingMessage): AsyncGenerator<ViewEvent> {
  let fields: Record<string, string> = {};
  for await (const line of createInterface({ input: body, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line === '') {
      const { id, event = 'message', data } = fields;
      if (data !== undefined) yield { id, event, data };
      fields = {};
      continue;
    }
    const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) fields[name] = value;
  }
}
