// Every halflap.yaml, evolution.yaml and servers.yaml of the repository, and of its documentation,
// is accepted by the schema for editors and by the reader; clusters are as a server takes them.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@halflap/cli/dist/config.js';
import {
  compileServers,
  loadParser,
  nothingStated,
  parseEvolution,
  parseServers,
} from '@halflap/engine';
import { ClusterDeclaration, checkDeclaration, withOwnShards } from '@halflap/server';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { sources } from '../sources.js';
import { blocksOf, ROOT } from './page.js';

interface Found {
  readonly place: string;
  readonly text: string;
}

const found = sources().flatMap(({ path, text }): Found[] => {
  if (/(?:^|\/)(?:halflap|evolution|servers)\.yaml$/.test(path)) return [{ place: path, text }];
  if (!path.endsWith('.md')) return [];
  // What is marked as wrong shows an error that the schema cannot know: a name that is not there.
  return blocksOf(text)
    .filter(({ info }) => /^yaml\b(?! wrong)/.test(info))
    .map(({ line, lines }) => ({ place: `${path}:${line}`, text: lines.join('\n') }));
});
const clusters = found.filter(({ text }) => /^servers:$/m.test(text));
/** A part of one. */
const signals = found.filter((one) => /^signals:$/m.test(one.text) && !clusters.includes(one));
const configs = found.filter((one) => /^app:/m.test(one.text) && !clusters.includes(one));
const evolutions = found.filter(({ text }) => /^from:/m.test(text));
const servers = found.filter(({ text }) => /^features:/m.test(text));
const policies = found.filter(({ text }) => /^allow:/m.test(text));

let directory: string;
beforeAll(async () => {
  await loadParser();
  directory = mkdtempSync(join(tmpdir(), 'halflap-schemas-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('the files of the repository and its documentation', () => {
  it('are all of one kind or another', () => {
    const known = [...configs, ...evolutions, ...policies, ...servers, ...clusters, ...signals];
    expect(found.filter((one) => !known.includes(one))).toEqual([]);
    expect(configs.length).toBeGreaterThan(3);
    expect(evolutions.length).toBeGreaterThan(10);
  });

  it.each(configs)('$place is a halflap.yaml to schema and reader', ({ text }) => {
    expect(errorsOf('halflap', text)).toEqual([]);
    const file = join(directory, 'halflap.yaml');
    writeFileSync(file, text);
    expect(loadConfig(file).app).toBe(parse(text).app);
  });

  it.each(evolutions)('$place is an evolution.yaml to schema and reader', ({ text }) => {
    expect(errorsOf('evolution', text)).toEqual([]);
    expect(parseEvolution(text, { file: 'evolution.yaml', to: '9999' }).to).toBe('9999');
  });
});

describe('a declaration of a cluster', () => {
  it.each(clusters)('$place is one', ({ text }) => {
    const declared = parse(text);
    const validate = new Ajv2020({ allErrors: true }).compile(ClusterDeclaration);
    validate(declared);
    expect(validate.errors).toBeNull();
    checkDeclaration(withOwnShards(declared, [{ name: 's1', url: 'postgres://db/one' }]));
  });

  it.each(signals)('$place is its signals', ({ text }) => {
    const { signals: shape } = ClusterDeclaration.properties;
    const validate = new Ajv2020({ allErrors: true }).compile(shape);
    validate(parse(text).signals);
    expect(validate.errors).toBeNull();
  });
});

describe('what servers are given', () => {
  // The release before, whose messages those of the page come from.
  const OLD = `
messages:
  host_changed:
    { id: integer, name: text, owner?: text, memory_mb?: integer, street?: text, city?: text }
`;

  it.each(servers)('$place is a servers.yaml to schema and compiler', ({ text }) => {
    expect(errorsOf('servers', text)).toEqual([]);
    const read = (version: string, yaml: string) =>
      parseServers(yaml, { file: 'servers.yaml', version });
    const [from, to] = [read('1.0', OLD), read('2.0', text)];
    expect(compileServers({ app: 'inventory', from, to })).toMatchObject({ from: '1.0' });
    // What is said of messages of the release before is refused where it has none.
    const alone = () => compileServers({ app: 'inventory', from: nothingStated('1.0'), to });
    if (to.changes.length > 0) expect(alone).toThrow(/host_changed/);
    else expect(alone()).toMatchObject({ messages: {} });
  });
});

function errorsOf(schema: string, text: string) {
  const file = join(ROOT, `packages/engine/schemas/${schema}.schema.json`);
  const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true });
  const validate = ajv.compile(JSON.parse(readFileSync(file, 'utf8')));
  validate(parse(text));
  return validate.errors ?? [];
}
