// The matrix of servers and shards in a browser, with 200 × 100 cells: it holds what is in sight
// and no more, every cell is reached by keyboard, and what is blocked says why. It prints how long
// it took.

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findings, openBrowser, openVisit, overflow, SIZES, type Visit } from './browser.js';

const CONSOLE = fileURLToPath(new URL('../../packages/console', import.meta.url));
const SAMPLE = 'src/components/matrix/sample-matrix.tsx';
const SIZE = { servers: 200, shards: 100 };
/** Of 20,000 cells a browser would have 100,000. */
const MOST_ELEMENTS = 2500;

let browser: Browser;
let visit: Visit;

beforeAll(async () => {
  const [opened, files] = await Promise.all([openBrowser(), built()]);
  browser = opened;
  visit = await openVisit(browser);
  await visit.page.setContent('<html lang="en"><title>Matrix</title><div id="root"></div></html>');
  await visit.page.addStyleTag({ content: files.style });
  await visit.page.addScriptTag({ content: files.script });
  expect(visit.faults).toEqual([]);
});

afterAll(() => browser?.close());

const HELD = '[role=columnheader], [role=rowheader], [role=gridcell]';
/** Heads and cells of which a part is not to be seen, since it has no room. */
const CUT_OFF = `[...document.querySelectorAll('${HELD}')]
  .filter((whole) => [...whole.children].some((one) => {
    const [part, room] = [one.getBoundingClientRect(), whole.getBoundingClientRect()];
    return part.top < room.top || part.bottom > room.bottom || part.right > room.right;
  }))
  .map((whole) => whole.textContent)`;

/** The sample alone, as one script and one style. */
async function built(): Promise<{ readonly script: string; readonly style: string }> {
  const outDir = await mkdtemp(join(tmpdir(), 'halflap-matrix-'));
  await build({
    configFile: join(CONSOLE, 'vite.config.ts'),
    logLevel: 'silent',
    build: {
      ...{ outDir, minify: false, copyPublicDir: false, reportCompressedSize: false },
      lib: { entry: join(CONSOLE, SAMPLE), formats: ['iife'], name: 'sample', fileName: 'sample' },
      rolldownOptions: { output: {} },
    },
  });
  const files = await readdir(outDir);
  const read = (ending: string) =>
    readFile(join(outDir, files.find((file) => file.endsWith(ending)) ?? ending), 'utf8');
  const [script, style] = await Promise.all([read('.js'), read('.css')]);
  await rm(outDir, { recursive: true });
  return { script, style };
}

const show = (turn: number) =>
  visit.page.evaluate(`window.showMatrix(${JSON.stringify({ ...SIZE, turn })})`) as Promise<number>;

it('shows and updates 200 servers × 100 shards with few elements', async ({ annotate }) => {
  const { page } = visit;
  const shown = await show(0);
  const before = await page.getByRole('gridcell').first().textContent();
  const updated: number[] = [];
  for (let turn = 1; turn <= 5; turn += 1) updated.push(await show(turn));
  await annotate(`20,000 cells: shown in ${ms(shown)}, updated in ${updated.map(ms).join(', ')}`);
  expect(await page.getByRole('gridcell').first().textContent()).toBe(before);
  expect(await page.locator('*').count()).toBeLessThan(MOST_ELEMENTS);
  expect(await page.getByRole('grid').getAttribute('aria-rowcount')).toBe('201');
  expect(await page.evaluate(CUT_OFF)).toEqual([]);
  expect(await findings(page)).toEqual([]);
});

it('leads to every cell by keyboard, and says why one is blocked and what helps', async () => {
  const { page } = visit;
  await show(0);
  const grid = page.getByRole('grid');
  await grid.focus();
  const said = page.locator('.hf-matrix-detail');
  await page.keyboard.press('End');
  await said.getByText('server-1 with shard-100').waitFor();
  for (let pressed = 0; pressed < 20; pressed += 1) await page.keyboard.press('PageDown');
  await said.getByText('server-200 with shard-100').waitFor();
  // It is in sight, and the grid says so to who cannot see it.
  const chosen = page.getByRole('gridcell', { selected: true });
  await chosen.waitFor();
  await page.locator(`[aria-activedescendant="${await chosen.getAttribute('id')}"]`).waitFor();
  while (!(await said.textContent())?.includes('refused')) await page.keyboard.press('ArrowLeft');
  await said.getByText('upgrade server-4, or stop it').waitFor();
  await page.keyboard.press('Home');
  await said.getByText('serving').waitFor();
  expect(await said.textContent()).toContain('server-200');
});

it('fits a phone, in both themes', async () => {
  const { page, faults } = visit;
  await page.setViewportSize(SIZES.phone);
  expect(await overflow(page)).toBe(0);
  await page.evaluate(`document.documentElement.classList.add('pf-v6-theme-dark')`);
  expect(await findings(page)).toEqual([]);
  expect(faults).toEqual([]);
});

function ms(time: number): string {
  return `${Math.round(time)} ms`;
}
