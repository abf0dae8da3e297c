// A plain session of the new release on a settled shard, behind the lens that the client installs.

import type { Bundle } from '@halflap/engine';
import { searchPath, sessionSearchPath } from '@halflap/protocol';
import { installLens } from '../../packages/client/src/session-lens.js';
import type { Client } from './databases.js';

/** The session is in no transaction. */
export async function lendLens(client: Client, bundle: Bundle): Promise<void> {
  await setPath(client, sessionSearchPath(bundle.app, bundle.from.version));
  await installLens(client, bundle);
}

/** The session is bound to what the shard holds for its release. */
export async function takeLensBack(client: Client, bundle: Bundle): Promise<void> {
  await client.query('discard temp');
  await setPath(client, searchPath(bundle.app, bundle.to.version));
}

async function setPath(client: Client, path: string): Promise<void> {
  await client.query("select set_config('search_path', $1, false)", [path]);
}
