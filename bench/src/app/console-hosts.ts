// How long the page of hosts takes in a browser: from an act of a person to the rows that follow,
// with what the API alone takes for the same rows.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { quantile } from '../measure.js';
import type { BenchOptions } from '../options.js';
import { type Caller, call, type Ground, withGround } from './ground.js';
import { fillHosts } from './host-list.js';

export interface ActCost {
  readonly what: string;
  readonly p50Ms: number;
  readonly mostMs: number;
  /** The middle of the same list through the API alone. */
  readonly apiMs: number;
}

export interface ConsoleFigures {
  readonly hosts: number;
  readonly shards: number;
  readonly rounds: number;
  readonly acts: readonly ActCost[];
}

/** Debian's. */
const PROGRAM = '/usr/bin/chromium';
const CONSOLE = fileURLToPath(new URL('../../../packages/console/dist', import.meta.url));
const SHARDS = 4;
const PASSWORD = 'correct horse battery staple';

interface Act {
  readonly what: string;
  /** What the page then asks. */
  readonly query: string;
  /** Ends when its rows are there. */
  perform(page: Page): Promise<void>;
}

/** Each begins where the one before has ended. */
const ACTS: readonly Act[] = [
  {
    what: 'the page is loaded, first rows',
    query: 'sort=hostname&order=asc&total=true',
    perform: async (page) => {
      await page.goto(`${new URL(page.url()).origin}/hosts`);
      await firstRow(page).waitFor();
    },
  },
  {
    what: 'next page',
    query: 'sort=hostname&order=asc&total=true',
    perform: (page) => changing(page, () => page.getByRole('button', { name: 'Next' }).click()),
  },
  {
    what: 'sorted the other way',
    query: 'sort=hostname&order=desc&total=true',
    perform: (page) =>
      changing(page, () => page.locator('thead').getByRole('button').first().click()),
  },
  {
    what: 'filtered by a part of a name, with 0.3 s of typing on',
    query: 'search=77&sort=hostname&order=desc&total=true',
    perform: (page) => changing(page, () => page.getByLabel('Name').fill('77')),
  },
  {
    what: 'filters cleared',
    query: 'sort=hostname&order=desc&total=true',
    perform: (page) =>
      changing(page, () => page.getByRole('button', { name: 'Clear filters' }).click()),
  },
];

const firstRow = (page: Page) => page.locator('tbody tr').first().getByRole('link').first();

/** Until the first row is another one. */
async function changing(page: Page, act: () => Promise<void>): Promise<void> {
  const before = await firstRow(page).innerText();
  await act();
  await firstRow(page).filter({ hasNotText: before }).waitFor();
}

/** Null where there is no browser. */
export async function measureConsole(
  { hosts, requests, isDurable }: BenchOptions,
  tell: (line: string) => void,
): Promise<ConsoleFigures | null> {
  if (!existsSync(PROGRAM)) {
    tell(`console: left out, there is no ${PROGRAM}`);
    return null;
  }
  const rounds = Math.ceil(requests / 20);
  return withGround({ shards: SHARDS, isDurable }, async (ground) => {
    tell(`console: ${hosts.toLocaleString('en')} hosts are made`);
    await fillHosts(ground.store, hosts);
    const caller = { server: await startServer(ground), token: ground.token };
    const browser = await chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox'] });
    try {
      tell('console: a browser looks at them');
      const acts = await costs(await signedIn(browser, caller), caller, rounds);
      return { hosts, shards: SHARDS, rounds, acts };
    } finally {
      await browser.close();
    }
  });
}

async function startServer(ground: Ground) {
  return ground.startServer({}, { console: CONSOLE });
}

async function signedIn(browser: Browser, caller: Caller): Promise<Page> {
  const grants = [{ role: 'admin', selector: null }];
  await call(caller, '/users', { name: 'anna', password: PASSWORD, grants });
  const page = await browser.newPage();
  await page.goto(caller.server.ready.address);
  await page.getByLabel('Name').fill('anna');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  return page;
}

async function costs(page: Page, caller: Caller, rounds: number): Promise<ActCost[]> {
  const times = ACTS.map(() => ({ page: [] as number[], api: [] as number[] }));
  // The first round warms browser and server up.
  for (let round = 0; round <= rounds; round += 1) {
    for (const [at, { perform, query }] of ACTS.entries()) {
      const ofPage = await timed(() => perform(page));
      const ofApi = await timed(() => call(caller, `/hosts?${query}`));
      if (round === 0) continue;
      times[at]?.page.push(ofPage);
      times[at]?.api.push(ofApi);
    }
  }
  return ACTS.map(({ what }, at) => {
    const { page: taken, api } = times[at] as (typeof times)[number];
    const mostMs = Math.max(...taken);
    return { what, p50Ms: quantile(taken, 0.5), mostMs, apiMs: quantile(api, 0.5) };
  });
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await act();
  return performance.now() - startedAt;
}
