// Facts from one side to the other: whatever changes on a host, a server that applies the reports
// has what the agent has, and no message is too long.

import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  applyReport,
  checkAgentFrame,
  type InstalledPackage,
  MAX_FRAME_BYTES,
  packageKey,
  type Report,
  type Service,
  type Snapshot,
} from '@halflap/protocol/agent';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FactReports } from './reports.js';

const ignore = () => undefined;
let warnings: string[] = [];
const log = {
  ...{ debug: ignore, info: ignore, error: ignore },
  warn: (_: object, message: string) => void warnings.push(message),
};

let directory = '';
beforeEach(async () => {
  warnings = [];
  directory = await fs.mkdtemp(join(tmpdir(), 'halflap-reports-'));
});
afterEach(() => fs.rm(directory, { recursive: true }));

const GIB = 1024 ** 3;

const SNAPSHOT: Snapshot = {
  system: {
    hostname: 'one',
    machineId: null,
    os: { id: 'debian', version: '12', name: 'Debian' },
    kernel: '6.1.0-28-amd64',
    architecture: 'x86_64',
    cpu: { model: 'some', cores: 2 },
    memoryBytes: 4 * GIB,
    swapBytes: 0,
    bootedAt: '2026-11-29T03:16:45Z',
    timezone: 'UTC',
    virtualization: null,
    disks: [disk(10 * GIB)],
    networks: [],
    rebootReasons: [],
  },
  packages: [packageOf('bash', '5.2')],
  services: [],
};

describe('reports', () => {
  it('give a server what the agent has, whatever changes and whatever is lost', async () => {
    const seed = Number(process.env.HALFLAP_TEST_SEED ?? Date.now() % 1_000_000);
    const random = randomFrom(seed);
    let reports = await FactReports.open(directory, log);
    let revision = 0;
    let known: Snapshot | null = null;
    let host = SNAPSHOT;
    for (let step = 0; step < 60; step += 1) {
      host = changed(host, random);
      reports.found(host);
      const frames = reports.pending();
      for (const frame of frames) expect(problemsOf(frame), `seed ${seed}`).toEqual([]);
      const [first] = frames;
      if (first !== undefined) {
        expect(first.base ?? revision).toBe(revision);
        revision = first.revision;
        known = applyReport(known, frames);
        expect(sorted(known), `seed ${seed}, step ${step}`).toEqual(sorted(host));
      }
      const luck = random();
      if (first !== undefined && luck < 0.8) await reports.reported(first.revision, false);
      // The agent is started anew, or the connection was: both begin by comparing revisions.
      if (luck > 0.7) {
        if (luck > 0.85) reports = await FactReports.open(directory, log);
        if (reports.acknowledged !== revision) await reports.reported(revision, true);
      }
    }
    expect(warnings).toEqual([]);
  });

  it('are cut into messages that are short enough, of one revision', async () => {
    const reports = await FactReports.open(directory, log);
    const packages = Array.from({ length: 9000 }, (_, number) =>
      packageOf(`${'ö'.repeat(100)}-${number}`, '1'),
    );
    reports.found({ ...SNAPSHOT, packages });
    const frames = reports.pending();
    expect(frames.length).toBeGreaterThan(9);
    expect(frames.flatMap(problemsOf)).toEqual([]);
    expect(new Set(frames.map(({ revision, base }) => `${revision} ${base}`)).size).toBe(1);
    expect(frames.map(({ isLast }) => isLast).lastIndexOf(false)).toBe(frames.length - 2);
    expect(applyReport(null, frames).packages).toEqual(packages);
  });

  it('say nothing of what only wavers, or could not be found out', async () => {
    const reports = await told(SNAPSHOT);
    const system = {
      ...SNAPSHOT.system,
      bootedAt: '2026-11-29T03:16:46Z',
      disks: [disk(10 * GIB + GIB / 8)],
    };
    expect(reports.found({ system, packages: null, services: null })).toBe(false);
    // Slowly is a change, too, once it is large enough.
    expect(reports.found({ ...SNAPSHOT, system: { ...system, disks: [disk(12 * GIB)] } })).toBe(
      true,
    );
    expect(reports.pending()).toMatchObject([{ base: 1, revision: 2, system: { disks: [{}] } }]);
    expect(reports.pending()[0]).not.toHaveProperty('packages');
  });

  it('go on as deltas in an agent that starts anew', async () => {
    await told(SNAPSHOT);
    const again = await FactReports.open(directory, log);
    expect(again.acknowledged).toBe(1);
    again.found({ ...SNAPSHOT, packages: [packageOf('bash', '5.3')] });
    expect(again.pending()).toMatchObject([
      { base: 1, revision: 2, packages: { changed: [{ version: '5.3' }], removed: [] } },
    ]);
  });

  for (const [damage, content] of [
    ['is cut off', '{"format":1,"revision":1,"snap'],
    ['holds something else', '{"format":1,"revision":1,"snapshot":{"system":[]}}'],
    ['is of a later format', '{"format":2}'],
    ['holds nothing', 'null'],
  ] as const) {
    it(`tell everything when the kept file ${damage}`, async () => {
      await told(SNAPSHOT);
      await fs.writeFile(join(directory, 'acknowledged.json'), content);
      const again = await FactReports.open(directory, log);
      again.found(SNAPSHOT);
      expect(again.acknowledged).toBe(0);
      expect(again.pending()).toMatchObject([{ base: null, system: { hostname: 'one' } }]);
      expect(warnings).toHaveLength(1);
    });
  }
});

async function told(snapshot: Snapshot): Promise<FactReports> {
  const reports = await FactReports.open(directory, log);
  reports.found(snapshot);
  await reports.reported(1, false);
  return reports;
}

function problemsOf(frame: Report): readonly string[] {
  const text = JSON.stringify(frame);
  const checked = checkAgentFrame(JSON.parse(text));
  const size = Buffer.byteLength(text);
  if (size > MAX_FRAME_BYTES) return [`${size} bytes`];
  return checked.ok ? [] : checked.problems;
}

function disk(usedBytes: number): Snapshot['system']['disks'][number] {
  const device = { mount: '/', device: '/dev/vda', fileSystem: 'ext4' };
  return { ...device, sizeBytes: 100 * GIB, usedBytes };
}

function packageOf(name: string, version: string): InstalledPackage {
  const about = { candidate: null, isSecurity: false, isHeld: false };
  return { manager: 'dpkg', name, architecture: 'amd64', version, ...about };
}

function serviceOf(name: string, active: string): Service {
  const about = { description: name, load: 'loaded', sub: 'running', enabled: null, since: null };
  return { name, active, ...about };
}

/** Another state of the host: some packages and services come, change or go, or the system does. */
function changed(host: Snapshot, random: () => number): Snapshot {
  const among = <Item>(items: readonly Item[] | null, make: (number: number) => Item) => {
    const kept = (items ?? []).filter(() => random() < 0.9);
    const number = Math.floor(random() * 300);
    return [...kept, ...Array.from({ length: number % 7 }, (_, more) => make(number + more))];
  };
  const packages = among(host.packages, (number) =>
    packageOf(`package-${number}`, String(Math.floor(random() * 3))),
  );
  const services = among(host.services, (number) =>
    serviceOf(`service-${number}.service`, random() < 0.5 ? 'active' : 'failed'),
  );
  const kernel = random() < 0.2 ? `6.1.0-${Math.floor(random() * 99)}` : host.system.kernel;
  return {
    system: { ...host.system, kernel },
    packages: random() < 0.3 ? host.packages : latest(packages, packageKey),
    services: random() < 0.3 ? host.services : latest(services, ({ name }) => name),
  };
}

function latest<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[] {
  return [...new Map(items.map((item) => [keyOf(item), item])).values()];
}

function sorted({ system, packages, services }: Snapshot): Snapshot {
  const byText = (items: readonly object[]) => items.map((item) => JSON.stringify(item)).sort();
  return {
    system,
    packages: byText(packages ?? []) as never,
    services: byText(services ?? []) as never,
  };
}

/** mulberry32: small, and the same on every machine. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
