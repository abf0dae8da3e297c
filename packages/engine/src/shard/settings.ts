// Session settings for the time of a step, put back afterwards whatever happens.

import { HOME_SCHEMA } from '@halflap/protocol';
import type { Bundle } from '../compile/bundle.js';
import type { Session } from '../pg.js';
import { name } from '../sql.js';

/** Names are the keys; a session that is lost on the way needs nothing put back. */
export async function withSettings<Result>(
  session: Session,
  settings: Readonly<Record<string, string>>,
  body: () => Promise<Result>,
): Promise<Result> {
  const before = new Map<string, string>();
  for (const [setting, value] of Object.entries(settings)) {
    const [row] = await session.query<{ was: string }>(
      'select pg_catalog.current_setting($1) as was',
      [setting],
    );
    before.set(setting, row?.was ?? '');
    await set(session, setting, value);
  }
  try {
    return await body();
  } finally {
    for (const [setting, value] of before) {
      await set(session, setting, value).catch(() => {});
    }
  }
}

export async function set(session: Session, setting: string, value: string): Promise<void> {
  await session.query('select pg_catalog.set_config($1, $2, false)', [setting, value]);
}

/**
 * Where the expressions of an evolution find their names, types among them: as in the triggers of
 * the shard, those of the new release come first.
 */
export function releasePath({ releaseSchema }: Pick<Bundle, 'releaseSchema'>): string {
  return `pg_catalog, ${name(releaseSchema).text}, ${HOME_SCHEMA}, pg_temp`;
}
