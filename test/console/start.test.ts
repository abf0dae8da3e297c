// Everything from `npm start` alone, in a browser: somebody who has never seen it upgrades a server
// and a shard in an order of their own, takes one back, is refused a contract with the reason, and
// finishes with nothing lost.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser, openVisit, type Visit } from './browser.js';
import { type Start, start } from './start.js';

/** A tenth of the load that people see, so that two cores are not busy with that alone. */
const SMALL = ['--rows', '300', '--seconds', '0.5', '--pace-ms', '150', '--port', '0'];
const PATIENCE_MS = 600_000;
/** A step may take a while on a busy machine. */
const STEP_MS = 120_000;

let browser: Browser;
let started: Start;
let visit: Visit;
let page: Page;

beforeAll(async () => {
  [browser, started] = await Promise.all([openBrowser(), start(...SMALL)]);
  visit = await openVisit(browser);
  page = visit.page;
  page.setDefaultTimeout(STEP_MS);
}, PATIENCE_MS);

afterAll(async () => {
  await browser?.close();
  await started?.remove();
});

const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true });
const heading = (name: string | RegExp) => page.getByRole('heading', { level: 1, name });
const link = (name: string) => page.getByRole('link', { name, exact: true });
const step = (text: string) => page.getByRole('listitem').filter({ has: button(text) });
const isStep = (text: string, state: string) =>
  step(text).getByText(state, { exact: true }).first().waitFor();
const cell = (server: string, at: number) =>
  page
    .getByRole('row', { name: new RegExp(`^${server}`) })
    .getByRole('gridcell')
    .nth(at);

async function confirm(name: string, submit: string): Promise<void> {
  await button(name).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: submit, exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}

/** Approves the plan on the page, and starts it. */
async function press(): Promise<void> {
  await confirm('Approve the plan', 'Approve');
  await confirm('Start', 'Start it');
}

async function isOver(): Promise<void> {
  await page.getByText('finished', { exact: true }).first().waitFor();
}

/** What would this step change? */
async function askWhatIf(id: string): Promise<void> {
  await link('Clusters').first().click();
  await link('inventory').first().click();
  await link('What if').click();
  await page.getByLabel('Step', { exact: true }).selectOption(id);
}

/** A campaign of one step, from what it would change. */
async function takeAlone(id: string): Promise<void> {
  await askWhatIf(id);
  await button('Plan this step alone').click();
  await press();
  await isOver();
}

let planned = '';

describe('npm start', () => {
  it('leads to the console, where everything is 1.0', { timeout: PATIENCE_MS }, async () => {
    const [, address = ''] = await started.shows(/console +(http\S+)\n/);
    const [, name = '', password = ''] = await started.shows(/sign in +(\S+) +(\S+)\n/);
    planned = address;
    await page.goto(address);
    await page.getByLabel('Name').fill(name);
    await page.getByLabel('Password').fill(password);
    await page.keyboard.press('Enter');
    await heading('Upgrade 1.0 → 2.0 of inventory').waitFor();
    await page.getByText('Read the plan, then approve it').first().waitFor();
    await link('Home').click();
    await page.getByText('Every server works with every shard.').waitFor();
  });

  it('lets one choose the order: us1 first, then app3', { timeout: PATIENCE_MS }, async () => {
    for (const shard of ['us1', 'ap1', 'eu1']) await takeAlone(`shard/${shard}/prepare`);
    await takeAlone('shard/us1/expand');
    await takeAlone('server/app3/upgrade');
    await link('Home').click();
    await cell('app3', 0).getByText('lens').waitFor();
    await cell('app3', 2).getByText('native').waitFor();
    await cell('app1', 2).getByText('native').waitFor();
  });

  it('takes one server back, and one shard', { timeout: PATIENCE_MS }, async () => {
    await takeAlone('server/app3/downgrade');
    await takeAlone('shard/us1/abort');
    await link('Home').click();
    await page.getByRole('columnheader', { name: /us1.*1\.0/ }).waitFor();
  });

  it('refuses a contract while servers of 1.0 work', { timeout: PATIENCE_MS }, async () => {
    await takeAlone('shard/eu1/expand');
    await askWhatIf('shard/eu1/contract');
    await page.getByText('It is refused now').waitFor();
    await page.getByText('app1 works with eu1 by 1.0').waitFor();
    expect(await button('Plan this step alone').count()).toBe(0);
  });

  it('goes all the way by the plan that was ready', { timeout: PATIENCE_MS }, async () => {
    await page.goto(planned);
    await press();
    for (const shard of ['ap1', 'eu1', 'us1']) {
      const contract = `Contract shard ${shard}`;
      await step(contract)
        .getByText(/^It waits: .*approv/)
        .waitFor();
      await confirm(`Approve: ${contract}`, 'Approve this step');
      await isStep(contract, 'succeeded');
    }
    await isOver();
    await link('Home').click();
    for (const server of ['app1', 'app2', 'app3']) {
      await cell(server, 0).getByText('native').waitFor();
    }
    expect(visit.faults).toEqual([]);
  });

  it('has lost nothing, and leaves nothing behind', { timeout: PATIENCE_MS }, async () => {
    await started.shows(/cluster inventory is upgraded/);
    const { code, report } = await started.end();
    expect(report, started.output()).toMatchObject({
      ...{ failedStatements: 0, lostWrites: 0, phantomWrites: 0, divergentRows: 0 },
      ...{ contradictoryReads: 0, stoppedBy: null, evidence: [], holds: true },
    });
    expect(report.campaigns.filter(({ state }) => state === 'finished')).toHaveLength(9);
    expect(code).toBe(0);
    expect(await started.left()).toEqual([]);
  });
});
