// What editors accept (engine/schemas/halflap.schema.json) and what the reader accepts is the same.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HalflapError } from '@halflap/protocol';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from './config.js';

interface ObjectSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, { readonly description?: string }>>;
}

const SCHEMA = new URL('../../engine/schemas/halflap.schema.json', import.meta.url);
const schema: ObjectSchema & { readonly $defs: Readonly<Record<string, ObjectSchema>> } =
  JSON.parse(readFileSync(SCHEMA, 'utf8'));

const server = (keys: string) => `app: a\nserver: {${keys}}`;
const OIDC = 'issuer: "https://i", client_id: c, client_secret_file: f';
const GROUPS =
  'groups: [{group: g, role: viewer, hosts: "env=prod, !edge"}, {group: g, role: auditor}]';

const ACCEPTED: readonly string[] = [
  'app: a',
  'app: a_1\nreleases: r\nbundle: b\nscratch: postgres://u@h/d',
  'app: a\nbundles: b\nscratch_env: S',
  'app: a\nscratch_file: s\nreleases: 2031',
  'app: a\nshards:',
  'app: a\nshards: []',
  'app: a\nshards: [{name: 1, url: "postgresql:///d?host=/run"}]',
  'app: a\nshards: [{name: s, url: "socket:/run?db=d", password_env: P}]',
  'app: a\nshards: [{name: s, url_env: U, password_file: p}, {name: t, url_file: u}]',
  'app: a\nserver: {}',
  'app: a\nserver: {name: n, listen: "127.0.0.1:1", agents: "[::]:2", names: [a, 1.5], home: s}',
  'app: a\nserver: {secret_env: S, nats: "nats://u:p@h:4222"}',
  'app: a\nserver: {nats_file: n}',
  'app: a\nserver: {smtp_env: S, mail_from: a@example.com}',
  'app: a\nserver: {base_url: "https://h.example:8440/", proxies: [10.0.0.7, fd00::/8]}',
  'app: a\nserver: {tls_certificate_file: c, tls_key_file: k}',
  server(`base_url: "http://127.0.0.1:8440", oidc: {${OIDC}, ${GROUPS}}`),
  server(`base_url: "https://h", oidc: {${OIDC}, groups: [{group: g, role: admin}], scopes: [a]}`),
  server(
    `base_url: "https://h", oidc: {issuer: "http://localhost:1/r", client_id: c,
      client_secret_env: S, groups_claim: roles, ${GROUPS}}`,
  ),
];

const REFUSED: readonly string[] = [
  '',
  '[]',
  'shards: []',
  'app:',
  'app: 1',
  'app: Inventory',
  'app: "1a"',
  `app: ${'a'.repeat(32)}`,
  'app: [a]',
  'app: a\nreleases: ""',
  'app: a\nbundle:',
  'app: a\nbundle: [b]',
  'app: a\nbundle: b\nbundles: c',
  'app: a\nshard: []',
  'app: a\nscratch: mysql://h/d',
  'app: a\nscratch: postgres://h/d\nscratch_env: S',
  'app: a\nscratch_env: S\nscratch_file: s',
  'app: a\nshards: {}',
  'app: a\nshards: one',
  'app: a\nshards: [one]',
  'app: a\nshards: [{url_env: U}]',
  'app: a\nshards: [{name: "", url_env: U}]',
  'app: a\nshards: [{name: true, url_env: U}]',
  'app: a\nshards: [{name: s}]',
  'app: a\nshards: [{name: s, url: h}]',
  'app: a\nshards: [{name: s, url: 5432}]',
  'app: a\nshards: [{name: s, url_env: U, url_file: u}]',
  'app: a\nshards: [{name: s, url_env: U, password: p}]',
  'app: a\nshards: [{name: s, url_env: U, password_env: P, password_file: p}]',
  'app: a\nserver:',
  'app: a\nserver: [a]',
  'app: a\nserver: {listen: 8440}',
  'app: a\nserver: {agents: "host"}',
  'app: a\nserver: {names: a}',
  'app: a\nserver: {names: [""]}',
  'app: a\nserver: {port: 1}',
  'app: a\nserver: {nats: "http://h"}',
  'app: a\nserver: {nats_env: N, nats_file: n}',
  'app: a\nserver: {secret_env: S, secret_file: s}',
  'app: a\nserver: {smtp_file: s}',
  'app: a\nserver: {base_url: "http://h.example"}',
  'app: a\nserver: {base_url: "https://h/path"}',
  'app: a\nserver: {proxies: [h.example]}',
  'app: a\nserver: {proxies: "10.0.0.7"}',
  'app: a\nserver: {tls_certificate_file: c}',
  'app: a\nserver: {tls_key_file: k}',
  server(`oidc: {${OIDC}, ${GROUPS}}`),
  server('base_url: "https://h", oidc: yes'),
  server(`base_url: "https://h", oidc: {${OIDC}}`),
  server(`base_url: "https://h", oidc: {${OIDC}, groups: []}`),
  server(`base_url: "https://h", oidc: {${OIDC}, client_secret: s, ${GROUPS}}`),
  server(`base_url: "https://h", oidc: {${OIDC}, client_secret_env: s, ${GROUPS}}`),
  server(`base_url: "https://h", oidc: {issuer: "https://i", client_id: c, ${GROUPS}}`),
  server(
    `base_url: "https://h", oidc: {issuer: "http://i", client_id: c, client_secret_env: S, ${GROUPS}}`,
  ),
  server(`base_url: "https://h", oidc: {${OIDC}, groups: [{group: g, role: root}]}`),
  server(`base_url: "https://h", oidc: {${OIDC}, groups: [{group: g, role: admin, hosts: ""}]}`),
  server(
    `base_url: "https://h", oidc: {${OIDC}, groups: [{group: g, role: admin, hosts: "!a=b"}]}`,
  ),
];

let directory: string;
let validate: ValidateFunction;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'halflap-schema-'));
  validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema);
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('halflap.schema.json', () => {
  it('is a valid schema of draft 2020-12', () => {
    expect(new Ajv2020().validateSchema(schema)).toBe(true);
  });

  it('describes every key to the person at the editor', () => {
    const { shard = {}, server = {}, oidc = {}, group = {} } = schema.$defs;
    for (const one of [schema, shard, server, oidc, group]) {
      for (const [key, property] of Object.entries(one.properties ?? {})) {
        expect(property.description, key).toBeTruthy();
      }
    }
  });

  it.each(ACCEPTED)('accepts, as the reader does: %j', (text) => {
    expect(isRead(text)).toBe(true);
    validate(parse(text));
    expect(validate.errors ?? []).toEqual([]);
  });

  it.each(REFUSED)('refuses, as the reader does: %j', (text) => {
    expect(isRead(text)).toBe(false);
    expect(validate(parse(text))).toBe(false);
  });

  it('cannot know that a name is taken, which the reader does', () => {
    const text = 'app: a\nshards: [{name: s, url_env: U}, {name: s, url_env: V}]';
    expect(validate(parse(text))).toBe(true);
    expect(isRead(text)).toBe(false);
  });
});

function isRead(text: string): boolean {
  const file = join(directory, 'halflap.yaml');
  writeFileSync(file, text);
  try {
    loadConfig(file);
    return true;
  } catch (error) {
    if (error instanceof HalflapError && error.code === 'CONFIG_INVALID') return false;
    throw error;
  }
}
