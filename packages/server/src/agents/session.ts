// A host's session: a connection whose host is known, with the number that makes it the only one.

import type {
  Begun,
  Ended,
  Hello,
  Journal,
  Kept,
  Output,
  ServerFrame,
} from '@halflap/protocol/agent';
import type { Static } from 'typebox';
import type { Connection } from './connection.js';
import type { Present } from './presence.js';

/** As the rest of a server sees it. */
export class Session implements Present {
  readonly host: string;
  readonly fence: number;
  readonly protocol: number;
  readonly hello: Hello;
  readonly connection: Connection;
  /** Whom the host trusts, as it said last; null: it has never said. */
  kept: Kept | null;
  /** The digest of the authority that the certificate is from which it has kept. */
  issuedBy: string;

  constructor(
    connection: Connection,
    opened: { readonly fence: number; readonly protocol: number; readonly issuedBy: string },
    about: { readonly host: string; readonly hello: Hello },
  ) {
    this.connection = connection;
    this.host = about.host;
    this.hello = about.hello;
    this.fence = opened.fence;
    this.protocol = opened.protocol;
    this.kept = about.hello.kept ?? null;
    this.issuedBy = opened.issuedBy;
  }

  /** @returns false when the session has ended: whatever must arrive is sent by the next one. */
  send(frame: ServerFrame): boolean {
    return this.connection.send(frame);
  }
}

/** Messages about what an agent was asked to do. */
export type DutyFrame = Static<typeof Begun> | Output | Ended | Static<typeof Journal>;

/**
 * Who asks agents to do something: told of every session of this server, and of what agents say to
 * it. What it throws ends the session, and the agent says it again in its next one.
 */
export interface Duty {
  /** After the welcome. The agent says which orders it has not ended (`hello.unfinished`). */
  opened(session: Session): Promise<void>;
  received(session: Session, frame: DutyFrame): Promise<void>;
  closed(session: Session): void;
}
