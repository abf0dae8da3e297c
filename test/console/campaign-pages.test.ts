// Clusters and campaigns in a browser, on a real server with a real cluster: its servers register
// on real shards, and an agent upgrades them. One campaign from its plan to the way back.

import { readFileSync } from 'node:fs';
import { setPace } from '@halflap/engine/runner';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withClient } from '../evolving/databases.js';
import { APP } from '../evolving/releases.js';
import { isDue } from '../setup/due.js';
import { findings, openBrowser, openVisit, type Visit } from './browser.js';
import { PASSWORD, type ServedCampaigns, serveCampaigns } from './campaign-served.js';
import { type Looks, openLooks } from './looks.js';
import { underStrain } from './strain.js';

const WRONG = `name: shop
app: shop
servers: { hosts: role=a }
shards: [{ name: "!" }]
`;
/** Another cluster on the same shards, and on one that does not answer. */
const LOST = {
  ...{ name: 'zeta', app: APP, servers: { named: [{ name: 'z1', host: 'web-0' }] } },
  commands: { upgrade: { run: ['/bin/true'] }, restart: { run: ['/bin/true'] } },
};
const LONG_PLAN = `
insert into campaign_steps (campaign_id, id, place, batch, kind, name, action)
select $1::uuid, 'server/s' || n || '/upgrade', 1000 + n, 1000 + n, 'server', 's' || n, 'upgrade'
from generate_series(1, 200) as n
union all
select $1::uuid, 'shard/x' || n || '/' || action, 2000 + 3 * n + at, 2000 + 3 * n, 'shard',
  'x' || n, action
from generate_series(1, 100) as n,
  unnest(array['expand', 'verify', 'contract']) with ordinality as u (action, at)`;
let browser: Browser;
let served: ServedCampaigns;
let ground: ServedCampaigns['ground'];
let server: ServedCampaigns['server'];
let app: ServedCampaigns['app'];
let visit: Visit;
let page: Page;
let looks: Looks;
beforeAll(async () => {
  [browser, served] = await Promise.all([openBrowser(), serveCampaigns()]);
  ({ ground, server, app } = served);
  looks = await openLooks(browser, { name: 'campaign', isAsked: isDue });
  visit = await openVisit(browser);
  page = visit.page;
});

afterAll(async () => {
  await browser?.close();
  await served?.stop();
});

const at = (path: string) => `${server.address}${path}`;
const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true });
const heading = (name: string | RegExp) => page.getByRole('heading', { level: 1, name });
const step = (text: string) => page.getByRole('listitem').filter({ has: button(text) });
const isStep = (text: string, state: string) =>
  step(text).getByText(state, { exact: true }).first().waitFor();
const paced = () => ({ url: app.shards[0]?.url ?? '', shard: 'eu1', app: APP });
const says = (text: string) => page.getByRole('heading', { name: text }).or(page.getByText(text));

/** Opens the question, answers it. */
async function choose(name: string, submit: string, reason?: string): Promise<void> {
  await button(name).first().click();
  const dialog = page.getByRole('dialog');
  if (reason !== undefined) await dialog.getByRole('textbox', { name: /^Why/ }).fill(reason);
  await dialog.getByRole('button', { name: submit, exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}

describe('clusters and campaigns in the console', () => {
  it('show how each server works with each shard on the first page', async () => {
    const lost = { name: 'sad', url: 'postgres://nobody:x@127.0.0.1:1/none' };
    const payload = { ...LOST, shards: [...app.shards, lost] };
    const { body } = await ground.ask('POST', '/api/v1/clusters', { payload });
    await page.goto(at('/'));
    await page.getByLabel('Name').fill('anna');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.keyboard.press('Enter');
    const grid = page.getByRole('grid', { name: 'Cluster shop-1: servers and shards' });
    await grid.waitFor();
    expect(await grid.getByRole('gridcell').allInnerTexts()).toEqual(['native', 'native']);
    await page.getByText('Every server works with every shard.').waitFor();
    // With something wrong it comes first, whatever it is called.
    const clusters = page.locator('main h2').filter({ hasText: /^(shop-1|zeta)/ });
    await clusters.nth(0).filter({ hasText: 'zeta' }).waitFor();
    const listed = page.getByRole('list', { name: 'What needs somebody' });
    await listed.getByText('sad', { exact: true }).waitFor();
    expect(await looks.wrongWith(page)).toEqual([]);
    await ground.ask('DELETE', `/api/v1/clusters/${body.id}`);
    await page.reload();
  });

  it('are refused an unsafe order with the reason, planned, approved and started', async () => {
    await page.getByRole('link', { name: 'shop-1', exact: true }).click();
    await heading('shop-1').waitFor();
    await button('Plan a campaign').click();
    await page.getByLabel('Time until a server is healthy').fill('1 s');
    await page.getByLabel('Most rows in quarantine').fill('5');
    await page.getByLabel('Order', { exact: true }).selectOption('my own order');
    await button('Later: Prepare shard eu1').click();
    await button('Plan it').click();
    await page.getByText(/eu1 .*does not serve 2\.0/).waitFor();
    // A refusal is an answer that browsers note.
    for (const fault of visit.faults.splice(0)) expect(fault).toContain('409');
    expect(await looks.wrongWith(page)).toEqual([]);
    await page.getByLabel('Order', { exact: true }).selectOption('the shortest safe order');
    await button('Plan it').click();
    await heading('Upgrade 1.0 → 2.0 of shop-1').waitFor();
    await says('Read the plan, then approve it').waitFor();
    expect(await page.getByText('point of no return', { exact: true }).count()).toBe(1);
    await choose('Approve the plan', 'Approve');
    app.servers[1].health = 1;
    await choose('Start', 'Start it');
  });

  it('stop where a server fails, say why, and go on when it is tried again', async () => {
    const failing = `Upgrade server ${app.servers[1].name}`;
    await says('It has stopped').waitFor();
    await isStep(failing, 'failed');
    await step(failing).getByText(`health ${app.servers[1].name}`).waitFor();
    await step(failing).getByRole('link', { name: 'Job of health' }).waitFor();
    const chart = page.getByRole('img', { name: /^latency over time: .*limit 1000 ms$/ });
    await chart.waitFor();
    expect(await chart.locator('.hf-chart-line').getAttribute('d')).toMatch(/^M.*L/);
    await button('Show the numbers').click();
    await page.getByRole('row', { name: /^Before the first step \d+ ms$/ }).waitFor();
    expect(await looks.wrongWith(page)).toEqual([]);
    app.servers[1].health = 0;
    // One batch of the backfill, and then a long rest.
    await setPace(paced(), { batchRows: 100, paceMs: 600_000 });
    await choose(`Retry: ${failing}`, 'Retry it');
    await isStep(failing, 'succeeded');
  });

  it('show how far a shard is, how fast it goes, and why it holds back', async () => {
    const expand = step('Expand shard eu1');
    const rows = /^100 of about 500 rows, less than 1 a second, [34]\d min left$/;
    await expand.getByText(rows).waitFor();
    await expand.getByRole('img', { name: '100 of about 500 rows' }).waitFor();
    expect(await looks.wrongWith(page)).toEqual([]);
    await underStrain(paced().url, async () => {
      // Slowly: the next look at the database comes before it is done.
      await setPace(paced(), { paceMs: 1000 });
      const why = 'lock waits: 21 sessions of the database wait for locks';
      await expand.getByText(`It holds back: ${why}`).waitFor();
      await page.getByText(`waits: ${why}`, { exact: true }).waitFor();
    });
    await setPace(paced(), { batchRows: 2000, paceMs: 0 });
    await isStep('Expand shard eu1', 'succeeded');
  });

  it('are exported as a report that stands by itself', async () => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      button('Export report').click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^shop-1-1\.0-2\.0-.{8}\.html$/);
    const report = await openVisit(browser);
    await report.page.setContent(readFileSync(await download.path(), 'utf8'));
    await report.page.getByRole('heading', { name: 'Upgrade 1.0 → 2.0 of shop-1' }).waitFor();
    await report.page.getByRole('img', { name: 'latency over time' }).waitFor();
    expect(await findings(report.page)).toEqual([]);
    expect(report.faults).toEqual([]);
    await report.context.close();
  });

  it('wait with their reason, and are paused and resumed', async () => {
    await isStep('Contract shard eu1', 'waiting');
    await step('Contract shard eu1')
      .getByText(/^It waits: .*approv/)
      .waitFor();
    await choose('Pause', 'Pause it', 'until Monday');
    await says('It is paused').waitFor();
    await page.getByText('until Monday').first().waitFor();
    await choose('Resume', 'Resume it');
    await says('It waits for an approval').waitFor();
    await step('Contract shard eu1')
      .getByRole('link', { name: /^What if/ })
      .click();
    await says('Nothing leads back from it').first().waitFor();
    const closes = page.getByRole('listitem').filter({ hasText: 'closes' });
    await closes.filter({ hasText: `Take server ${app.servers[0].name} back` }).waitFor();
    expect(await looks.wrongWith(page)).toEqual([]);
  });

  it('say who supports a feature, and enable one unless a shard is against it', async () => {
    const back = page.url();
    const part = (name: string) => page.getByRole('link', { name, exact: true });
    await part('Cluster shop-1').click();
    await part('Features').click();
    const feature = (name: string) => page.getByRole('region', { name: `Feature ${name}` });
    await feature('quotas').getByText('2 of 2 servers').waitFor();
    await feature('no_old').getByText('shard eu1 is dual, from 1.0 to 2.0').waitFor();
    await button('Shards and servers of quotas').click();
    expect(await looks.wrongWith(page)).toEqual([]);
    await choose('Enable quotas', 'Enable');
    await feature('quotas').getByText('enabled on 1 shard').waitFor();
    await feature('quotas')
      .getByRole('row', { name: /eu1.*enabled.*anna/ })
      .waitFor();
    // So that the campaign can go back.
    await choose('Disable quotas', 'Disable');
    await button('Enable no_old').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Enable', exact: true }).click();
    await dialog.getByText(/the feature needs settled at 2\.0/).waitFor();
    for (const fault of visit.faults.splice(0)) expect(fault).toContain('409');
    await dialog.getByRole('button', { name: 'Close', exact: true }).first().click();
    const { fleet } = app.servers[0];
    fleet.behaves('loud_status', '1.0');
    await fleet.messages.receive('noise', { shard: 'eu1', consumer: 'orders' }, async () => {});
    await fleet.check();
    await part('Messages').click();
    await page.getByText('Servers write messages as release 2.0 does.').waitFor();
    await page.getByRole('row', { name: /2\.0.*item_moved/ }).waitFor();
    await page.getByRole('row', { name: /orders.*it is not JSON/ }).waitFor();
    expect(await looks.wrongWith(page)).toEqual([]);
    await choose('Give back 1 of eu1', 'Give back');
    await page.getByText('given back', { exact: true }).waitFor();
    await choose('Discard 1 of eu1', 'Discard');
    await page.getByText('Every message that came was read.').waitFor();
    await part('Behaviours').click();
    const used = `eu1: 1, last by ${app.servers[0].name}`;
    await page
      .getByRole('row', { name: /loud_status/ })
      .getByText(used)
      .waitFor();
    expect(await looks.wrongWith(page)).toEqual([]);
    await page.goto(back);
  });

  it('say what a verb does on a shard, and what it locks', async () => {
    await page.getByRole('link', { name: 'Plan', exact: true }).click();
    const contract = step('Contract shard eu1');
    await contract.getByRole('button', { name: /^What contract does/ }).click();
    const steps = contract.getByRole('list', { name: 'Steps of contract' });
    await steps.getByText('ACCESS EXCLUSIVE on items').first().waitFor();
    await steps
      .getByRole('button', { name: /statements? of/ })
      .first()
      .click();
    await steps.getByRole('region', { name: /^SQL of/ }).waitFor();
    expect(await looks.wrongWith(page)).toEqual([]);
  });

  it('lead to each shard: how it stands, and what could not be carried, tried again', async () => {
    const asOld = (text: string) => withClient(paced().url, null, (client) => client.query(text));
    const campaign = page.url();
    await asOld(`insert into items values (900, 'late', '7')`);
    await page.getByRole('link', { name: 'Cluster shop-1' }).click();
    const grid = page.getByRole('grid', { name: 'Cluster shop-1: servers and shards' });
    await grid.focus();
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await heading('eu1').waitFor();
    await page.getByText('items: 1').waitFor();
    await page.getByRole('row', { name: /a1 2\.0 tables of its own release/ }).waitFor();
    await page
      .getByRole('list', { name: 'Filled and compared' })
      .getByText('equal')
      .first()
      .waitFor();
    expect(await looks.wrongWith(page)).toEqual([]);
    await page.getByRole('link', { name: 'Journal', exact: true }).click();
    await page
      .getByRole('row', { name: /verify\/items/ })
      .first()
      .waitFor();
    expect(await looks.wrongWith(page)).toEqual([]);
    await page.getByRole('link', { name: 'Drift', exact: true }).click();
    await says('An evolution is under way').first().waitFor();
    expect(await looks.wrongWith(page)).toEqual([]);
    await page.getByRole('link', { name: 'Quarantine (1)' }).click();
    await page.getByRole('row', { name: /items id=900 .*23505/ }).waitFor();
    expect(await looks.wrongWith(page)).toEqual([]);
    await asOld('delete from items where id = 7');
    await choose('Try again: items id=900', 'Try again', 'the other one is gone');
    await page.getByText('1 of 1 rows carried, 0 left').waitFor();
    await page.getByText('Every row of the older release has been carried.').waitFor();
    await page.goto(campaign);
  });

  it('show every moment of their history, and lead back', async () => {
    await page.getByRole('link', { name: 'Matrix and history' }).click();
    await page.getByLabel('Moment').press('Home');
    await page.waitForURL(/at=/);
    await page
      .getByRole('rowheader', { name: new RegExp(`${app.servers[0].name}.*1\\.0`) })
      .waitFor();
    expect(await looks.wrongWith(page)).toEqual([]);
    await choose('Go back', 'Plan the way back', 'orders are slow');
    await heading('Back 2.0 → 1.0 of shop-1').waitFor();
    await choose('Approve the plan', 'Approve');
    app.servers[1].health = 1;
    await choose('Start', 'Start it');
    await isStep(`Take server ${app.servers[0].name} back`, 'succeeded');
    await says('It has stopped').waitFor();
  });

  it('come on the first page after what needs somebody', async () => {
    const campaign = page.url();
    await page.goto(at('/'));
    const above = page.getByRole('region', { name: 'What needs somebody' });
    await above.getByRole('heading', { name: /^Jobs that failed/ }).waitFor();
    await page
      .locator('main h2')
      .filter({ hasText: /^shop-1/ })
      .waitFor();
    const titles = await page.locator('main h2').allInnerTexts();
    const places = ['Jobs that failed', 'shop-1', 'Shards of this application'].map((title) =>
      titles.findIndex((text) => text.startsWith(title)),
    );
    expect(places, titles.join('\n')).toEqual(places.toSorted((one, other) => one - other));
    expect(await looks.wrongWith(page)).toEqual([]);
    await page.goto(campaign);
  });

  it('leave a shard or a step out with a reason, and are ended where they are', async () => {
    const failing = `Take server ${app.servers[1].name} back`;
    await button('Take shard eu1 back').click();
    await choose('Exclude eu1', 'Exclude eu1', 'its disk is replaced');
    await isStep('Take shard eu1 back', 'skipped');
    await step('Take shard eu1 back').getByText('eu1 is left out: its disk is replaced').waitFor();
    // So that it does not go on, and finish, when nothing has failed any more.
    await choose('Pause', 'Pause it');
    await choose(`Skip: ${failing}`, 'Skip it', 'it is healthy, the check is not');
    await isStep(failing, 'skipped');
    await button(failing).click();
    await step(failing).getByText('it is healthy, the check is not').waitFor();
    await choose('End it here', 'End it', 'the rest on Monday');
    await says('It was ended where it was').waitFor();
    await page.getByText('the rest on Monday').first().waitFor();
    expect(await button(/^(Retry|Skip|Exclude|Pause|Resume|End it here)/).count()).toBe(0);
    await page.getByRole('link', { name: 'Policy', exact: true }).click();
    await page.getByText('shard eu1: its disk is replaced (anna)').waitFor();
    expect(await looks.wrongWith(page)).toEqual([]);
    await page.getByRole('link', { name: 'Matrix and history' }).click();
    await page.getByText('cancelled: the rest on Monday').waitFor();
    await page.getByRole('link', { name: 'Campaigns', exact: true }).click();
    await page.getByRole('row', { name: /Back 2\.0 → 1\.0.*cancelled/ }).waitFor();
    expect(await looks.wrongWith(page)).toEqual([]);
  });

  it('say what is declared and known, and what of a declaration is wrong', async () => {
    await page.goto(at(`/clusters/${app.cluster}`));
    const shows = async (part: string, row: RegExp) => {
      await page.getByRole('link', { name: part, exact: true }).last().click();
      await page.getByRole('row', { name: row }).first().waitFor();
      expect(await looks.wrongWith(page)).toEqual([]);
    };
    await shows('Matrix', /^a1/);
    await shows('Servers', /^a1.*1\.0/);
    await shows('Shards', /^eu1.*1\.0 and 2\.0/);
    await shows('Campaigns', /Upgrade 1\.0 → 2\.0.*cancelled/);
    await page.getByRole('link', { name: 'Declaration', exact: true }).click();
    expect(await looks.wrongWith(page)).toEqual([]);
    expect(visit.faults).toEqual([]);
    await page.goto(at('/clusters/new'));
    await page.getByRole('textbox', { name: 'Declaration, YAML or JSON' }).fill(WRONG);
    await button('Declare it').click();
    await page.getByText('shards.0.name').waitFor();
    await button('line 4').click();
  });

  it('show a plan of hundreds of steps piece by piece', async ({ annotate }) => {
    const { home } = ground.test.store;
    const { rows } = await home.query<{ id: string }>(
      `select id from campaigns where goal = 'upgraded'`,
    );
    const [{ id }] = rows as [{ id: string }];
    // What a cluster of 200 servers and 100 shards has besides.
    await home.query(LONG_PLAN, [id]);
    const start = performance.now();
    await page.goto(at(`/campaigns/${id}`));
    const stretch = button('Steps 51–100: upgrade servers');
    await stretch.waitFor();
    const shown = Math.round(performance.now() - start);
    const elements = await page.locator('*').count();
    await annotate(`500 steps: the page was loaded and shown in ${shown} ms, ${elements} elements`);
    expect(elements).toBeLessThan(2000);
    await stretch.click();
    await button('Upgrade server s50').waitFor();
    expect(await looks.wrongWith(page)).toEqual([]);
  });
});
