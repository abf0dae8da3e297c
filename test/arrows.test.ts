// The arrows between packages, and between the stages of the engine, run one way only.
// Source: the tables "parts" and "layout" of ARCHITECTURE.md.

import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importsOf, isTest, type Source, sources } from './sources.js';

/** Which of our own packages each package may import. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  engine: ['protocol'],
  client: ['protocol'],
  agent: ['protocol'],
  server: ['engine', 'client', 'protocol'],
  console: ['protocol', 'server'],
  cli: ['server', 'agent', 'console', 'engine', 'client', 'protocol'],
};

/** What a stage of the engine must not import: other stages, files, modules of Node. */
const FORBIDDEN: Readonly<Record<string, readonly string[]>> = {
  // The compiler returns pure data: no database, no file, no clock, no other process.
  compile: ['shard', 'gate', 'testing', 'pg.ts', 'node:fs', 'node:child_process', 'node:net', 'pg'],
  changes: ['shard', 'gate', 'testing', 'pg.ts', 'node:fs', 'node:child_process', 'node:net', 'pg'],
  release: ['compile', 'changes', 'shard', 'gate', 'testing'],
  // A runner works from a bundle alone.
  shard: ['changes', 'gate', 'testing'],
  testing: ['release', 'compile', 'changes', 'shard', 'gate'],
};

interface Arrow {
  readonly from: Source;
  readonly line: number;
  readonly module: string;
  /** The imported file, relative to the root; undefined for a package. */
  readonly file: string | undefined;
}

const everything = sources();
const all = everything.filter(({ path }) => /^packages\/[^/]+\/src\/.*\.tsx?$/.test(path));
const arrows = all.filter(({ path }) => !isTest(path)).flatMap(arrowsOf);

describe('packages', () => {
  it('import only the packages that stand below them', () => {
    const wrong = arrows.filter(({ from, module }) => {
      const target = /^@halflap\/([^/]+)/.exec(module)?.[1];
      const own = packageOf(from.path);
      return target !== undefined && !ARROWS[own]?.includes(target);
    });
    expect(wrong.map(say)).toEqual([]);
  });

  it('never reach into the files of another package', () => {
    const wrong = arrows.filter(
      ({ from, file }) => file !== undefined && packageOf(file) !== packageOf(from.path),
    );
    expect(wrong.map(say)).toEqual([]);
  });

  it('declare every package that they import', () => {
    const manifests = new Map(
      everything
        .filter(({ path }) => /^packages\/[^/]+\/package\.json$/.test(path))
        .map(({ path, text }) => [packageOf(path), declaredIn(text, packageOf(path))]),
    );
    const wrong = arrows.filter(({ from, module, file }) => {
      if (file !== undefined || module.startsWith('node:')) return false;
      const name = module
        .split('/')
        .slice(0, module.startsWith('@') ? 2 : 1)
        .join('/');
      return !manifests.get(packageOf(from.path))?.has(name);
    });
    expect(wrong.map(say)).toEqual([]);
  });
});

describe('protocol', () => {
  it('imports nothing but its own files, and where messages are stated what states shapes', () => {
    const wrong = arrows.filter(
      ({ from, file, module }) =>
        packageOf(from.path) === 'protocol' &&
        file === undefined &&
        !(from.path.startsWith('packages/protocol/src/agent/') && /^typebox\b/.test(module)),
    );
    expect(wrong.map(say)).toEqual([]);
    expect([...loadedBy('packages/protocol/src/index.ts')]).not.toContain('typebox');
  });
});

describe('the engine', () => {
  it('imports the driver in one file only', () => {
    const users = arrows.filter(({ from, module }) => module === 'pg' && isEngine(from.path));
    expect(users.map(({ from }) => from.path)).toEqual(['packages/engine/src/pg.ts']);
  });

  for (const [stage, forbidden] of Object.entries(FORBIDDEN)) {
    it(`keeps ${stage}/ free of ${forbidden.join(', ')}`, () => {
      const wrong = arrows
        .filter(({ from }) => from.path.startsWith(`packages/engine/src/${stage}/`))
        .filter((arrow) => forbidden.some((target) => leadsTo(arrow, target)));
      expect(wrong.map(say)).toEqual([]);
    });
  }

  it('keeps the compiler out of the runner, but for the shape and the hash of a bundle', () => {
    const bundle = ['compile/bundle.ts', 'compile/bundle-hash.ts'];
    const wrong = arrows
      .filter(({ from }) => from.path.startsWith('packages/engine/src/shard/'))
      .filter((arrow) => leadsTo(arrow, 'compile'))
      .filter((arrow) => !bundle.some((file) => leadsTo(arrow, file)));
    expect(wrong.map(say)).toEqual([]);
  });
});

describe('campaigns', () => {
  it('are decided on paper: decide/ reaches nothing that asks or keeps', () => {
    const allowed = /^(typebox|@halflap\/protocol|node:crypto)$/;
    const wrong = arrows
      .filter(({ from }) => from.path.startsWith('packages/server/src/campaigns/decide/'))
      .filter(({ file, module }) => file === undefined && !allowed.test(module));
    const loaded = [...loadedBy('packages/server/src/campaigns/decide/decide.ts')];
    expect(wrong.map(say)).toEqual([]);
    expect(loaded.filter((one) => /^(pg|packages\/server\/src\/store)/.test(one))).toEqual([]);
  });
});

describe('the command line', () => {
  it('loads neither engine nor driver before it knows what to do', () => {
    const loaded = loadedBy('packages/cli/src/main.ts');
    expect(
      [...loaded].filter((one) => /^(pg|yaml|libpg-query|packages\/engine)/.test(one)),
    ).toEqual([]);
    expect(loaded).toContain('commander');
  });

  it('moves a shard by its bundle without compiler and parser', () => {
    const loaded = loadedBy('packages/cli/src/verb-run.ts');
    const heavy = /^(libpg-query|pgsql-deparser)|engine\/src\/(changes|gate|compile\/compile)\b/;
    expect([...loaded].filter((one) => heavy.test(one))).toEqual([]);
    expect(loaded).toContain('packages/engine/src/shard/advance.ts');
  });
});

describe('importsOf', () => {
  it('finds every form of import, with its line', () => {
    const text = [
      "import a from 'one';",
      'import {',
      '  b,',
      "} from './two.js';",
      "import 'three';",
      "export * from './four.js';",
      "const five = await import('five');",
      "export const six = 'not from anywhere';",
    ].join('\n');
    expect(importsOf({ path: 'a.ts', text })).toEqual([
      { module: 'one', line: 1 },
      { module: './two.js', line: 4 },
      { module: 'three', line: 5 },
      { module: './four.js', line: 6 },
      { module: 'five', line: 7 },
    ]);
  });
});

function arrowsOf(from: Source): Arrow[] {
  return importsOf(from).map(({ module, line }) => {
    const file = module.startsWith('.')
      ? posix.join(posix.dirname(from.path), module).replace(/\.js$/, '.ts')
      : undefined;
    return { from, line, module, file };
  });
}

/** Files and packages that come with a file whatever is done with it: not types, not import(). */
function loadedBy(path: string, loaded = new Set<string>()): Set<string> {
  if (loaded.has(path)) return loaded;
  loaded.add(path);
  const source = all.find((one) => one.path === path);
  if (source === undefined) return loaded;
  const loading = /^(?:import|export) (?!type )(?:[^;'"]*?\bfrom )?'([^']+)'/gm;
  for (const [, module = ''] of source.text.matchAll(loading)) {
    const file = module.startsWith('.') ? posix.join(posix.dirname(path), module) : entry(module);
    loadedBy(file.replace(/\.js$/, '.ts'), loaded);
  }
  return loaded;
}

/** The source of one of our own packages' entries; any other module is its own name. */
function entry(module: string): string {
  const [, own = '', below = ''] = /^@halflap\/([^/]+)(.*)$/.exec(module) ?? [];
  if (own === '') return module;
  const manifest = everything.find(({ path }) => path === `packages/${own}/package.json`);
  const { exports } = JSON.parse(manifest?.text ?? '{}') as {
    exports: Record<string, { default: string }>;
  };
  return posix
    .join('packages', own, exports[`.${below}`]?.default ?? '')
    .replace('/dist/', '/src/');
}

/** `target` is a file or directory under engine/src, or a module. */
function leadsTo({ module, file }: Arrow, target: string): boolean {
  if (file === undefined) return module === target || module.startsWith(`${target}/`);
  const path = `packages/engine/src/${target}`;
  return file === path || file.startsWith(`${path}/`);
}

function packageOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function isEngine(path: string): boolean {
  return packageOf(path) === 'engine';
}

/** The console's build holds all that it imports: nobody who installs it needs that again. */
function declaredIn(manifest: string, own: string): Set<string> {
  const parsed = JSON.parse(manifest) as Record<string, Record<string, string> | undefined>;
  const needed = ['dependencies', 'peerDependencies', 'optionalDependencies'];
  const kinds = own === 'console' ? [...needed, 'devDependencies'] : needed;
  return new Set(kinds.flatMap((kind) => Object.keys(parsed[kind] ?? {})));
}

function say({ from, line, module }: Arrow): string {
  return `${from.path}:${line} imports ${module}`;
}
