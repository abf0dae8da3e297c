// The messages of two adjacent releases → what becomes of each type on the way up and down.
//
// One message of a release is one of the other, or several of the newer one (a split); what has no
// form in the other release is said to have none. Nothing is left to be guessed.

import type { MappedMessage, MessageMapping } from '@halflap/protocol';
import type { Finding } from '../release/findings.js';
import type {
  DeclaredServers,
  FieldChange,
  MessagePart,
  RenameMessage,
  SplitMessage,
} from '../release/servers.js';
import { didYouMean } from '../release/suggest.js';
import { fieldsBothWays, type MessagePair, typedBy } from './message-fields.js';

export interface MessageMappings {
  readonly up: Readonly<Record<string, MessageMapping>>;
  readonly down: Readonly<Record<string, MessageMapping>>;
}

/** Adds what is wrong to the findings; then the result is not to be used. */
export function messageMappings(
  old: DeclaredServers,
  fresh: DeclaredServers,
  findings: Finding[],
): MessageMappings {
  const mapper = new Mapper(old, fresh, findings);
  mapper.splits();
  mapper.pairs();
  mapper.rest();
  return { up: mapper.up, down: mapper.down };
}

class Mapper {
  readonly up: Record<string, MessageMapping> = {};
  readonly down: Record<string, MessageMapping> = {};
  readonly #old: DeclaredServers;
  readonly #fresh: DeclaredServers;
  readonly #findings: Finding[];

  constructor(old: DeclaredServers, fresh: DeclaredServers, findings: Finding[]) {
    this.#old = old;
    this.#fresh = fresh;
    this.#findings = findings;
  }

  splits(): void {
    for (const change of this.#fresh.changes) {
      if (change.kind === 'split_message' && this.#isThere(change)) this.#split(change);
    }
  }

  /** Messages that go on under one name, or under another. */
  pairs(): void {
    const renames = this.#fresh.changes.filter((one) => one.kind === 'rename_message');
    for (const change of renames) {
      if (this.#isThere(change)) this.#pair(change.message, change.to);
    }
    for (const name of Object.keys(this.#fresh.messages)) {
      const isFree = !Object.hasOwn(this.up, name) && !Object.hasOwn(this.down, name);
      if (isFree && Object.hasOwn(this.#old.messages, name)) this.#pair(name, name);
    }
  }

  /** What only one of the two releases has. */
  rest(): void {
    const { version } = this.#fresh;
    for (const name of Object.keys(this.#old.messages)) {
      this.up[name] ??= { impossible: `release ${version} has no message for ${name}` };
    }
    for (const name of Object.keys(this.#fresh.messages)) {
      this.down[name] ??= { impossible: `release ${this.#old.version} has no message for ${name}` };
    }
    for (const change of this.#fieldChanges()) {
      const known = change.kind === 'add_field' ? this.#fresh.messages : this.#old.messages;
      if (Object.hasOwn(known, change.message)) continue;
      const advice = didYouMean(change.message, Object.keys(known));
      this.#report(change.at, `there is no message "${change.message}"${advice}`);
    }
  }

  #pair(oldName: string, newName: string): void {
    const [old, fresh] = [this.#old.messages[oldName], this.#fresh.messages[newName]];
    if (old === undefined || fresh === undefined) return;
    if (Object.hasOwn(this.up, oldName) || Object.hasOwn(this.down, newName)) {
      this.#report(fresh.at, `two changes say what becomes of ${oldName}, or what ${newName} was`);
      return;
    }
    const pair: MessagePair = {
      at: fresh.at,
      oldName,
      newName,
      oldShape: old.shape,
      newShape: fresh.shape,
      changes: this.#changesOf(oldName, newName),
    };
    const { up, down } = fieldsBothWays(pair, this.#findings);
    this.up[oldName] = { to: [{ type: newName, when: null, fields: up }] };
    this.down[newName] = { to: [{ type: oldName, when: null, fields: down }] };
  }

  #split(change: SplitMessage): void {
    const parts = change.into.map((part) => this.#part(change, part));
    this.up[change.message] = { to: parts.filter((part) => part !== null) };
    for (const other of this.#changesOf(change.message, '')) {
      this.#report(other.at, `the fields of ${change.message} keep their names in its parts`);
    }
  }

  /** A part has the old fields that it states; the old message has the rest `otherwise`. */
  #part({ message }: SplitMessage, part: MessagePart): MappedMessage | null {
    const [old, fresh] = [this.#old.messages[message], this.#fresh.messages[part.message]];
    if (old === undefined || fresh === undefined) return null;
    if (Object.hasOwn(this.down, part.message)) {
      this.#report(part.at, `two changes say what ${part.message} was`);
    }
    const otherwise = Object.entries(part.otherwise).map(([field, down]): FieldChange => {
      return { kind: 'drop_field', at: down.at, message, field, down };
    });
    // What a part does not have is lacking on the way down alone.
    const kept = Object.entries(old.shape).filter(
      ([name, { isOptional }]) =>
        !isOptional || Object.hasOwn(fresh.shape, name) || Object.hasOwn(part.otherwise, name),
    );
    const { up, down } = fieldsBothWays(
      {
        at: part.at,
        oldName: message,
        newName: part.message,
        oldShape: Object.fromEntries(kept),
        newShape: fresh.shape,
        changes: otherwise,
      },
      this.#findings,
    );
    const when =
      part.when === null
        ? null
        : typedBy(part.when, old.shape, (at, text) => this.#report(at, text));
    if (when !== null && when.type !== 'boolean') {
      this.#report(part.when?.at ?? part.at, '"when" is true or false');
    }
    this.down[part.message] = { to: [{ type: message, when: null, fields: down }] };
    return { type: part.message, when: when?.formula ?? null, fields: up };
  }

  #isThere(change: RenameMessage | SplitMessage): boolean {
    const targets =
      change.kind === 'rename_message' ? [change.to] : change.into.map((one) => one.message);
    const wanted = [
      { name: change.message, known: this.#old.messages, which: 'old' },
      ...targets.map((name) => ({ name, known: this.#fresh.messages, which: 'new' })),
    ];
    const missing = wanted.filter(({ name, known }) => !Object.hasOwn(known, name));
    for (const { name, known, which } of missing) {
      const advice = didYouMean(name, Object.keys(known));
      this.#report(change.at, `the ${which} release has no message "${name}"${advice}`);
    }
    return missing.length === 0;
  }

  #fieldChanges(): FieldChange[] {
    return this.#fresh.changes.filter(
      (one): one is FieldChange => one.kind !== 'rename_message' && one.kind !== 'split_message',
    );
  }

  #changesOf(oldName: string, newName: string): FieldChange[] {
    return this.#fieldChanges().filter(
      (one) => one.message === (one.kind === 'add_field' ? newName : oldName),
    );
  }

  #report(at: Finding['at'], message: string): void {
    this.#findings.push({ code: 'SERVERS_INVALID', at, message });
  }
}
