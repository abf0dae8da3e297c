// halflap.yaml: what is accepted, and that every complaint has a place and holds no secret.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HalflapError } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findShard, loadConfig, openShard, SHARD_KEYS, TOP_KEYS } from './config.js';
import { GROUP_KEYS, OIDC_KEYS } from './oidc-config.js';
import { redact } from './secrets.js';
import { SERVER_KEYS } from './server-config.js';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'halflap-config-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('loadConfig', () => {
  it('resolves paths against the file and reads no secret', () => {
    const config = load('app: inventory\nshards:\n  - {name: eu1, url_env: NOT_SET_ANYWHERE}\n');
    expect(config.releases).toBe(join(directory, 'releases'));
    expect(config.shards).toEqual([
      { name: 'eu1', url: { env: 'NOT_SET_ANYWHERE' }, password: undefined },
    ]);
  });

  it.each([
    ['app: inventory\nshard: []\n', ':2:1:', 'unknown key "shard"; did you mean "shards"?'],
    ['app: inventory\nshards:\n  - name: a\n    ulr: x\n', ':4:5:', 'did you mean "url"?'],
    ['app: Inventory\n', ':1:6:', 'lower-case word'],
    ['app: [1]\n', ':1:6:', 'app takes a text'],
    ['shards: []\n', ':1:1:', 'app is missing'],
    ['app: a\nshards: {}\n', ':2:9:', 'shards takes a list'],
    ['app: a\nshards: [eu1]\n', ':2:10:', 'shard 1: expected keys and values'],
    ['app: a\nshards:\n  - name: a\n', ':3:5:', 'one of url, url_env, url_file is missing'],
    ['app: a\nshards: [{name: a, url: "postgres://h/d", url_env: U}]\n', ':2:52:', 'exclude'],
    [
      'app: a\nshards: [{name: a, url_env: U}, {name: a, url_env: U}]\n',
      ':2:40:',
      'shard 2: the name a is taken by shard 1, ',
    ],
    ['app: a\nbundle: x\nbundles: y\n', ':3:10:', 'bundle and bundles exclude each other'],
    ['app: a\nscratch: mysql://h/d\n', ':2:10:', 'scratch takes a URL that begins with'],
    ['app: a\n b: c\n', ':1:6:', 'not valid YAML'],
    ['- a\n', ':1:1:', 'expected keys and values'],
    ['app: a\nserver:\n  proxies: [10.0.0.7, web]\n', ':3:23:', 'proxies takes addresses and'],
    ['app: a\nserver:\n  tls_key_file: k\n', ':3:17:', 'goes with tls_certificate_file'],
    ['app: a\nserver:\n  oidc: { isuer: x }\n', ':3:11:', 'did you mean "issuer"?'],
    [
      'app: a\nserver:\n  oidc: { client_secret_env: S, issuer: ftp://i }\n',
      ':3:41:',
      'issuer takes an address of https',
    ],
  ])('refuses %j with its position', (text, place, problem) => {
    const error = refusalOf(text);
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain(place);
    expect(error.message).toContain(problem);
  });

  it('names the places of both shards that have one name', () => {
    const text = 'app: a\nshards:\n  - name: b\n    url_env: U\n  - url_env: U\n    name: b\n';
    const { message, hint } = refusalOf(text);
    const file = join(directory, 'halflap.yaml');
    expect(message).toBe(`${file}:6:11: shard 2: the name b is taken by shard 1, ${file}:3:11`);
    expect(hint).toBe('give each shard a name of its own');
  });

  it.each([
    'app: a\nshards:\n  - name: eu1\n    url: {postgres://u:hunter2@h/d\n',
    'app: a\nshards:\n  - name: eu1\n    url: *hunter2\n',
    'app: a\nshards:\n  - name: eu1\n    url: [hunter2]\n',
    'app: a\nshards:\n  - name: eu1\n    url: "hunter2\n',
    'app: a\nshards:\n  - name: eu1\n    password: hunter2\n',
    'app: a\nshards:\n  - ? postgres://u:hunter2@h/d\n',
  ])('never quotes a value: %j', (text) => {
    const error = refusalOf(text);
    expect(JSON.stringify([error.message, error.hint, error.detail])).not.toContain('hunter2');
  });

  it('knows the same keys as the schema for editors', () => {
    const file = new URL('../../engine/schemas/halflap.schema.json', import.meta.url);
    const schema = JSON.parse(readFileSync(file, 'utf8'));
    expect(Object.keys(schema.properties).sort()).toEqual([...TOP_KEYS].sort());
    const shard = schema.$defs.shard.properties;
    expect(Object.keys(shard).sort()).toEqual([...SHARD_KEYS].sort());
    const { server, oidc, group } = schema.$defs;
    expect(Object.keys(server.properties).sort()).toEqual([...SERVER_KEYS].sort());
    expect(Object.keys(oidc.properties).sort()).toEqual([...OIDC_KEYS].sort());
    expect(Object.keys(group.properties).sort()).toEqual([...GROUP_KEYS].sort());
  });
});

describe('findShard', () => {
  it('suggests the nearest name', () => {
    const config = load('app: a\nshards: [{name: frankfurt, url_env: U}]\n');
    expect(() => findShard(config, 'frankfrut')).toThrow('did you mean "frankfurt"?');
  });
});

describe('openShard', () => {
  it('puts a password from a file into any form of URL', () => {
    writeFileSync(join(directory, 'secret'), 'p@ss/w?rd&é\n');
    const open = (url: string) =>
      openShard(
        load(`app: a\nshards: [{name: s, url: "${url}", password_file: secret}]\n`).shards[0] ??
          fail(),
      ).url;
    const encoded = encodeURIComponent('p@ss/w?rd&é');
    expect(open('postgres://u@h/d')).toBe(`postgres://u@h/d?password=${encoded}`);
    expect(open('postgres:///d?host=/run')).toBe(`postgres:///d?host=/run&password=${encoded}`);
    expect(redact('for p@ss/w?rd&é and more')).toBe('for *** and more');
    expect(redact(`at ${encoded}`)).toBe('at ***');
  });

  it('takes the only line of a file, and refuses several', () => {
    const open = (text: string) => {
      writeFileSync(join(directory, 'secret'), text);
      const yaml = 'app: a\nshards: [{name: s, url_file: secret}]\n';
      return openShard(load(yaml).shards[0] ?? fail()).url;
    };
    for (const end of ['', '\n', '\r\n', '\n\n']) {
      expect(open(`postgres://h/d${end}`)).toBe('postgres://h/d');
    }
    expect(() => open('postgres://h/d\npostgres://u:hunter2@h/e\n')).toThrow(
      new RegExp(`^url of shard s: ${join(directory, 'secret')} holds 2 lines, expected one$`),
    );
    expect(() => open('\n')).toThrow('is empty');
  });

  it('refuses a variable that is not set, and a file that is not there', () => {
    const shard = (source: string) =>
      load(`app: a\nshards: [{name: s, ${source}}]\n`).shards[0] ?? fail();
    expect(() => openShard(shard('url_env: NOT_SET_ANYWHERE'))).toThrow(
      'url of shard s: environment variable NOT_SET_ANYWHERE is not set',
    );
    expect(() => openShard(shard('url_file: nowhere'))).toThrow('(ENOENT)');
  });

  it('refuses what is no URL without quoting it', () => {
    process.env.HALFLAP_TEST_URL = 'mysql://u:hunter2@h/d';
    const config = load('app: a\nshards: [{name: s, url_env: HALFLAP_TEST_URL}]\n');
    expect(() => openShard(config.shards[0] ?? fail())).toThrow(
      /^url of shard s: not a URL that begins with postgres:\/\/$/,
    );
  });
});

function load(text: string) {
  const file = join(directory, 'halflap.yaml');
  writeFileSync(file, text);
  return loadConfig(file);
}

function refusalOf(text: string): HalflapError {
  try {
    load(text);
  } catch (error) {
    if (error instanceof HalflapError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

function fail(): never {
  throw new Error('no shard was read');
}
