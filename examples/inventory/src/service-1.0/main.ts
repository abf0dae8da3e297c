// The process of a server of release 1.0.

import { readConfig } from '../http/config.js';
import { serve } from '../http/process.js';
import { createApp } from './app.js';
import { openShards } from './shards.js';

const config = readConfig(process.env);
await serve(createApp(openShards(config.shards, config.server), config.server), config.port);
