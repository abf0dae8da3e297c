// A next release of Halflap itself: the store's schema with a column of `campaigns` renamed and one
// of `campaign_steps` converted, and the server's code as it would be written against that, in a
// copy of what was built. Each text has to be found, so that the copy cannot stay as it was.

import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bundle } from '@halflap/engine';
import { APP, releasesDirectory } from '@halflap/server';
import { ROOT } from '../docs/page.js';
import { compileReleases } from '../evolving/releases.js';

const EVOLUTION = `from: "1.0"
changes:
  - rename_column: { table: campaigns, column: reason, to: stopped_because }
  - convert_column:
      table: campaign_steps
      columns: [is_healthy]
      to: [health]
      up: { health: "case when is_healthy then 'well' when not is_healthy then 'ill' end" }
      down: { is_healthy: "health = 'well'" }
`;

type Text = readonly [from: string, to: string];

const SCHEMA: readonly Text[] = [
  ['  reason text,\n  back_of uuid', '  stopped_because text,\n  back_of uuid'],
  ['  is_healthy boolean,', "  health text check (health in ('well', 'ill')),"],
];

const HEALTH = (value: string) => `health = case when ${value}::boolean then 'well' else 'ill' end`;

/** By file of what was built: its texts of this release, and of the next. */
const CODE: Readonly<Record<string, readonly Text[]>> = {
  'store/install.js': [["RELEASE = '1.0'", "RELEASE = '2.0'"]],
  'campaigns/campaign.js': [
    ['c.reason,', 'c.stopped_because as reason,'],
    ['s.is_healthy,', "s.health = 'well' as is_healthy,"],
  ],
  'campaigns/drive.js': [
    [
      'reason = case when $3 then null else reason end',
      'stopped_because = case when $3 then null else stopped_because end',
    ],
    ['is_healthy = null', 'health = null'],
  ],
  'campaigns/hooks/hook-rows.js': [["'stopped', reason = $2", "'stopped', stopped_because = $2"]],
  'campaigns/acts.js': [
    ['is_healthy = null', 'health = null'],
    ['reason = $3, went', 'stopped_because = $3, went'],
  ],
  'campaigns/server-step.js': [
    [
      'is_healthy = case when $5 then false else is_healthy end',
      "health = case when $5 then 'ill' else health end",
    ],
    [
      "'update campaign_steps set is_healthy = $3 where campaign_id = $1 and id = $2'",
      `\`update campaign_steps set ${HEALTH('$3')} where campaign_id = $1 and id = $2\``,
    ],
  ],
  'campaigns/soak-check.js': [['is_healthy = $4', HEALTH('$4')]],
  'alerts/findings.js': [['c.reason', 'c.stopped_because']],
};

export interface NextRelease {
  /** Of what leads there. */
  readonly bundle: Bundle;
  /** What a program imports in place of `@halflap/server`. */
  readonly module: string;
  remove(): Promise<void>;
}

export async function makeNextRelease(): Promise<NextRelease> {
  const directory = await mkdtemp(join(tmpdir(), 'halflap-next-'));
  const remove = () => rm(directory, { recursive: true });
  try {
    const server = join(directory, 'server');
    await mkdir(server);
    await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
    for (const part of ['dist', 'package.json']) {
      await cp(join(ROOT, 'packages/server', part), join(server, part), { recursive: true });
    }
    for (const [file, texts] of Object.entries(CODE)) {
      await rewrite(join(server, 'dist', file), texts);
    }
    const releases = join(server, 'releases');
    await cp(releasesDirectory(), releases, { recursive: true });
    const bundle = await compileNext(releases);
    return { bundle, module: join(server, 'dist/index.js'), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function compileNext(releases: string): Promise<Bundle> {
  const [from, to] = [join(releases, '1.0'), join(releases, '2.0')];
  await mkdir(to);
  await cp(join(from, 'schema.sql'), join(to, 'schema.sql'));
  await rewrite(join(to, 'schema.sql'), SCHEMA);
  await writeFile(join(to, 'evolution.yaml'), EVOLUTION);
  const [next] = await compileReleases(APP, releases);
  if (next === undefined) throw new Error('nothing was compiled');
  await writeFile(join(to, 'fingerprint'), next.to.fingerprint);
  return next.bundle;
}

async function rewrite(file: string, texts: readonly Text[]): Promise<void> {
  let content = await readFile(file, 'utf8');
  for (const [from, to] of texts) {
    if (!content.includes(from)) throw new Error(`${file} has no ${from}`);
    content = content.replaceAll(from, to);
  }
  await writeFile(file, content);
}
