// Whether the server of this machine answers where halflap.yaml says: people and programs, and
// agents; by which certificate, and until when.

import { get as getPlain, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';
import { checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { EXIT } from '@halflap/protocol';
import { utc } from '../print.js';
import type { Address } from '../server-config.js';
import { type Check, type Finding, failed, ok, warning } from './check.js';

export interface EndpointLooking {
  readonly listen: Address;
  readonly agents: Address;
  /** Whether an operator's certificate is served, and not one of the cluster's authority. */
  readonly hasCertificate: boolean;
  /** The cluster's authority in PEM; null where it is not known. */
  authority(): Promise<string | null>;
  readonly timeoutMs: number;
  readonly clock: () => Date;
}

/** Beside its own names, every server's certificate of the cluster's authority has this one. */
const SERVER_NAME = 'halflap-server';
const DAY_MS = 24 * 3600 * 1000;
const ENDING_DAYS = 14;
const START = 'start it: halflap serve; and read its log';

export function endpointChecks(looking: EndpointLooking): Check[] {
  const { listen, agents } = looking;
  const isPlain = isLocal(listen.host) && !looking.hasCertificate;
  const api = { name: 'API', of: textOf(listen) };
  const endpoint = { name: 'agents’ endpoint', of: textOf(agents) };
  return [
    { ...api, run: async () => [await apiFinding(api, isPlain, looking)] },
    { ...endpoint, run: async () => [await agentsFinding(endpoint, looking)] },
  ];
}

type Place = Pick<Check, 'name' | 'of'>;

async function apiFinding(place: Place, isPlain: boolean, looking: EndpointLooking) {
  const { listen, timeoutMs } = looking;
  const url = `${isPlain ? 'http' : 'https'}://${dialled(listen)}/readyz`;
  const answer = await ask(url, timeoutMs).catch((error: Error) => error);
  if (answer instanceof Error) return failed(place, `no answer: ${answer.message}`, START, GONE);
  const { certificate: shown } = answer;
  const certificate = shown === null ? null : certificateFinding(place, shown, looking);
  if (certificate?.state === 'failed') return certificate;
  return readyFinding(place, answer, certificate);
}

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly certificate: PeerCertificate | null;
}

/** Far beyond what is said there. */
const MOST_LETTERS = 100_000;

/** Believes any certificate: it is looked at, and no secret is sent. */
function ask(url: string, timeoutMs: number): Promise<Answered> {
  const signal = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve, reject) => {
    const read = async (response: IncomingMessage) => {
      const socket = response.socket as TLSSocket;
      const certificate = socket.encrypted ? socket.getPeerCertificate() : null;
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) {
        text += chunk;
        if (text.length > MOST_LETTERS) break;
      }
      resolve({ status: response.statusCode ?? 0, text, certificate });
    };
    const answered = (response: IncomingMessage) => void read(response).catch(reject);
    const request = url.startsWith('https:')
      ? getSecure(url, { agent: false, signal, rejectUnauthorized: false }, answered)
      : getPlain(url, { agent: false, signal }, answered);
    request.on('error', reject);
  });
}

const GONE = EXIT.unreachable;

interface Ready {
  readonly ready?: boolean;
  readonly shards?: readonly { readonly shard: string; readonly served: boolean }[];
  readonly bus?: {
    readonly driver: string;
    readonly linked: boolean;
    readonly following: boolean;
  } | null;
}

function readyFinding(
  place: Place,
  { status, text }: { readonly status: number; readonly text: string },
  certificate: Finding | null,
): Finding {
  const ready = readyIn(text);
  if (ready === undefined) {
    const next = 'end what listens there, or name another address under server: listen';
    return failed(place, `what answers is no server of Halflap: status ${status}`, next, GONE);
  }
  const away = ready.shards?.filter(({ served }) => !served).map(({ shard }) => shard) ?? [];
  const over = certificate === null ? 'without TLS' : certificate.found;
  if (ready.ready !== true) {
    if (ready.bus?.following === false) {
      const found = `not ready yet: it does not reach its ${ready.bus.driver}`;
      return warning(place, found, 'look again in some seconds: it has just started');
    }
    const why = away.length === 0 ? '' : `, no answer from ${away.join(', ')}`;
    return failed(place, `it says that it is not ready${why}`, 'bring its shards back');
  }
  if (away.length > 0) {
    const found = `ready but for ${away.join(', ')}; ${over}`;
    return warning(place, found, 'bring these shards back');
  }
  if (ready.bus?.linked === false) {
    const found = `ready; it does not reach its ${ready.bus.driver}; ${over}`;
    return warning(place, found, 'look at the check of that; news come later meanwhile');
  }
  return certificate?.state === 'warning'
    ? { ...certificate, found: `ready; ${certificate.found}` }
    : ok(place, `ready; ${over}`);
}

function readyIn(text: string): Ready | undefined {
  try {
    const value = JSON.parse(text) as Ready;
    return typeof value.ready === 'boolean' ? value : undefined;
  } catch {
    return undefined;
  }
}

async function agentsFinding(place: Place, looking: EndpointLooking): Promise<Finding> {
  const { agents, timeoutMs } = looking;
  const authority = await looking.authority().catch(() => null);
  const shown = await handshake(agents, authority, timeoutMs);
  if ('problem' in shown) return failed(place, shown.problem, START, GONE);
  if (authority !== null && shown.distrust !== null) {
    const found = `its certificate is not of this cluster: ${shown.distrust}`;
    const next = 'another program, or a server of another cluster, has this port';
    return failed(place, found, next);
  }
  const finding = certificateFinding(place, shown.certificate, looking);
  const isKnown = authority === null ? '; the authority could not be compared' : '';
  return { ...finding, found: finding.found + isKnown };
}

function certificateFinding(
  place: Place,
  certificate: PeerCertificate,
  { clock }: EndpointLooking,
): Finding {
  const ends = new Date(certificate.valid_to);
  const days = Math.floor((ends.getTime() - clock().getTime()) / DAY_MS);
  const found = `certificate good until ${utc(ends).slice(0, 10)}`;
  const next =
    'renew it: the files of server: tls_certificate_file and tls_key_file are read again';
  if (days < 0) return failed(place, `its certificate ended at ${utc(ends)}`, next);
  return days < ENDING_DAYS ? warning(place, found, next) : ok(place, found);
}

interface Shown {
  readonly certificate: PeerCertificate;
  /** Why it is not of the authority; null when it is. */
  readonly distrust: string | null;
}

/** Looks at the certificate; sends nothing and believes nothing. Never rejects. */
function handshake(address: Address, ca: string | null, timeoutMs: number) {
  return new Promise<Shown | { readonly problem: string }>((resolve) => {
    const { host, port } = { ...address, host: near(address.host) };
    const socket: TLSSocket = connect({
      ...{ host, port, servername: SERVER_NAME, rejectUnauthorized: false },
      ...(ca === null ? {} : { ca }),
    });
    // Also while nothing happens at all: the timer of the socket would not end a connection that
    // is not there yet.
    const timer = setTimeout(() => socket.destroy(new Error('no handshake in time')), timeoutMs);
    socket.once('error', (error) => {
      clearTimeout(timer);
      resolve({ problem: `nothing answers by TLS: ${error.message}` });
    });
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      const certificate = socket.getPeerCertificate();
      const wrongName = checkServerIdentity(SERVER_NAME, certificate)?.message;
      const distrust = socket.authorized ? null : String(socket.authorizationError);
      socket.destroy();
      resolve({ certificate, distrust: distrust ?? wrongName ?? null });
    });
  });
}

/** Where this machine reaches what listens on all of its addresses. */
function near(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

function dialled({ host, port }: Address): string {
  const name = near(host);
  return `${name.includes(':') ? `[${name}]` : name}:${port}`;
}

function textOf({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Where a server without a certificate of an operator does without TLS. */
function isLocal(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}
