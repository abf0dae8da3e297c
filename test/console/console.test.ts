// The console in a browser, against a real server on real databases with simulated hosts: signing
// in, the main way by keyboard alone, every page at both sizes and in both themes, another release.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomFrom } from '../oracle/random.js';
import { isDue } from '../setup/due.js';
import { findings, openBrowser, openVisit, SIZES, type Visit } from './browser.js';
import { isIn, isWhole, type Looks, openLooks } from './looks.js';
import { type Served, serve } from './served.js';

const HOSTS = 3;
const SEED = Number(process.env.HALFLAP_TEST_SEED ?? Date.now() % 1_000_000);
const CLICKS = 25;
const PASSWORD = 'correct horse battery staple';

let browser: Browser;
let served: Served;
let visit: Visit;
let page: Page;
let looks: Looks;

beforeAll(async () => {
  [browser, served] = await Promise.all([openBrowser(), serve()]);
  looks = await openLooks(browser, { name: 'pages', isAsked: isDue });
  visit = await openVisit(browser);
  page = visit.page;
});

afterAll(async () => {
  await browser?.close();
  await served?.stop();
});

const heading = (name: string | RegExp) => page.getByRole('heading', { level: 1, name });
const at = (path: string) => `${served.first.address}${path}`;

/** Goes on with Tab until something with that name has the focus. */
async function tabTo(name: string): Promise<void> {
  for (let pressed = 0; pressed < 150; pressed += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(
      `(document.activeElement?.getAttribute('aria-label')
        ?? document.activeElement?.textContent ?? '')`,
    );
    if (focused === name) return;
  }
  throw new Error(`no key leads to ${name}`);
}

describe('the files of the console', () => {
  it('are kept for ever where a hash names them, and asked for anew otherwise', async () => {
    const answer = await fetch(at('/hosts/any/packages'));
    const html = await answer.text();
    expect(answer.headers.get('cache-control')).toBe('no-cache');
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).not.toContain('unsafe');
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=/);
    const [script = ''] = /\/assets\/[\w.-]+\.js/.exec(html) ?? [];
    const asset = await fetch(at(script), { headers: { 'accept-encoding': 'br' } });
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(asset.headers.get('content-encoding')).toBe('br');
  });

  it('take no address of the API, and no file beside them', async () => {
    const paths = ['/api/v1/nothing', '/assets/nothing.js', '/.built', '/..%2fpackage.json'];
    const answers = await Promise.all(paths.map((path) => fetch(at(path))));
    expect(answers.slice(0, 2).map(({ status }) => status)).toEqual([404, 404]);
    for (const answer of answers) expect(await answer.text()).not.toContain('halflap/console');
    expect((await fetch(at('/hosts'), { method: 'POST' })).status).toBe(404);
  });
});

describe('the console', () => {
  it('makes the first user with the token of the server, by keyboard', async () => {
    await page.goto(at('/tokens'));
    await heading('Make the first user').waitFor();
    expect(await findings(page)).toEqual([]);
    await page.getByLabel('Token').focus();
    await page.keyboard.type(served.first.setupToken ?? '');
    await page.keyboard.press('Tab');
    await page.keyboard.type('anna');
    await page.keyboard.press('Tab');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await heading('Enrolment tokens').waitFor();
  });

  it('lets hosts in by a token that it shows once', async () => {
    await page.getByRole('button', { name: 'New token' }).click();
    await page.getByLabel('Name').fill('first hosts');
    await page.getByLabel('Labels that hosts get').fill('env=prod site=eu1');
    await page.getByLabel('For how many hosts').fill(String(HOSTS));
    await page.getByRole('button', { name: 'Make it' }).click();
    const shown = page.locator('[data-token]');
    const token = await shown.getAttribute('data-token');
    expect(await findings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Done' }).click();
    await shown.waitFor({ state: 'detached' });
    await served.enrol(token ?? '', HOSTS);
  });

  it('restarts a service of a host and shows its output live, by keyboard alone', async () => {
    await tabTo('Hosts');
    await page.keyboard.press('Enter');
    await heading('Hosts').waitFor();
    await page.getByRole('link', { name: 'sim-00000' }).waitFor();
    await tabTo('sim-00000');
    await page.keyboard.press('Enter');
    await heading('sim-00000').waitFor();
    await tabTo('Services');
    await page.keyboard.press('Enter');
    const restart = page.getByRole('button', { name: /^restart / }).first();
    await tabTo((await restart.getAttribute('aria-label')) ?? '');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await tabTo('Restart');
    await page.keyboard.press('Enter');
    await heading(/^restart .* on sim-00000$/).waitFor();
    const output = page.getByRole('button', { name: /^Output.*, of sim-00000$/ });
    await output.focus();
    await page.keyboard.press('Enter');
    await page.getByText('second line').waitFor();
    await page.getByRole('paragraph').getByText('1 host: 1 succeeded').waitFor();
  });

  it('keeps filters, order and page of a list in the address', async () => {
    await page.goto(at('/hosts?search=0000&sort=hostname&order=desc'));
    await page.getByRole('link', { name: 'sim-00002' }).waitFor();
    expect(await page.locator('tbody a').allTextContents()).toEqual(
      [2, 1, 0].map((host) => `sim-0000${host}`),
    );
    await page.getByLabel('Name').fill('00001');
    await page.waitForURL(/search=00001/);
    await page.getByText('of 1', { exact: false }).waitFor();
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await page.waitForURL((url) => !url.searchParams.has('search'));
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export as CSV' }).click();
    const lines = await linesOf((await download).createReadStream());
    expect(lines[0]).toMatch(/^id,hostname,state,connected/);
    expect(lines).toHaveLength(HOSTS + 1);
  });

  it('previews exactly the hosts of a new job', async () => {
    await page.goto(at('/jobs/new?search=00001'));
    await page.getByRole('heading', { name: 'It goes to 1 host' }).waitFor();
    await page.getByLabel('Simulate').check();
    const line = page.locator('[data-cli]').first();
    expect(await line.getAttribute('data-cli')).toBe(
      'halflap jobs run packages upgrade --simulate --search 00001',
    );
    await page.getByRole('button', { name: 'Run on 1 host' }).click();
    await heading('simulate: upgrade all packages').waitFor();
    await page.getByRole('paragraph').getByText('1 host: 1 succeeded').waitFor();
  });

  it('looks well on every page, at both sizes and in both themes', async () => {
    const found: string[] = [];
    const titles = new Set<string>();
    const paths = await everyPage();
    await page.goto(at('/'));
    for (const path of paths) {
      // As a link does: to load the console anew for each would take half of the time.
      await page.evaluate(`history.pushState(null, '', '${path}')`);
      await isWhole(page);
      titles.add(await page.title());
      found.push(...(await looks.wrongWith(page)));
    }
    expect(found).toEqual([]);
    // The five parts of the host have one.
    expect(titles.size).toBe(paths.length - 4);
  }, 300_000);

  it(`fails at nothing, wherever its links lead, seed ${SEED}`, async () => {
    const random = randomFrom(SEED);
    await page.setViewportSize(SIZES.desktop);
    await page.goto(at('/'));
    const way: string[] = [];
    for (let clicked = 0; clicked < CLICKS; clicked += 1) {
      await isWhole(page);
      // Of a page more often than beside it, where all pages have the same.
      const place = random.percent(70) ? 'main' : 'nav[aria-label=Pages]';
      const links = await page.locator(`${place} a[href^="/"]:visible`).all();
      if (links.length === 0) continue;
      const link = random.pick(links);
      way.push(`${await link.innerText()} ${await link.getAttribute('href')}`);
      await link.click();
    }
    expect(visit.faults, way.join('\n')).toEqual([]);
  });

  it('verifies the audit log', async () => {
    await page.goto(at('/audit'));
    await page.getByRole('button', { name: 'Verify', exact: true }).click();
    await page.getByText('entries are as they were written').waitFor();
  });

  it('leads by its navigation on a phone, to the heading of the next page', async () => {
    await page.setViewportSize(SIZES.phone);
    await page.getByRole('button', { name: 'Navigation' }).click();
    await page.getByRole('link', { name: 'Jobs', exact: true }).click();
    await page
      .getByRole('heading', { level: 1, name: 'Jobs' })
      .and(page.locator(':focus'))
      .waitFor();
    await page.getByRole('button', { name: 'New job' }).click();
    await heading('New job').waitFor();
  });

  it('goes on with a server of the next release, and says when to reload', async () => {
    await page.setViewportSize(SIZES.desktop);
    await page.goto(at('/hosts'));
    await page.getByRole('link', { name: 'sim-00000' }).waitFor();
    const note = page.getByText('this page is of 0.1.0');
    expect(await note.count()).toBe(0);
    await page.route('**/api/**', async (route) => {
      const url = route.request().url().replace(served.first.address, served.next.address);
      await route.fulfill({ response: await route.fetch({ url }) });
    });
    await page.getByRole('link', { name: 'Jobs' }).click();
    await page.getByRole('link', { name: 'simulate: upgrade all packages' }).waitFor();
    await note.waitFor();
    expect(await findings(page)).toEqual([]);
    await page.unroute('**/api/**');
  });

  it('says when the home shard is away, and goes on by itself when it is back', async () => {
    await page.goto(at('/jobs'));
    await heading('Jobs').waitFor();
    await served.withoutHome(async () => {
      await page.reload();
      await page.getByText('STORE_UNAVAILABLE').waitFor();
      expect(await findings(page)).toEqual([]);
    });
    await heading('Jobs').waitFor();
    for (const fault of visit.faults.splice(0)) expect(fault).toMatch(/503/);
  });

  it('follows the system, or whoever has chosen a theme', async () => {
    await page.emulateMedia({ colorScheme: 'dark' });
    await isIn(page, 'dark');
    await page.getByRole('button', { name: 'Theme: As the system' }).click();
    await page.getByRole('menuitem', { name: 'Light' }).click();
    await isIn(page, 'light');
  });

  it('signs out, shows nothing more, and refuses a wrong password with the reason', async () => {
    await page.getByRole('button', { name: 'Signed in as anna' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await heading('Sign in').waitFor();
    expect(visit.faults).toEqual([]);
    await page.getByLabel('Name').fill('anna');
    await page.getByLabel('Password').fill('another');
    await page.keyboard.press('Enter');
    await page.getByText('no such user, or another password').waitFor();
  });
});

/** A few of hundreds of packages and services: rows are all alike. */
const FEW = '?search=audio';

/** Addresses of all pages, with a host, a job and a user that there are. */
async function everyPage(): Promise<string[]> {
  const first = async (path: string) => {
    const { items } = (await (await page.request.get(at(`/api/v1${path}`))).json()) as {
      items: readonly { readonly id: string }[];
    };
    return `${path}/${items[0]?.id}`;
  };
  const [host, job, user] = await Promise.all([first('/hosts'), first('/jobs'), first('/users')]);
  const names = [`/packages${FEW}`, `/services${FEW}`];
  const parts = ['', ...names, '/jobs', '/events'].map((part) => `${host}${part}`);
  return [
    ...['/', '/clusters', '/clusters/new', '/clusters/bundles', '/campaigns', '/campaigns/new'],
    ...['/hosts', ...parts, '/jobs', '/jobs/new', job, ...names],
    ...['/alerts', '/alerts/rules', '/alerts/targets', '/alerts/deliveries'],
    ...['/tokens', '/users', user, '/api-tokens', '/audit', '/settings', '/no-such-page'],
  ];
}

async function linesOf(stream: Promise<NodeJS.ReadableStream>): Promise<string[]> {
  let text = '';
  for await (const part of await stream) text += String(part);
  return text.trim().split('\r\n');
}
