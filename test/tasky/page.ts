// examples/tasky/README.md: what the papers needed, and what it takes here, as it was compiled and
// taken through the lifecycle.

import type { Bundle } from '@halflap/engine';
import { evolutionOf, linesOf, sqlLinesOf } from '../refactorings/page.js';

/** A successor of TasKy that went through every phase. */
export interface Evolved {
  readonly directory: string;
  readonly title: string;
  readonly bundle: Bundle;
}

export function pageOf(evolved: readonly Evolved[]): string {
  const lines = evolved.map(({ directory, title, bundle }) => {
    const name = directory.split('/').at(-1);
    const counts = `${linesOf(evolutionOf(directory))} | ${sqlLinesOf(bundle)}`;
    return `| [${title}](${name}) | ${counts} |`;
  });
  return `<!-- Written by test/tasky: \`npx vitest run test/tasky -u\` -->

# TasKy

The example of the research on co-existing schema versions: K. Herrmann, H. Voigt, A. Behrend,
J. Rausch, W. Lehner, *Living in Parallel Realities: Co-Existing Schema Versions with a
Bidirectional Database Evolution Language* (SIGMOD 2017), whose system is called InVerDa.

TasKy holds everybody's tasks: who wrote them, what is to do, and a priority from 1, the most
urgent one, to 3. It has two successors:

- **TasKy2** has the authors in a table of their own, and refers to them.
- **Do!** runs on phones and shows the urgent tasks only, without a priority. What it adds is
  urgent.

Each directory has TasKy as release 1.0 and one of them as 2.0.

| evolution | lines of evolution.yaml | lines of SQL made of it |
|---|---|---|
${lines.join('\n')}

Of their evolution to TasKy2 the authors of the paper report 3 lines of their language against 359
lines of SQL by hand. Theirs are views and triggers for a layout that stays as it is. Ours also fill
the new layout under load, compare both, keep them equal while both are in service, and take the old
one away; this is why there are more of them. Nobody has to write them, and \`halflap plan\` prints
each one.

One thing differs from the paper. There, the less urgent tasks are not in Do! at all, and stay in a
table that no release sees. Here 1.0 goes away in the end, and a row must be somewhere then: Do! has
a table \`later\` for them, which its code need not look at. Without it, \`contract\` would wait for
every task that is not urgent.

Look at one:

\`\`\`bash
cd tasky2
npx halflap check 2.0
npx halflap plan 2.0
\`\`\`

A test takes both through the whole life of a shard with statements of both releases after each
step, compared with plain databases; and 100,000 tasks to the end, with counts and checksums like
those of a plain database of TasKy ([test/tasky](../../test/tasky/tasky.test.ts)).
`;
}
