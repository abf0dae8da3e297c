// The section `server` of halflap.yaml: how `halflap serve` runs on this machine.
//
// Every server of a cluster has the same shards, home and secret; name, listen and agents are its
// own.

import { isIP } from 'node:net';
import { HalflapError } from '@halflap/protocol';
import type { CertificateFiles } from '@halflap/server';
import { type OidcConfig, readOidc } from './oidc-config.js';
import type { SecretSource } from './secrets.js';
import * as yaml from './yaml-reader.js';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where a server listens that is told nothing else. */
export const LISTEN: Address = { host: '127.0.0.1', port: 8440 };
export const AGENTS: Address = { host: '0.0.0.0', port: 8441 };

export interface ServerConfig {
  readonly name: string | undefined;
  /** Where people and programs come. */
  readonly listen: Address | undefined;
  /** Where agents come. */
  readonly agents: Address | undefined;
  /** Names and addresses by which agents reach this server. */
  readonly names: readonly string[];
  /** The shard of what belongs to the whole fleet. */
  readonly home: string | undefined;
  readonly secret: SecretSource | undefined;
  /** URL of a NATS that carries the bus. */
  readonly nats: SecretSource | undefined;
  /** URL of the mail server that sends alerts; then there is `mailFrom`, too. */
  readonly smtp: SecretSource | undefined;
  readonly mailFrom: string | undefined;
  /** By what people reach the API, without a slash at the end: `https://halflap.example`. */
  readonly baseUrl: string | undefined;
  /** Addresses and networks of proxies that are believed who asks. */
  readonly proxies: readonly string[];
  /** What the API is served with; undefined: a certificate of the cluster's authority. */
  readonly certificate: CertificateFiles | undefined;
  /** Then there is a base URL, too. */
  readonly oidc: OidcConfig | undefined;
}

const SECRET_KEYS = ['secret_env', 'secret_file'] as const;
const NATS_KEYS = ['nats', 'nats_env', 'nats_file'] as const;
const SMTP_KEYS = ['smtp_env', 'smtp_file'] as const;
export const SERVER_KEYS = [
  ...['name', 'listen', 'agents', 'names', 'home'],
  ...SECRET_KEYS,
  ...NATS_KEYS,
  ...SMTP_KEYS,
  ...['mail_from', 'base_url', 'proxies', 'tls_certificate_file', 'tls_key_file', 'oidc'],
];

const NONE: ServerConfig = {
  name: undefined,
  listen: undefined,
  agents: undefined,
  names: [],
  home: undefined,
  secret: undefined,
  nats: undefined,
  smtp: undefined,
  mailFrom: undefined,
  baseUrl: undefined,
  proxies: [],
  certificate: undefined,
  oidc: undefined,
};

/** @throws CONFIG_INVALID with the position of what is wrong. */
export function readServer(root: yaml.Section, at: (path: string) => string): ServerConfig {
  const section = yaml.section(root, 'server');
  if (section === undefined) return NONE;
  yaml.allowKeys(section, SERVER_KEYS);
  return {
    name: yaml.optionalText(section, 'name'),
    listen: address(section, 'listen'),
    agents: address(section, 'agents'),
    names: yaml.texts(section, 'names'),
    home: yaml.optionalText(section, 'home'),
    secret: yaml.source(section, SECRET_KEYS, at),
    nats: readNats(section, at),
    ...readMail(section, at),
    proxies: yaml.texts(section, 'proxies', PROXY),
    certificate: readCertificateFiles(section, at),
    ...readSignIn(section, at),
  };
}

function readMail(section: yaml.Section, at: (path: string) => string) {
  const smtp = yaml.source(section, SMTP_KEYS, at);
  const mailFrom = yaml.optionalText(section, 'mail_from');
  if (smtp === undefined || mailFrom !== undefined) return { smtp, mailFrom };
  const key = smtp.env === undefined ? 'smtp_file' : 'smtp_env';
  const problem = `${key} goes with mail_from`;
  throw yaml.invalidAt(section, key, problem, 'mail_from: halflap@example.com');
}

const PROXY: yaml.TextRule = {
  holds: isNetwork,
  form: 'addresses and networks: 10.0.0.7, 10.1.0.0/16, fd00::/8',
};

/** An address, or a network as `10.1.0.0/16`. */
function isNetwork(text: string): boolean {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  return family !== 0 && Number(bits ?? 0) <= (family === 4 ? 32 : 128);
}

const CERTIFICATE_KEYS = ['tls_certificate_file', 'tls_key_file'] as const;

function readCertificateFiles(section: yaml.Section, at: (path: string) => string) {
  const [certificate, key] = CERTIFICATE_KEYS.map((one) => yaml.optionalText(section, one));
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate !== undefined && key !== undefined) {
    return { certificate: at(certificate), key: at(key) };
  }
  const [there, missing] = key === undefined ? CERTIFICATE_KEYS : CERTIFICATE_KEYS.toReversed();
  const problem = `${there} goes with ${missing}`;
  throw yaml.invalidAt(section, there ?? '', problem, `${missing}: FILE`);
}

/** TLS, but for this very machine; no path, since the API has its own. */
const BASE_URL = /^(https:\/\/[^\s/?#@]+|http:\/\/(localhost|127\.[0-9.]+|\[::1\])(:\d+)?)\/?$/;
const BASE_URL_FORM = 'https://halflap.example, without a path';

function readSignIn(section: yaml.Section, at: (path: string) => string) {
  const text = yaml.optionalText(section, 'base_url');
  if (text !== undefined && !BASE_URL.test(text)) {
    const problem = `base_url takes an address such as ${BASE_URL_FORM}`;
    throw yaml.invalidAt(section, 'base_url', problem, `base_url: ${BASE_URL_FORM}`);
  }
  const oidc = readOidc(section, at);
  if (oidc !== undefined && text === undefined) {
    const problem = 'oidc goes with base_url, to which the provider sends people back';
    throw yaml.invalidAt(section, 'oidc', problem, `base_url: ${BASE_URL_FORM}`);
  }
  return { baseUrl: text?.replace(/\/$/, ''), oidc };
}

const NATS_FORM = 'nats://USER:PASSWORD@HOST:4222, or tls://… where NATS wants that';

/** Whether the text is the URL of a NATS. */
export function isNatsUrl(text: string): boolean {
  return URL.canParse(text) && /^(nats|tls):$/.test(new URL(text).protocol);
}

function readNats(section: yaml.Section, at: (path: string) => string): SecretSource | undefined {
  const found = yaml.source(section, NATS_KEYS, at);
  if (found?.literal === undefined || isNatsUrl(found.literal)) return found;
  const problem = 'nats takes a URL that begins with nats:// or tls://';
  throw yaml.invalidAt(section, 'nats', problem, `nats: ${NATS_FORM}`);
}

const ADDRESS_FORM = 'ADDRESS:PORT, such as 127.0.0.1:8440 or [::]:8441';

/** `127.0.0.1:8440`, `[::1]:8440`; undefined when it is none. */
export function parseAddress(text: string): Address | undefined {
  const [, bracketed, plain, digits = ''] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

function address(section: yaml.Section, key: string): Address | undefined {
  const text = yaml.optionalText(section, key);
  if (text === undefined) return undefined;
  const found = parseAddress(text);
  if (found !== undefined) return found;
  throw yaml.invalidAt(
    section,
    key,
    `${key} takes an address and a port`,
    `${key}: ${ADDRESS_FORM}`,
  );
}

/** The address that an option names. @throws COMMAND_INVALID */
export function addressOf(text: string | undefined, option: string): Address | undefined {
  if (text === undefined) return undefined;
  const found = parseAddress(text);
  if (found !== undefined) return found;
  throw new HalflapError('COMMAND_INVALID', `${option} takes an address and a port`, {
    hint: `${option} 127.0.0.1:8440`,
  });
}
