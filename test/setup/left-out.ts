// Says which files a run leaves out, so that nobody takes them for passed.

import { filesNotDue } from './due.js';

export default function tellLeftOut(): void {
  const files = filesNotDue();
  if (files.length === 0) return;
  process.stdout.write(
    `Left out until another day (test/setup/due.ts):\n  ${files.join('\n  ')}\n`,
  );
}
