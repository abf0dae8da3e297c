// Builds the console into dist/, if anything that it is made of has changed since. Others may build at
// the same time, and a server may be reading: the new files take the place of the old ones at once.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';

const here = import.meta.dirname;
const dist = join(here, 'dist');
const stamp = join(dist, '.built');

/** What the files follow from; the lock file has the packages that go into them. */
const FILES = [
  ...['index.html', 'vite.config.ts', 'build.mjs', 'package.json'],
  ...['../../package-lock.json', '../server/src/api/permissions.ts'],
  '../server/src/campaigns/signals/chart.ts',
];
const DIRECTORIES = ['src', 'public'];
const COMPRESSED = /\.(?:js|css|html|svg)$/;
/** Of 11: two thirds of the time of the build would go into the last percent. */
const BROTLI_QUALITY = 9;

const wanted = hashOfSources();
const built = await fs.readFile(stamp, 'utf8').catch(() => '');
if (built !== wanted) await build();

function hashOfSources() {
  const hash = createHash('sha256');
  const inside = DIRECTORIES.flatMap((directory) =>
    readdirSync(join(here, directory), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => relative(here, join(parentPath, name))),
  );
  for (const path of [...FILES, ...inside.sort()]) {
    hash.update(path).update(readFileSync(join(here, path)));
  }
  return hash.digest('hex');
}

async function build() {
  // Only now: loading it takes longer than looking whether it is needed.
  const { build: viteBuild } = await import('vite');
  const next = join(here, '.halflap', `dist-${process.pid}`);
  const configFile = join(here, 'vite.config.ts');
  await viteBuild({ configFile, logLevel: 'warn', build: { outDir: next } });
  const files = await fs.readdir(next, { recursive: true });
  await Promise.all(
    files.filter((file) => COMPRESSED.test(file)).map((file) => compress(next, file)),
  );
  await fs.writeFile(join(next, '.built'), wanted);
  await fs.rm(dist, { recursive: true, force: true });
  await fs.rename(next, dist);
}

async function compress(directory, file) {
  const text = await fs.readFile(join(directory, file));
  const params = { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY };
  await fs.writeFile(
    join(directory, `${file}.br`),
    await promisify(brotliCompress)(text, { params }),
  );
}
