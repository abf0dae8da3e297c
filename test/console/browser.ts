// Chromium without a window, and what must not happen on any page: requests that fail, errors in
// the console, findings of axe.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/** Debian's. */
const PROGRAM = '/usr/bin/chromium';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const SIZES = {
  desktop: { width: 1280, height: 800 },
  phone: { width: 390, height: 844 },
} as const;

export function openBrowser(): Promise<Browser> {
  // The tests run as root in places, where the sandbox cannot.
  return chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox'] });
}

export interface Visit {
  readonly context: BrowserContext;
  readonly page: Page;
  /** All that should not have happened so far. */
  readonly faults: string[];
}

export async function openVisit(browser: Browser): Promise<Visit> {
  const context = await browser.newContext({ viewport: SIZES.desktop, reducedMotion: 'reduce' });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (response.status() >= 400) faults.push(`${response.status()} of ${pathname}`);
  });
  page.on('requestfailed', (request) => {
    // A page that is left takes back what it has asked.
    const reason = request.failure()?.errorText ?? '';
    if (reason !== 'net::ERR_ABORTED') faults.push(`${reason} of ${request.url()}`);
  });
  return { context, page, faults };
}

/** What axe finds on a page as it is. */
export async function findings(page: Page): Promise<string[]> {
  // Once for each page that is loaded: it is half a megabyte to be read.
  if (await page.evaluate('window.axe === undefined')) await page.evaluate(axe);
  const run = `axe.run(document, { resultTypes: ['violations'] })`;
  const { violations } = (await page.evaluate(run)) as AxeResults;
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

/** By how many pixels a page is wider than the window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  ) as Promise<number>;
}
