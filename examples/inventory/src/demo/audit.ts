// Were all acknowledged writes kept, and do both releases tell the same? Pure: compares what the
// load generators know with what servers answered.
//
// A lost write is an acknowledged write whose effect a release does not show; a phantom is an
// effect that nobody wrote; a divergent row is a host that the two releases describe differently.

import type { Answered, Facts } from '../load/facts.js';
import { differences, hostName, initialFacts } from '../load/facts.js';
import type { LedgerReport } from '../load/messages.js';

/** What must be true of one host. */
export interface Expected {
  readonly name: string;
  readonly exists: boolean;
  readonly facts: Facts;
  readonly heartbeats: number;
  /** Null for a host of which no acknowledged write left an event. */
  readonly events: number | null;
  readonly isUncertain: boolean;
}

export interface Findings {
  lostWrites: number;
  phantomWrites: number;
  readonly evidence: string[];
}

/**
 * The generators' ledgers as one: heartbeats of all add up, the rest comes from each host's
 * owner.
 */
export function expectedHosts(hosts: number, ledgers: readonly LedgerReport[]): Expected[] {
  const owned = new Map(ledgers.flatMap((ledger) => ledger.owned).map((own) => [own.name, own]));
  const beats = (name: string) =>
    ledgers.reduce((sum, ledger) => sum + (ledger.heartbeats[name] ?? 0), 0);
  const initial = Array.from({ length: hosts }, (_, index): Expected => {
    const name = hostName(index);
    const { heartbeats, ...facts } = initialFacts(index);
    const own = owned.get(name);
    owned.delete(name);
    return {
      name,
      exists: own?.exists ?? true,
      facts: own?.facts ?? facts,
      heartbeats: heartbeats + beats(name),
      events: own?.events ?? null,
      isUncertain: own?.isUncertain ?? false,
    };
  });
  const created = [...owned.values()].map((own) => ({ ...own, heartbeats: beats(own.name) }));
  return [...initial, ...created];
}

/** What one release shows against what must be. */
export function auditRelease(
  release: string,
  expected: readonly Expected[],
  found: ReadonlyMap<string, Answered>,
): Findings {
  const findings: Findings = { lostWrites: 0, phantomWrites: 0, evidence: [] };
  const known = new Set<string>();
  const note = (kind: 'lostWrites' | 'phantomWrites', count: number, text: string) => {
    findings[kind] += count;
    findings.evidence.push(`${release}: ${text}`);
  };
  for (const host of expected) {
    known.add(host.name);
    const answer = found.get(host.name);
    if (host.isUncertain) continue;
    if (answer === undefined) {
      if (host.exists) note('lostWrites', 1, `${host.name} is missing`);
      continue;
    }
    if (!host.exists) {
      note('lostWrites', 1, `${host.name} was deleted and is there`);
      continue;
    }
    for (const text of differences(host.facts, answer)) {
      note('lostWrites', 1, `${host.name} ${text}`);
    }
    const missing = host.heartbeats - answer.heartbeats;
    const text = `${host.name}: ${answer.heartbeats} heartbeats of ${host.heartbeats}`;
    if (missing > 0) note('lostWrites', missing, text);
    if (missing < 0) note('phantomWrites', -missing, text);
  }
  const strangers = [...found.keys()].filter((name) => !known.has(name));
  for (const name of strangers) note('phantomWrites', 1, `nobody created ${name}`);
  return findings;
}

/** Hosts that two releases describe differently, with what differs; every field counts. */
export function divergence(
  one: ReadonlyMap<string, Answered>,
  other: ReadonlyMap<string, Answered>,
): string[] {
  const names = new Set([...one.keys(), ...other.keys()]);
  return [...names].flatMap((name) => {
    const left = JSON.stringify(ordered(one.get(name)));
    const right = JSON.stringify(ordered(other.get(name)));
    return left === right ? [] : [`${name}: ${left} against ${right}`];
  });
}

/** Fields in one order, whatever the order in which they were put together. */
function ordered(host: Answered | undefined): unknown {
  if (host === undefined) return null;
  return Object.entries(host).sort(([left], [right]) => (left < right ? -1 : 1));
}
