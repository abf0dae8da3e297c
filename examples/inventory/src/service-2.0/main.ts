// The process of a server of release 2.0. INVENTORY_BUNDLE names the bundle that its package
// installed, INVENTORY_SERVERS_FILE its servers file.

import { readFile } from 'node:fs/promises';
import type { Bundle } from '@halflap/engine';
import { readConfig } from '../http/config.js';
import { serve } from '../http/process.js';
import { createApp } from './app.js';
import { openFleet } from './fleet.js';

const config = readConfig(process.env);
const file = process.env.INVENTORY_BUNDLE;
const bundle =
  file === undefined ? undefined : (JSON.parse(await readFile(file, 'utf8')) as Bundle);
const servers = process.env.INVENTORY_SERVERS_FILE;
await serve(createApp(await openFleet(config, { bundle, servers }), config.server), config.port);
