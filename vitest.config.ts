// Tests run against the sources (no build needed), on real PostgreSQL: generous timeouts, few
// workers.
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';
import { filesNotDue } from './test/setup/due.js';
import { LongestFirst } from './test/setup/order.js';

const source = (path: string) => fileURLToPath(new URL(`./packages/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: {
      '@halflap/protocol/agent': source('protocol/src/agent/index.ts'),
      '@halflap/protocol': source('protocol/src/index.ts'),
      '@halflap/engine/runner': source('engine/src/runner.ts'),
      '@halflap/engine/suggest': source('engine/src/release/suggest.ts'),
      '@halflap/engine/testing': source('engine/src/testing/index.ts'),
      '@halflap/engine': source('engine/src/index.ts'),
      '@halflap/client/lens': source('client/src/lens.ts'),
      '@halflap/client': source('client/src/index.ts'),
      '@halflap/agent': source('agent/src/index.ts'),
      '@halflap/server/permissions': source('server/src/api/permissions.ts'),
      '@halflap/server': source('server/src/index.ts'),
    },
  },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts', 'examples/*/src/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...filesNotDue()],
    globalSetup: [
      'test/setup/left-out.ts',
      'test/setup/files.ts',
      'test/setup/build.ts',
      'test/setup/server.ts',
    ],
    setupFiles: ['test/setup/worker.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // One more than the cores that a run is made for, since workers wait for servers. A worker
    // keeps its modules from file to file: to load them anew for each costs half a second.
    maxWorkers: 3,
    isolate: false,
    sequence: { sequencer: LongestFirst },
  },
});
