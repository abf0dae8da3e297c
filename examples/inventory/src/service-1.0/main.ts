// The process of a server of release 1.0.

import { readConfig } from '../http/config.js';
import { serve } from '../http/process.js';
import { createApp } from './app.js';
import { openShards } from './shards.js';

const config = readConfig(process.env);
const shards = openShards(config.shards, config.server);
await shards.connect();
await serve(createApp(shards, config.server), config.port);
