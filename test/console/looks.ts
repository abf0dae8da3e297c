// A page in all its looks: at both sizes and in both themes. In each a picture is taken, which is
// to be as light or as dark as its theme, no page is wider than the window, and axe finds nothing.
//
// HALFLAP_PICTURES names a directory that keeps the pictures, to be looked at.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { findings, overflow, SIZES } from './browser.js';
import { wrongIn } from './command-lines.js';

type Theme = 'light' | 'dark';

const LOOKS = [
  ['light', 'desktop'],
  ['dark', 'desktop'],
  ['dark', 'phone'],
  ['light', 'phone'],
] as const satisfies readonly (readonly [Theme, keyof typeof SIZES])[];

/** The most and the least that may be bright in a picture of each theme, as a share of it. */
const BRIGHT = { light: [0.75, 1], dark: [0, 0.25] } as const;

/** Pages that show nothing, so that no command does the same. */
const WITHOUT_LINE: readonly string[] = ['/no-such-page'];

/** The share of pixels that are nearer to white than to black, counted by the browser. */
const COUNT_BRIGHT = `async (png) => {
  const bytes = Uint8Array.from(atob(png), (one) => one.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
  const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
  canvas.drawImage(image, 0, 0);
  const { data } = canvas.getImageData(0, 0, image.width, image.height);
  let bright = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (0.2126 * data[at] + 0.7152 * data[at + 1] + 0.0722 * data[at + 2] > 127.5) bright += 1;
  }
  return (4 * bright) / data.length;
}`;

export interface Looks {
  /** What is wrong with the page as it is, in each look. Leaves it light and at desktop size. */
  wrongWith(page: Page): Promise<string[]>;
}

export interface LooksOptions {
  /** Whose pictures they are. */
  readonly name: string;
  /** Whether axe is asked of a page as well, by its path without identifiers; default: always. */
  readonly isAsked?: (path: string) => boolean;
}

export async function openLooks(
  browser: Browser,
  { name, isAsked = () => true }: LooksOptions,
): Promise<Looks> {
  const counter = await browser.newPage();
  const directory = process.env.HALFLAP_PICTURES;
  let pages = 0;
  return {
    async wrongWith(page) {
      const path = new URL(page.url()).pathname.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID');
      const found = await wrongCommands(page, path);
      pages += 1;
      for (const [theme, size] of LOOKS) {
        await show(page, theme, size);
        const look = `${size}, ${theme}`;
        if ((await overflow(page)) > 0) found.push(`${look}: wider than the window`);
        const picture = await page.screenshot({ animations: 'disabled' });
        const share = await counter.evaluate<number>(
          `(${COUNT_BRIGHT})('${picture.toString('base64')}')`,
        );
        const [least, most] = BRIGHT[theme];
        if (share < least || share > most)
          found.push(`${look}: ${share.toFixed(2)} of it is bright`);
        if (directory !== undefined) {
          await keep(directory, `${name}-${pages}${path}-${size}-${theme}`, picture);
        }
        const faults = isAsked(path) ? await findings(page) : [];
        found.push(...faults.map((fault) => `${look}: ${fault}`));
      }
      await show(page, 'light', 'desktop');
      return found.map((fault) => `${path}, ${fault}`);
    },
  };
}

/** Waits until the page is of that theme. */
export function isIn(page: Page, theme: Theme): Promise<void> {
  const dark = '.pf-v6-theme-dark';
  return page.locator(theme === 'dark' ? `html${dark}` : `html:not(${dark})`).waitFor();
}

/** Waits until all that the page is about has come. */
export function isWhole(page: Page): Promise<void> {
  return page.locator(':root:not(:has([aria-busy=true])) h1').waitFor();
}

async function show(page: Page, theme: Theme, size: keyof typeof SIZES): Promise<void> {
  await page.setViewportSize(SIZES[size]);
  await page.emulateMedia({ colorScheme: theme });
  await isIn(page, theme);
}

/** Every page says how the command line does the same; what is wrong with what it says. */
async function wrongCommands(page: Page, path: string): Promise<string[]> {
  await isWhole(page);
  const lines = await page.locator('[data-cli]').all();
  if (lines.length === 0 && !WITHOUT_LINE.includes(path)) return ['no line of the command line'];
  const found: string[] = [];
  for (const line of lines) {
    const wrong = wrongIn((await line.getAttribute('data-cli')) ?? '');
    if (wrong !== undefined) found.push(wrong);
  }
  return found;
}

async function keep(directory: string, name: string, picture: Buffer): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, `${name.replace(/[/.]+/g, '-')}.png`), picture);
}
