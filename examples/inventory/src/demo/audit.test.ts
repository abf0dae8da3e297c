import { describe, expect, it } from 'vitest';
import { type Answered, hostName, initialFacts } from '../load/facts.js';
import type { LedgerReport, OwnedHost } from '../load/messages.js';
import { auditRelease, divergence, expectedHosts } from './audit.js';

const HOSTS = 3;

function answered(index: number, change: Partial<Answered> = {}): [string, Answered] {
  const name = hostName(index);
  const host = { id: String(index), name, lastSeen: null, load: null, agentVersion: null };
  return [name, { ...host, ...initialFacts(index), ...change }];
}

function ledger(owned: readonly OwnedHost[], heartbeats: Record<string, number>): LedgerReport {
  return { kind: 'ledger', owned, heartbeats, acknowledged: 0 };
}

const { heartbeats: _, ...facts } = initialFacts(1);
const own = { name: hostName(1), exists: true, facts, events: 0, isUncertain: false };
const all = () => new Map([answered(0), answered(1), answered(2)]);

describe('auditRelease', () => {
  it('finds nothing where everything is as it was acknowledged', () => {
    const findings = auditRelease('1.0', expectedHosts(HOSTS, [ledger([], {})]), all());
    expect(findings).toEqual({ lostWrites: 0, phantomWrites: 0, evidence: [] });
  });

  it('counts an edit that is not shown', () => {
    const edited = { ...own, facts: { ...facts, owner: 'other' } };
    const expected = expectedHosts(HOSTS, [ledger([edited], {})]);
    expect(auditRelease('1.0', expected, all())).toMatchObject({
      lostWrites: 1,
      evidence: ['1.0: host-000001 owner: expected other, found team-1'],
    });
  });

  it('adds up the heartbeats of all generators, and counts each that is missing', () => {
    const expected = expectedHosts(HOSTS, [
      ledger([], { [hostName(2)]: 3 }),
      ledger([], { [hostName(2)]: 4 }),
    ]);
    const found = all();
    found.set(...answered(2, { heartbeats: initialFacts(2).heartbeats + 5 }));
    expect(auditRelease('2.0', expected, found)).toMatchObject({ lostWrites: 2 });
    found.set(...answered(2, { heartbeats: initialFacts(2).heartbeats + 8 }));
    expect(auditRelease('2.0', expected, found)).toMatchObject({ phantomWrites: 1 });
  });

  it('notices a host that is missing, one that came back, and one that nobody made', () => {
    const expected = expectedHosts(HOSTS, [ledger([{ ...own, exists: false }], {})]);
    const found = all();
    found.delete(hostName(0));
    found.set('stranger', { ...answered(0)[1], name: 'stranger' });
    const { lostWrites, phantomWrites, evidence } = auditRelease('2.0', expected, found);
    expect({ lostWrites, phantomWrites }).toEqual({ lostWrites: 2, phantomWrites: 1 });
    expect(evidence).toEqual([
      '2.0: host-000000 is missing',
      '2.0: host-000001 was deleted and is there',
      '2.0: nobody created stranger',
    ]);
  });

  it('says nothing of a host of which nobody can know', () => {
    const expected = expectedHosts(HOSTS, [ledger([{ ...own, isUncertain: true }], {})]);
    const found = all();
    found.delete(hostName(1));
    expect(auditRelease('1.0', expected, found).evidence).toEqual([]);
  });
});

describe('divergence', () => {
  it('compares every field, whatever the order in which they came', () => {
    const [name, host] = answered(1);
    const other = Object.fromEntries(Object.entries(host).reverse()) as typeof host;
    expect(divergence(new Map([[name, host]]), new Map([[name, other]]))).toEqual([]);
    const changed = { ...host, lastSeen: '2030-01-01T00:00:00.000Z' };
    expect(divergence(new Map([[name, host]]), new Map([[name, changed]]))).toHaveLength(1);
  });

  it('finds a host that only one release shows', () => {
    expect(divergence(new Map([answered(1)]), new Map())).toHaveLength(1);
  });
});
