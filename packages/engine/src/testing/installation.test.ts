import * as fs from 'node:fs/promises';
import { arch, platform, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withPostgres } from './embedded.js';
import {
  chooseInstallation,
  embeddedInstallation,
  findInstallations,
  prepareInstallation,
  serverUser,
  temporaryRoot,
} from './installation.js';

const ROOT = new URL('../../../../', import.meta.url);

let directory = '';
let pristine = '';

beforeAll(async () => {
  directory = await fs.mkdtemp(join(await temporaryRoot(await serverUser()), 'installation-test-'));
  await fs.chmod(directory, 0o755);
  pristine = join(directory, 'package');
  const { bin } = await embeddedInstallation();
  const native = dirname(bin);
  await fs.cp(native, join(pristine, 'native'), { recursive: true, verbatimSymlinks: true });
  // The installation may itself be a copy, which has no manifest.
  await fs.writeFile(join(pristine, 'package.json'), '{ "version": "0.0.0" }');
});

afterAll(() => fs.rm(directory, { recursive: true, force: true }));

/** The links that npm leaves out when it runs no install scripts. */
async function removeLinks(native: string): Promise<string[]> {
  const text = await fs.readFile(join(native, 'pg-symlinks.json'), 'utf8');
  const links = (JSON.parse(text) as { target: string }[]).map(({ target }) =>
    join(dirname(native), target),
  );
  await Promise.all(links.map((link) => fs.rm(link, { force: true })));
  return links;
}

describe('prepareInstallation', () => {
  it('makes the links of a package whose install script did not run, many at once', async () => {
    const native = join(pristine, 'native');
    const links = await removeLinks(native);
    expect(links.length).toBeGreaterThan(0);
    const prepared = await Promise.all(
      Array.from({ length: 8 }, () => prepareInstallation(native)),
    );
    expect(new Set(prepared.map(({ bin }) => bin))).toEqual(new Set([join(native, 'bin')]));
    for (const link of links) expect((await fs.lstat(link)).isSymbolicLink()).toBe(true);
    await withPostgres(async (server) => expect(server.port).toBeGreaterThan(0), {
      ...(prepared[0] === undefined ? {} : { installation: prepared[0] }),
    });
  });

  it.skipIf(process.getuid?.() !== 0)(
    'copies a package that the server’s user cannot reach, once, many at once',
    async () => {
      const locked = join(directory, 'locked');
      await fs.mkdir(locked, { mode: 0o700 });
      await fs.rename(pristine, join(locked, 'package'));
      const native = join(locked, 'package/native');
      const cache = join(directory, 'cache');
      await fs.mkdir(cache, { mode: 0o755 });

      const prepared = await Promise.all(
        Array.from({ length: 3 }, () => prepareInstallation(native, cache)),
      );
      expect(await fs.readdir(cache)).toHaveLength(1);
      const bin = prepared[0]?.bin ?? '';
      expect(prepared.map((one) => one.bin)).toEqual([bin, bin, bin]);
      expect(bin.startsWith(cache)).toBe(true);

      await fs.rm(join(bin, '../share/postgresql/postgres.bki'));
      const repaired = await prepareInstallation(native, cache);
      expect(repaired.bin).not.toBe(bin);
      await withPostgres(async (server) => expect(server.port).toBeGreaterThan(0), {
        installation: repaired,
      });
      expect(await prepareInstallation(native, cache)).toEqual(repaired);
      expect(await fs.readdir(cache)).toHaveLength(2);
    },
  );
});

describe('findInstallations', () => {
  it('names the embedded one first', async () => {
    const [first] = await findInstallations();
    expect(first).toMatchObject({ origin: 'embedded', major: 18 });
  });

  it('names every further major that npm has brought', async () => {
    const packages = await fs.readdir(fileURLToPath(new URL('node_modules', ROOT)));
    const wanted = packages
      .map((name) => new RegExp(`^postgres-(\\d+)-${platform()}-${arch()}$`).exec(name)?.[1])
      .flatMap((major) => (major === undefined ? [] : [Number(major)]));
    const found = (await findInstallations()).filter(({ origin }) => origin === 'embedded');
    expect(found.map(({ major }) => major)).toEqual([18, ...wanted.toReversed()]);
  });

  it('passes over directories that hold no PostgreSQL', async () => {
    const environment = { HALFLAP_TEST_POSTGRES: `/nonexistent:${tmpdir()}`, PATH: '/usr/bin' };
    const found = await findInstallations(environment);
    expect(found.map(({ bin }) => bin)).not.toContain(tmpdir());
  });
});

describe('chooseInstallation', () => {
  it('gives the embedded one unless a major is asked for', async () => {
    expect(await chooseInstallation(undefined)).toEqual(await embeddedInstallation());
    expect(await chooseInstallation(18)).toEqual(await embeddedInstallation());
  });

  it('says which majors there are when one is not', async () => {
    await expect(chooseInstallation(13)).rejects.toMatchObject({
      code: 'SCRATCH_UNAVAILABLE',
      message: expect.stringMatching(/PostgreSQL 13 .* found: 18\b/),
    });
  });
});
