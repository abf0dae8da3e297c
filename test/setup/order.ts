// The order of test files: those that take longest first, so that no worker is left alone with one
// of them at the end. Vitest knows durations from its cache alone, which a fresh clone has not.

import { BaseSequencer, type TestSpecification } from 'vitest/node';

const LONGEST = [
  'examples/inventory/src/demo.test.ts',
  'test/concurrency/slices.test.ts',
  'test/refactorings/refactorings.test.ts',
  'test/pgbench/pgbench.test.ts',
  'test/effects/effects.test.ts',
  'test/server/bus.test.ts',
  'packages/cli/src/lifecycle.test.ts',
  'test/crash/killed.test.ts',
  'test/bench/fleet.test.ts',
  'test/server/jobs-killed.test.ts',
  'test/server/campaigns.test.ts',
  'test/console/console.test.ts',
  'test/server/command-line.test.ts',
  'test/server/whole.test.ts',
  'test/docs/evolution-file.test.ts',
  'test/docs/tutorial.test.ts',
  'test/lifecycle/sequences.test.ts',
  'test/versions/versions.test.ts',
  'test/packages/packed.test.ts',
  'test/console/campaign-pages.test.ts',
  'test/lifecycle/references.test.ts',
  'test/concurrency/both-releases.test.ts',
  'packages/engine/src/testing/embedded.test.ts',
  'test/concurrency/under-way.test.ts',
  'test/lifecycle/split.test.ts',
  'test/lifecycle/slices.test.ts',
  'packages/cli/src/diff.test.ts',
  'packages/cli/src/json.test.ts',
  'packages/cli/src/upgrade.test.ts',
  'packages/agent/src/orders/packages.test.ts',
  'test/crash/server-killed.test.ts',
  'test/agent/own-network.test.ts',
  'test/oracle/oracle.test.ts',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = LONGEST.findIndex((file) => moduleId.endsWith(`/${file}`));
      return found === -1 ? LONGEST.length : found;
    };
    const others = await super.sort(files);
    return others.toSorted((one, other) => place(one) - place(other));
  }
}
