// The program that the agent starts for each run: node supervisor.js RUN-DIRECTORY

import { supervise } from './supervise.js';

const [, , directory = ''] = process.argv;
process.umask(0o022);
await supervise(directory);
