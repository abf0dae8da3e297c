// The section `oidc` of `server` in halflap.yaml: the provider where people sign in, and which
// roles the members of its groups have.

import type { Role } from '@halflap/server';
import type { SecretSource } from './secrets.js';
import * as yaml from './yaml-reader.js';

export interface OidcConfig {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: SecretSource;
  readonly groupsClaim: string;
  /** Beside `openid profile email`. */
  readonly scopes: readonly string[];
  readonly groups: readonly GroupConfig[];
}

export interface GroupConfig {
  readonly group: string;
  readonly role: Role;
  /** The hosts that the role is for, by their labels; undefined: all, and what belongs to none. */
  readonly hosts: string | undefined;
}

const SECRET_KEYS = ['client_secret_env', 'client_secret_file'] as const;
export const OIDC_KEYS = [
  ...['issuer', 'client_id'],
  ...SECRET_KEYS,
  ...['groups_claim', 'scopes', 'groups'],
];
export const GROUP_KEYS = ['group', 'role', 'hosts'];

/** Those of the server, whose module is not loaded for a file; the compiler compares. */
const ROLES: Readonly<Record<Role, true>> = {
  viewer: true,
  operator: true,
  auditor: true,
  admin: true,
};

/** TLS, but for a provider on this very machine. */
const ISSUER =
  /^(https:\/\/[^\s?#@/]+|http:\/\/(localhost|127\.[0-9.]+|\[::1\])(:\d+)?)(\/[^\s?#]*)?$/;
const KEY = '[A-Za-z0-9][A-Za-z0-9._/-]{0,62}';
const TERM = `(!${KEY}|${KEY}(!?=[A-Za-z0-9._:/@+-]{0,255})?)`;
const SELECTOR = new RegExp(`^${TERM}( *, *${TERM})*$`);

/** @throws CONFIG_INVALID with the position of what is wrong. */
export function readOidc(
  server: yaml.Section,
  at: (path: string) => string,
): OidcConfig | undefined {
  const section = yaml.section(server, 'oidc');
  if (section === undefined) return undefined;
  yaml.allowKeys(section, OIDC_KEYS);
  const clientSecret = yaml.source(section, SECRET_KEYS, at);
  if (clientSecret === undefined) {
    const problem = `one of ${SECRET_KEYS.join(', ')} is missing`;
    throw yaml.invalidAt(section, 'client_secret_file', problem, 'client_secret_file: FILE');
  }
  return {
    issuer: matching(
      section,
      'issuer',
      ISSUER,
      'an address of https, as the provider names itself',
    ),
    clientId: yaml.requiredText(section, 'client_id'),
    clientSecret,
    groupsClaim: yaml.optionalText(section, 'groups_claim') ?? 'groups',
    scopes: yaml.texts(section, 'scopes'),
    groups: readGroups(section),
  };
}

function readGroups(oidc: yaml.Section): GroupConfig[] {
  const groups = yaml.sections(oidc, 'groups', 'group').map((section) => {
    yaml.allowKeys(section, GROUP_KEYS);
    const role = yaml.requiredText(section, 'role');
    if (!isRole(role)) {
      const words = Object.keys(ROLES).join(', ');
      throw yaml.invalidAt(section, 'role', `role takes one of ${words}`, 'role: viewer');
    }
    const hosts = section.map.has('hosts')
      ? matching(section, 'hosts', SELECTOR, 'labels with commas between them: env=prod, !edge')
      : undefined;
    return { group: yaml.requiredText(section, 'group'), role, hosts };
  });
  if (groups.length > 0) return groups;
  const problem = 'groups is missing: without a role nobody could sign in';
  throw yaml.invalidAt(oidc, 'groups', problem, 'groups: [{ group: NAME, role: viewer }]');
}

function isRole(text: string): text is Role {
  return Object.hasOwn(ROLES, text);
}

function matching(section: yaml.Section, key: string, pattern: RegExp, form: string): string {
  const text = yaml.requiredText(section, key);
  if (pattern.test(text)) return text;
  throw yaml.invalidAt(section, key, `${key} takes ${form}`, 'docs/cli.md has an example');
}
