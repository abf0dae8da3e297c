// What a support bundle is made of: one text for each thing that somebody who helps wants to see.
//
// Invariant: each text is bounded, is scrubbed, and is there even where it could not be had: then
// it says why.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem, uptime } from 'node:os';
import { basename } from 'node:path';
import { readExcerpt, readHomeFacts, readStoreFacts } from '@halflap/server';
import picocolors from 'picocolors';
import { jsonOf } from '../actions/doctor.js';
import type { Access } from '../api/connect.js';
import { createWire } from '../api/wire.js';
import type { Diagnosis } from '../doctor/whole.js';
import { doctorText } from '../doctor-view.js';
import { statusView } from '../status-view.js';
import { configView } from './config-view.js';
import { scrub, scrubbedJson } from './scrub.js';

export interface Entry {
  /** `store/s1.json`. */
  readonly name: string;
  readonly text: string;
}

export interface EntriesOptions {
  readonly version: string;
  readonly now: Date;
  readonly timeoutMs: number;
  /** Files of logs, the end of each is taken. */
  readonly logs: readonly string[];
  /** Whom to ask for figures; why nobody can be asked, where it is an error. */
  readonly access: Access | Error;
}

/** Of each text at most. */
export const MOST_BYTES = 1024 * 1024;

/** Never throws. */
export async function entriesOf(found: Diagnosis, options: EntriesOptions): Promise<Entry[]> {
  const { findings, ground } = found;
  const whole = { colors: picocolors.createColors(false), width: Number.POSITIVE_INFINITY };
  const made = [
    { name: 'README.txt', text: async () => README },
    { name: 'doctor.txt', text: async () => `${doctorText(findings, whole)}\n` },
    { name: 'doctor.json', text: async () => scrubbedJson({ checks: findings.map(jsonOf) }) },
    { name: 'versions.json', text: async () => scrubbedJson(versions(options)) },
    {
      name: 'configuration.json',
      text: async () =>
        scrubbedJson(ground.config === undefined ? null : configView(ground.config)),
    },
    { name: 'status.json', text: () => status(found) },
    ...(ground.home === undefined ? [] : stores(found, options)),
    { name: 'metrics.txt', text: () => metrics(options) },
    ...options.logs.map((file, at) => ({
      name: `logs/${at + 1}-${basename(file)}`,
      text: async () => endOf(file),
    })),
  ];
  return Promise.all(
    made.map(async ({ name, text }) => ({ name, text: bounded(await had(text)) })),
  );
}

const README = `What halflap support has gathered for somebody who helps from afar.

doctor.*            what was found, and what to do about it
versions.json       of halflap, Node, the machine
configuration.json  halflap.yaml, made anew without secrets: where each is stands there
status.json         each shard: release, phase, servers, connections, transactions
store/*             the store on each shard: counts, and the last of what happened
metrics.txt         figures of one server
logs/*              the end of the logs that were named

Each text ends after 1 MiB. Left out on purpose: passwords, keys, tokens, addresses of webhooks,
what jobs run and write, labels and notes of hosts, messages of the bus, details of the audit log.
Names of hosts, servers, users and roles are in it.
`;

function versions({ version, now }: EntriesOptions) {
  return {
    ...{ halflap: version, node: process.version, v8: process.versions.v8 },
    openssl: process.versions.openssl,
    platform: `${platform()} ${release()} ${arch()}`,
    ...{ processors: cpus().length, memoryBytes: totalmem(), upSeconds: Math.round(uptime()) },
    madeAt: now,
  };
}

async function status({ ground, reports }: Diagnosis): Promise<string> {
  const shards = await Promise.all(
    [...reports].map(async ([name, report]) => {
      const { status: of, health } = await report();
      return { ...statusView(name, ground.app, of), health };
    }),
  );
  return scrubbedJson({ shards });
}

function stores({ ground }: Diagnosis, { timeoutMs }: EntriesOptions) {
  return ground.shards.map((shard) => ({
    name: `store/${shard.name}.json`,
    async text() {
      if (typeof shard.url !== 'string') throw shard.url;
      const place = { name: shard.name, url: shard.url };
      const isHome = shard.name === ground.home;
      const { buckets, ...facts } = await readStoreFacts(place, { timeoutMs });
      const owned = buckets.owned.length;
      return scrubbedJson({
        facts: { ...facts, buckets: { owned, leaving: buckets.leaving } },
        home: isHome ? await homeView(place, ground.secret, timeoutMs) : null,
        ...(await readExcerpt(place, { isHome, timeoutMs })),
      });
    },
  }));
}

async function homeView(
  place: { readonly name: string; readonly url: string },
  secret: Buffer | undefined,
  timeoutMs: number,
) {
  const { authority: _, ...facts } = await readHomeFacts(place, secret, { timeoutMs });
  return facts;
}

/** As Prometheus reads them. */
async function metrics({ access, timeoutMs }: EntriesOptions): Promise<string> {
  if (access instanceof Error) throw access;
  const { server, token, ca } = access;
  if (token === undefined) return 'not asked for: no token; halflap login, or --token-file\n';
  const wire = createWire(ca);
  try {
    const answer = await wire.exchange({
      ...{ method: 'GET', url: new URL(`${server}/metrics`) },
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(timeoutMs),
    });
    if ('error' in answer) throw answer.error;
    return answer.status === 200 ? answer.text : `${server} answers with ${answer.status}\n`;
  } finally {
    wire.close();
  }
}

function endOf(file: string): string {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const text = Buffer.alloc(Math.min(size, MOST_BYTES));
    const length = readSync(descriptor, text, 0, text.length, Math.max(0, size - MOST_BYTES));
    const end = text.subarray(0, length).toString('utf8');
    // A line that was cut could show half of what would be known for a secret as a whole.
    return size > MOST_BYTES ? end.slice(end.indexOf('\n') + 1) : end;
  } finally {
    closeSync(descriptor);
  }
}

async function had(make: () => Promise<string>): Promise<string> {
  try {
    return scrub(await make());
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return scrub(`could not be had: ${reason}\n`);
  }
}

function bounded(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MOST_BYTES) return text;
  return `${bytes.subarray(0, MOST_BYTES).toString('utf8')}\n… cut after ${MOST_BYTES} bytes\n`;
}
