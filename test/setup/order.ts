// The order of test files: those that take longest first, so that no worker is left alone with one
// of them at the end. Vitest knows durations from its cache alone, which a fresh clone has not.

import { BaseSequencer, type TestSpecification } from 'vitest/node';

const LONGEST = [
  'examples/inventory/src/demo.test.ts',
  'test/refactorings/refactorings.test.ts',
  'packages/cli/src/lifecycle.test.ts',
  'test/pgbench/pgbench.test.ts',
  'test/docs/evolution-file.test.ts',
  'test/crash/killed.test.ts',
  'test/docs/tutorial.test.ts',
  'test/effects/effects.test.ts',
  'test/concurrency/slices.test.ts',
  'test/lifecycle/references.test.ts',
  'packages/cli/src/json.test.ts',
  'packages/cli/src/diff.test.ts',
  'test/lifecycle/sequences.test.ts',
  'packages/cli/src/cli.test.ts',
  'test/packages/packed.test.ts',
  'packages/cli/src/upgrade.test.ts',
  'test/versions/versions.test.ts',
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
