// The section `server` of halflap.yaml: how `halflap serve` runs on this machine.
//
// Every server of a cluster has the same shards, home and secret; name, listen and agents are its
// own.

import type { SecretSource } from './secrets.js';
import * as yaml from './yaml-reader.js';

export interface Address {
  readonly host: string;
  readonly port: number;
}

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
}

const SECRET_KEYS = ['secret_env', 'secret_file'] as const;
const NATS_KEYS = ['nats', 'nats_env', 'nats_file'] as const;
const SMTP_KEYS = ['smtp_env', 'smtp_file'] as const;
export const SERVER_KEYS = [
  ...['name', 'listen', 'agents', 'names', 'home'],
  ...SECRET_KEYS,
  ...NATS_KEYS,
  ...SMTP_KEYS,
  'mail_from',
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
