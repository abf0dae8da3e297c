// The packages as npm would publish them, in an empty directory: the command line does its work,
// and what docs/client.md shows in TypeScript compiles there.

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { freshDatabase } from '@halflap/engine/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blocksOf, ROOT, readPage } from '../docs/page.js';
import { type Ended, runProgram } from '../setup/programs.js';
import { type PackedProject, packedProject } from './packed-project.js';

let project: PackedProject;

beforeAll(async () => {
  project = await packedProject(['@types/pg', '@types/node']);
});

afterAll(() => project.remove());

const halflap = (url: string, ...words: string[]): Promise<Ended> =>
  runProgram(url, [
    'bash',
    '-c',
    `cd "$0" && exec node_modules/.bin/halflap "$@"`,
    ...[project.directory, ...words],
  ]);

describe('the packed packages', () => {
  it('hold the licence and what runs, and no tests', () => {
    expect(project.packages.map(({ name }) => name).sort()).toEqual([
      '@halflap/agent',
      '@halflap/cli',
      '@halflap/client',
      '@halflap/console',
      '@halflap/engine',
      '@halflap/protocol',
      '@halflap/server',
    ]);
    for (const { name, files } of project.packages) {
      expect(files, name).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']));
      expect(
        files.filter((path) => /\.test\.|golden|tsbuildinfo|\.built/.test(path)),
        name,
      ).toEqual([]);
    }
    const page = project.packages.find(({ name }) => name === '@halflap/console')?.files;
    expect(page).toEqual(
      expect.arrayContaining(['dist/index.html', expect.stringMatching(/^dist\/assets\/.*\.js$/)]),
    );
  });

  it('export what their manifests say, the client to CommonJS, too', async () => {
    const exported = [
      'agent',
      'client',
      'engine',
      'engine/testing',
      'protocol',
      'protocol/agent',
      'server',
      'server/permissions',
    ];
    const text = exported.map((name) => `await import('@halflap/${name}');`).join('\n');
    await fs.writeFile(join(project.directory, 'imports.mjs'), text);
    execFileSync(process.execPath, ['imports.mjs'], { cwd: project.directory });
    await fs.writeFile(join(project.directory, 'required.cjs'), "require('@halflap/client').open;");
    execFileSync(process.execPath, ['required.cjs'], { cwd: project.directory });
  });

  it('take a shard from one release to the next by the command line', async () => {
    const { url, drop } = await freshDatabase();
    const releases = join(project.directory, 'releases');
    await fs.cp(join(ROOT, 'examples/inventory/releases'), releases, { recursive: true });
    await fs.writeFile(join(project.directory, 'eu1.url'), url);
    await fs.writeFile(
      join(project.directory, 'halflap.yaml'),
      'app: inventory\nreleases: ./releases\nshards:\n  - { name: eu1, url_file: eu1.url }\n',
    );
    const commands = [
      ['--version'],
      ['check'],
      ['build', '2.0'],
      ['install', '1.0', '--shard', 'eu1'],
      ['prepare', '--shard', 'eu1', '--bundle', 'inventory-2.0.bundle.json'],
      ['expand', '--shard', 'eu1', '--bundle', 'inventory-2.0.bundle.json'],
      ['status'],
    ];
    for (const words of commands) {
      const { exitCode, stdout, stderr } = await halflap(url, ...words);
      expect(exitCode, `halflap ${words.join(' ')}: ${stdout}${stderr}`).toBe(0);
      if (words[0] === 'check') expect(stdout).toContain('it holds');
      if (words[0] === 'status') expect(stdout).toContain('dual');
    }
    await drop();
  });

  it('have types with which all compiles that docs/client.md and the READMEs show', async () => {
    const readmes = ['client', 'engine', 'protocol'].map((name) => `packages/${name}/README.md`);
    const blocks = ['docs/client.md', ...readmes].flatMap((page) => blocksOf(readPage(page)));
    const shown = blocks.filter((block) => block.info === 'ts').map((block) => block.lines);
    expect(shown.length).toBeGreaterThan(5);
    await fs.writeFile(join(project.directory, 'shown.ts'), programOf(shown));
    const tsconfig = {
      compilerOptions: {
        ...{ module: 'nodenext', target: 'es2023', types: ['node'], strict: true, noEmit: true },
        ...{ exactOptionalPropertyTypes: true, verbatimModuleSyntax: true, skipLibCheck: false },
      },
      files: ['shown.ts'],
    };
    const write = (file: string, value: object) =>
      fs.writeFile(join(project.directory, file), JSON.stringify(value));
    await write('tsconfig.json', tsconfig);
    await write('package.json', { type: 'module' });
    const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
    const compiler = ['bash', '-c', 'cd "$0" && exec "$1" "$2"'] as const;
    const ended = await runProgram('postgres://nobody@127.0.0.1/none', [
      ...compiler,
      project.directory,
      process.execPath,
      join(typescript, 'bin/tsc'),
    ]);
    expect(ended.stdout).toBe('');
    expect(ended.exitCode).toBe(0);
  });
});

/** What a page takes for granted: names that an application has anyway. */
const GIVEN = `
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Fleet, Shard } from '@halflap/client';
import type { Bundle } from '@halflap/engine';
declare const ca: string;
declare const url: string;
declare const error: unknown;
declare const bundle: Bundle;
declare const file: Readable;
declare const logger: Record<'info' | 'warn', (message: string) => void>;
declare function copyFrom(statement: string): import('pg').Submittable & Writable;
declare const fleet: Fleet;
declare const queue: {
  send(text: string): Promise<void>;
  onMessage(handle: (text: string) => Promise<void>): void;
};
declare const shard: Shard;
declare const request: { headers: Record<string, string | undefined> };
declare const row: { status: string };
`;

/** Every block in a scope of its own; what it imports comes first, once. */
function programOf(blocks: readonly (readonly string[])[]): string {
  const imports = new Set<string>();
  const bodies = blocks.map((lines) => {
    const body = lines.filter((line) => !line.startsWith('import '));
    for (const line of lines) if (line.startsWith('import ')) imports.add(line);
    const whole = body.join('\n').replaceAll('{ … }', '{}').replaceAll('…,', REQUIRED);
    return `async () => {\n${whole}\n},`;
  });
  return [GIVEN, ...imports, `void [${bodies.join('\n')}];\nvoid [fleet, shard];`].join('\n');
}

const REQUIRED = "app: 'inventory', release: '2.0', shards: [{ name: 'eu1', url: '' }],";
