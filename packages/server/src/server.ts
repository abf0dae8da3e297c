// One server of the cluster: everything that it runs, started in order and stopped in reverse.
//
// A server has no state of its own but its leases: what it is doing is in the store, and any other
// server goes on with it.

import type { Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { redeemEnrolmentToken } from './access/enrolment.js';
import { makeSetupToken } from './access/setup.js';
import { cannotListen, type Endpoint, startEndpoint } from './agents/endpoint.js';
import { type Journals, startJournals } from './agents/journals.js';
import { type Alerts, startAlerts } from './alerts/alerts.js';
import type { MailOptions } from './alerts/mail.js';
import { createApi } from './api/app.js';
import {
  type CertificateFiles,
  type CertificatePair,
  followCertificate,
  readCertificate,
} from './api/certificate-files.js';
import { alertRoutes } from './api/routes/alerts.js';
import { authorityRoutes } from './api/routes/authority.js';
import { betweenServersRoutes } from './api/routes/between-servers.js';
import { busRoutes } from './api/routes/bus.js';
import { campaignRoutes } from './api/routes/campaigns.js';
import { clusterRoutes } from './api/routes/clusters.js';
import { evolutionRoutes } from './api/routes/evolutions.js';
import { jobRoutes } from './api/routes/jobs.js';
import { journalRoutes } from './api/routes/journals.js';
import { type ApiSettings, DEFAULT_SETTINGS } from './api/settings.js';
import { type Authority, openAuthority } from './authority/authority.js';
import { watchKeys } from './authority/watch.js';
import { Bus } from './bus/bus.js';
import type { Carrier } from './bus/carrier.js';
import { natsCarrier } from './bus/nats.js';
import type { NatsOptions } from './bus/nats-link.js';
import { postgresCarrier } from './bus/postgres.js';
import { type Campaigns, startCampaigns } from './campaigns/campaigns.js';
import { busDoorbell } from './jobs/doorbell.js';
import { type Jobs, startJobs } from './jobs/jobs.js';
import type { StoreShard } from './store/install.js';
import { type Log, openStore, type Store } from './store/store.js';

/** Where to listen; port 0 is any that is free. */
export interface Listen {
  readonly host: string;
  readonly port: number;
}

export interface ServerOptions {
  /** How people and shards know this server; no two of a cluster have one name. */
  readonly name: string;
  readonly version: string;
  /** All shards; their names never change. */
  readonly shards: readonly StoreShard[];
  /** The shard of what belongs to the whole fleet; default: the first. */
  readonly home?: string;
  /** SECRET_BYTES that all servers of the cluster have, and nobody else. */
  readonly secret: Buffer;
  /**
   * Where people and programs come: by TLS with `certificate` or `api.tls`; without these plain
   * HTTP on this machine alone, and elsewhere a certificate of the cluster's authority.
   */
  readonly listen: Listen;
  readonly api?: Partial<ApiSettings>;
  /** What the API is served with, in place of `api.tls`; looked at again when renewed. */
  readonly certificate?: CertificateFiles;
  /** The directory of the console's files; without one there is no console. */
  readonly console?: string;
  readonly agents: Listen;
  /** Names and addresses by which people and agents reach this server. */
  readonly names: readonly string[];
  /** A broker for the bus between servers; without one it is carried by the shards themselves. */
  readonly nats?: NatsOptions['connection'];
  /** What sends mail of alerts; without it mail waits for a server that can. */
  readonly mail?: MailOptions;
  readonly log: Log;
  /** How the server runs; defaults in PACE. */
  readonly pace?: Partial<ServerPace>;
}

export interface ServerPace {
  /** Connections per shard. */
  readonly poolSize: number;
  /** 1–3600. */
  readonly heartbeatSeconds: number;
  /** How often agents look at their facts again; 1–86400. */
  readonly reportSeconds: number;
  /** TLS handshakes of agents that begin in a second. */
  readonly handshakesPerSecond: number;
  readonly hostCertificateDays: number;
  /** After this time of silence another server goes on with the jobs of this one. */
  readonly jobLeaseSeconds: number;
  /** How often the application of a campaign is asked for its signals; 1–10. */
  readonly signalSeconds: number;
  /** How often the files of `certificate` are looked at. */
  readonly certificateSeconds: number;
  /** How long jobs and their output are kept after their end. */
  readonly jobsKeptDays: number;
  /** How long the history of a campaign is kept after its end. */
  readonly campaignsKeptDays: number;
}

/** What a server does where it is not told otherwise. */
export const PACE: ServerPace = {
  poolSize: 10,
  heartbeatSeconds: 20,
  reportSeconds: 60,
  handshakesPerSecond: 200,
  hostCertificateDays: 90,
  jobLeaseSeconds: 15,
  signalSeconds: 5,
  certificateSeconds: 10,
  jobsKeptDays: 90,
  campaignsKeptDays: 365,
};

export interface Server {
  readonly store: Store;
  readonly agents: Endpoint;
  /** Where the API is: `http://127.0.0.1:8440`. */
  readonly address: string;
  /** In PEM: what signs the certificates of this cluster. */
  readonly authority: string;
  /** For the first user, while there is none: valid for a day. */
  readonly setupToken: string | null;
  /** By which an agent knows the authority before it has it: `sha256:HEX`. */
  readonly pin: string;
  /** Ends in order: agents are told, what is under way ends. Idempotent. */
  stop(): Promise<void>;
}

/** @throws what `openStore`, `openAuthority` and `listen` do; nothing then goes on running. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const running = new Running();
  try {
    return await start(options, running);
  } catch (error) {
    await running.stop();
    throw error;
  }
}

const clock = () => new Date();

async function start(options: ServerOptions, running: Running): Promise<Server> {
  const pace = { ...PACE, ...options.pace };
  const { name, log, shards, home, secret, names } = options;
  const place = { server: name, poolSize: pace.poolSize, shards, log };
  const store = await openStore(home === undefined ? place : { ...place, home });
  running.add(() => store.close());
  const { hostCertificateDays, jobLeaseSeconds: leaseSeconds, jobsKeptDays: keptDays } = pace;
  const reading = { secret, hostCertificateDays, clock, server: name };
  const authority = await openAuthority(store, reading);
  running.add(watchKeys(authority, log));
  const bus = new Bus({ fleet: store.fleet, server: name, carrier: carrierOf(options), clock });
  bus.start();
  running.add(() => bus.stop());
  // Neither is waited for: what a broker would bring is found by looking, a little later.
  const doorbell = busDoorbell(bus, log);
  const journals = startJournals({ store, bus, server: name, log });
  const life = { leaseSeconds, keptDays };
  const jobs = startJobs({ store, authority, doorbell, server: name, log, ...life });
  running.add(() => jobs.stop());
  const shared = { store, server: name, leaseSeconds, clock, log };
  const { signalSeconds, campaignsKeptDays } = pace;
  const lasting = { signalSeconds, keptDays: campaignsKeptDays };
  const campaigns = startCampaigns({ ...shared, ...lasting, secret, jobs });
  running.add(() => campaigns.stop());
  const alerts = alertsOf(options, store);
  running.add(() => alerts.stop());
  const duties = [jobs.duty, journals.duty];
  const agents = await startEndpoint({
    ...{ store, authority, duties, log, clock, names, server: name, version: options.version },
    ...{ heartbeatSeconds: pace.heartbeatSeconds, reportSeconds: pace.reportSeconds },
    handshakesPerSecond: pace.handshakesPerSecond,
    now: () => performance.now(),
    random: Math.random,
    listen: options.agents,
    redeem: redeemEnrolmentToken,
  });
  running.add(() => agents.stop());
  const ground = { options, store, authority, bus, jobs, journals, alerts, campaigns };
  const address = await listen(ground, running);
  const [setupToken, pin] = [await makeSetupToken(store), await authority.pin()];
  const { certificate } = authority;
  const stop = () => running.stop();
  return { store, agents, address, authority: certificate, setupToken, pin, stop };
}

function alertsOf({ name, secret, mail, log }: ServerOptions, store: Store): Alerts {
  const around = { clock, now: () => performance.now(), random: Math.random, log };
  return startAlerts({ store, server: name, secret, mail, ...around });
}

function carrierOf({ nats, shards }: ServerOptions): Carrier {
  if (nats !== undefined) return natsCarrier({ connection: nats });
  const urls = new Map(shards.map(({ name, url }) => [name, url]));
  return postgresCarrier({ connection: (shard) => ({ connectionString: urls.get(shard) ?? '' }) });
}

interface Ground {
  readonly options: ServerOptions;
  readonly store: Store;
  readonly authority: Authority;
  readonly bus: Bus;
  readonly jobs: Jobs;
  readonly alerts: Alerts;
  readonly journals: Journals;
  readonly campaigns: Campaigns;
}

/** Serves the API. @returns its address. */
async function listen(ground: Ground, running: Running): Promise<string> {
  const { options, store, authority, bus, jobs, journals, alerts, campaigns } = ground;
  const { host, port } = options.listen;
  const { certificate } = options;
  const served = certificate && readCertificate(certificate);
  const given = served ?? options.api?.tls;
  const isOwn = given === undefined && !isLocal(host);
  const tls = isOwn ? await ownTls(options, authority) : given;
  const settings = { ...DEFAULT_SETTINGS, ...options.api, tls };
  const { log, secret } = options;
  const { bundles, reader } = campaigns;
  const clusters = { store, secret, bundles, reader, clock };
  const routes = [
    ...authorityRoutes({ store, authority, secret, clock }),
    ...jobRoutes({ store, log, settings, jobs }),
    ...journalRoutes(store, journals),
    ...alertRoutes({ store, secret, alerts }),
    ...busRoutes({ store, log, settings }),
    ...clusterRoutes(clusters),
    ...betweenServersRoutes(clusters),
    ...evolutionRoutes({ store, bundles }),
    ...campaignRoutes({ store, secret, campaigns }),
  ];
  const app = await createApi({
    ...{ store, log, clock, settings, routes, bus: () => bus.state() },
    ...{ release: options.version, console: options.console },
  });
  running.add(() => app.close());
  if (isOwn) followTls(app.server as unknown as SecureServer, options, authority);
  if (served !== undefined && certificate !== undefined) {
    const everyMs = 1000 * (options.pace?.certificateSeconds ?? PACE.certificateSeconds);
    const serve = (pair: CertificatePair) => {
      (app.server as unknown as SecureServer).setSecureContext(pair);
    };
    const end = followCertificate(certificate, { everyMs, log, served, serve });
    running.add(async () => end());
  }
  try {
    await app.listen({ host, port });
  } catch (cause) {
    throw cannotListen('listen', { host, port }, cause);
  }
  const bound = app.server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  return `${tls === undefined ? 'http' : 'https'}://${name}:${bound.port}`;
}

async function ownTls({ names }: ServerOptions, authority: Authority) {
  const { privateKey, certificate } = await authority.issueServer(names);
  return { key: privateKey, cert: `${certificate}\n${authority.certificate}` };
}

/** Shows new connections what the authority issues once it has changed. */
function followTls(server: SecureServer, options: ServerOptions, authority: Authority): void {
  authority.follow(() =>
    ownTls(options, authority).then(
      (tls) => server.setSecureContext(tls),
      (error) => options.log.error({ error }, 'the API shows the certificate from before'),
    ),
  );
}

/** Whether nobody but this machine gets there. */
function isLocal(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

/** What is to be stopped: the last that was started first. */
class Running {
  readonly #stops: (() => Promise<void>)[] = [];
  #stopped: Promise<void> | undefined;

  add(stop: () => Promise<void>): void {
    this.#stops.push(stop);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    for (const stop of this.#stops.reverse()) await stop();
  }
}
