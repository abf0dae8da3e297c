// How supervisors are put into units of systemd; that they survive there is systemd's own promise.

import { describe, expect, it } from 'vitest';
import { inUnit } from './launch.js';

const launched = { run: 'r1', directory: '/d', kind: 'command', isAgain: false } as const;
const line = (about: object) => inUnit(['node', 's.js'], { ...launched, ...about }).join(' ');

describe('a unit of a run', () => {
  it('has its own name, and another one when it is started again', () => {
    expect(line({})).toBe(
      'systemd-run --unit=halflap-run-r1 --description=Halflap run r1 --collect --quiet ' +
        '--property=KillMode=mixed -- node s.js',
    );
    expect(line({ isAgain: true })).toContain(`--unit=halflap-run-r1-${process.pid} `);
  });

  it('is never killed in the middle of a package transaction', () => {
    const words = line({ kind: 'packages' });
    for (const property of ['KillMode=process', 'SendSIGKILL=no', 'TimeoutStopSec=15min']) {
      expect(words).toContain(`--property=${property} `);
    }
  });
});
