// What a server needs beside its shards: NATS, the provider where people sign in, the mail server,
// room on its disk, files that only it may read.

import { stat, statfs } from 'node:fs/promises';
import {
  checkProvider,
  type MailOptions,
  type OidcSettings,
  readNatsFacts,
  type ServerOptions,
  verifyMail,
} from '@halflap/server';
import { count } from '../print.js';
import type { SecretSource } from '../secrets.js';
import { type Check, failed, failure, ok, warning } from './check.js';

const GIBIBYTE = 2 ** 30;
/** PostgreSQL stops where its disk is full; a look comes too late then. */
const ROOM = { warningBytes: 5 * GIBIBYTE, failedBytes: GIBIBYTE };
/** A stream that is full drops what is oldest. */
const FULL = 0.8;

export function natsCheck(nats: NonNullable<ServerOptions['nats']>, timeoutMs: number): Check {
  const place = { name: 'NATS', of: String(nats.servers) };
  const run = async () => {
    try {
      const { version, stream } = await readNatsFacts({ connection: nats }, { timeoutMs });
      if (stream === null) return [ok(place, `NATS ${version}; a server makes the stream`)];
      const { messages, bytes, mostBytes, readers } = stream;
      const found = `NATS ${version}; ${count(messages)} messages kept, ${readers} readers`;
      if (bytes < FULL * mostBytes) return [ok(place, found)];
      const next = 'followers are slow, or messages large: look at the servers’ logs';
      return [warning(place, `${found}; the stream is nearly full`, next)];
    } catch (error) {
      return [failure(place, error, 'start it: servers go on meanwhile, news come later')];
    }
  };
  return { ...place, run };
}

export function providerCheck(oidc: OidcSettings, timeoutMs: number): Check {
  const place = { name: 'sign-in provider', of: oidc.issuer };
  const run = async () => {
    try {
      await checkProvider(oidc, timeoutMs);
      return [ok(place, 'answers')];
    } catch (error) {
      return [failure(place, error, 'look at the provider; passwords and tokens work meanwhile')];
    }
  };
  return { ...place, run };
}

export function mailCheck(mail: MailOptions, timeoutMs: number): Check {
  const place = { name: 'mail server', of: new URL(mail.url).host };
  const run = async () => {
    try {
      await verifyMail(mail, timeoutMs);
      return [ok(place, 'takes mail')];
    } catch (error) {
      return [failure(place, error, 'correct its URL or start it; mail of alerts waits')];
    }
  };
  return { ...place, run };
}

/** @param least bytes below which it is said; for tests of a disk that has room */
export function diskCheck(directory: string, least = ROOM): Check {
  const place = { name: 'disk', of: directory };
  const run = async () => {
    const { bavail, bsize, ffree, files } = await statfs(directory);
    const bytes = bavail * bsize;
    const found = `${(bytes / GIBIBYTE).toFixed(1)} GiB free`;
    const next = 'make room: PostgreSQL stops when its disk is full';
    if (bytes < least.failedBytes) return [failed(place, found, next)];
    if (files > 0 && ffree === 0) return [failed(place, 'no inode is free', next)];
    return [bytes < least.warningBytes ? warning(place, found, next) : ok(place, found)];
  };
  return { ...place, run };
}

/** Files that hold secrets are their owner's alone. */
export function secretFilesCheck(sources: readonly (SecretSource | undefined)[]): Check[] {
  const files = [...new Set(sources.flatMap((one) => one?.file ?? []))];
  if (files.length === 0) return [];
  const name = 'secret files';
  const run = async () => {
    const open: string[] = [];
    for (const file of files) {
      const found = await stat(file).catch(() => null);
      // One that cannot be read is told where it is needed.
      if (found !== null && (found.mode & FOR_OTHERS) !== 0) open.push(file);
    }
    const place = { name, of: null };
    if (open.length === 0) return [ok(place, `${files.length} are their owner’s alone`)];
    const next = `chmod o= ${open.join(' ')}`;
    return [warning(place, `every user of this machine may use ${open.join(', ')}`, next)];
  };
  return [{ name, of: null, run }];
}

/** A group may share it: that is how services are let read what root owns. */
const FOR_OTHERS = 0o007;
