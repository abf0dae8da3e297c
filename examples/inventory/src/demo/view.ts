// What the demonstration looks like at this moment, as lines of text. Pure. The line of progress is
// the one that an operator sees.

import { progressLine } from '@halflap/cli/dist/progress-line.js';
import type { Campaign } from '@halflap/server';
import { doingOf, progressOf, waitOf } from './campaigns.js';
import type { DemoOptions } from './options.js';
import { whole } from './report.js';
import type { Scene, ServerShown } from './scene.js';

export interface Picture {
  readonly scene: Scene;
  /** The one that was planned last. */
  readonly campaign: Campaign | undefined;
  readonly options: DemoOptions;
  readonly shards: readonly string[];
  readonly acts: number;
  readonly seconds: number;
  readonly colors: boolean;
}

const CELL = 18;
const LOG_LINES = 6;

/** Lines for a terminal of so many columns; only the line of progress knows how to be shorter. */
export function draw(picture: Picture, width: number): string[] {
  const { scene, options, shards, acts, seconds } = picture;
  const paint = painter(picture.colors);
  const act = scene.acts.at(-1);
  return [
    paint.bold('Halflap: inventory 1.0 → 2.0, one server and one shard at a time') +
      `   ${clock(seconds)}`,
    `${shards.length} shards × ${whole(options.rows)} hosts, seed ${options.seed}`,
    '',
    ' '.repeat(CELL) + shards.map((shard) => paint.bold(shard.padEnd(CELL))).join(''),
    ' '.repeat(CELL) + shards.map((shard) => paintPhase(scene, shard, paint)).join(''),
    ...scene.servers().map((server) => serverLine(picture, server, paint)),
    '',
    `load    ${whole(totalRate(scene))} statements/s, ${whole(scene.statements)} so far, ` +
      `${whole(scene.acknowledged)} writes acknowledged`,
    `errors  ${count(scene.failures.length, 'failed', paint)}, ` +
      `${count(scene.contradictions.length, 'contradictory reads', paint)}`,
    `pauses  longest ${scene.longestPauseMs.toFixed(0)} ms, ` +
      `in this act ${(act?.longestPauseMs ?? 0).toFixed(0)} ms`,
    '',
    ...(options.isAlone
      ? [paint.bold(`act ${scene.acts.length} of ${acts}  ${act?.title ?? 'starting'}`)]
      : scene.invitation.map((line) => paint.bold(line))),
    ...campaignLines(picture.campaign, width),
    ...scene.log.slice(-LOG_LINES).map((line) => paint.dim(`  ${line}`)),
  ];
}

/** What the campaign does, and what it waits for: two lines, however long they would be. */
function campaignLines(campaign: Campaign | undefined, width: number): string[] {
  if (campaign === undefined) return ['', ''];
  const { id, state, done, steps } = campaign;
  const doing = doingOf(campaign);
  const head = `campaign ${id.slice(0, 8)}  ${state}, ${done} of ${steps} steps`;
  const progress = progressOf(campaign);
  const wait = state === 'running' ? waitOf(campaign) : campaign.reason;
  return [
    `${head}${doing === '' ? '' : `; ${doing}`}`,
    progress === null ? (wait ?? '') : progressLine(progress, width),
  ];
}

function serverLine(
  picture: Picture,
  { name: server, release, state }: ServerShown,
  paint: Painter,
) {
  const { scene, shards } = picture;
  const head = `${server}  ${release}`.padEnd(CELL);
  if (state !== 'up') return paint.yellow(`${head}${state}`);
  const cells = shards.map((shard) => {
    const rate = scene.rates.get(`${server}/${shard}`);
    const text = `${rate?.mode ?? ''} ${whole(rate?.perSecond ?? 0)}/s`.padEnd(CELL);
    return rate?.mode === 'lens' ? paint.cyan(text) : text;
  });
  return (release === '2.0' ? paint.green(head) : head) + cells.join('');
}

function paintPhase(scene: Scene, shard: string, paint: Painter): string {
  const { phase, floor } = scene.phaseOf(shard);
  const text = (phase === 'settled' ? `settled ${floor}` : phase).padEnd(CELL);
  if (phase === 'settled') return floor === '2.0' ? paint.green(text) : text;
  return phase === 'dual' ? paint.green(text) : paint.yellow(text);
}

function count(amount: number, what: string, paint: Painter): string {
  const text = `${amount} ${what}`;
  return amount === 0 ? text : paint.red(text);
}

function totalRate(scene: Scene): number {
  return [...scene.rates.values()].reduce((sum, rate) => sum + rate.perSecond, 0);
}

function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

type Painter = Readonly<Record<'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan', Paint>>;
type Paint = (text: string) => string;

function painter(colors: boolean): Painter {
  const paint = (code: number) => (text: string) =>
    colors ? `\u001b[${code}m${text}\u001b[0m` : text;
  return {
    bold: paint(1),
    dim: paint(2),
    red: paint(31),
    green: paint(32),
    yellow: paint(33),
    cyan: paint(36),
  };
}
