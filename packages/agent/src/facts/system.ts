// What a host is, read from the kernel's files and those of its distribution. One program is asked,
// once: what it is virtualized by.

import { machine } from 'node:os';
import type { SystemFacts } from '@halflap/protocol/agent';
import { type Host, readText } from '../host.js';
import type { Memory } from '../memory.js';
import { runProgram } from '../program.js';
import { nameOf, text, timeOf } from '../words.js';
import { bootedAt } from './boot.js';
import { disksOf } from './disks.js';
import { cpuOf, memoryOf } from './hardware.js';
import { networksOf } from './networks.js';
import { osOf } from './os-release.js';
import { timezoneOf } from './timezone.js';

/** All facts of a system but for why it wants to be booted, which its packages say. */
export type Found = Omit<SystemFacts, 'rebootReasons'>;

const DETECTION_MS = 10_000;

export async function findSystem(host: Host, memory: Memory): Promise<Found> {
  const [hostname, machineId, kernel] = await Promise.all(
    ['/proc/sys/kernel/hostname', '/etc/machine-id', '/proc/sys/kernel/osrelease'].map((path) =>
      readText(host, path),
    ),
  );
  const seconds = await bootedAt(host);
  return {
    hostname: nameOf(hostname ?? ''),
    machineId: machineIdOf(machineId ?? ''),
    os: await osOf(host),
    kernel: text(kernel ?? ''),
    architecture: nameOf(machine()),
    cpu: await cpuOf(host, memory),
    ...(await memoryOf(host)),
    bootedAt: seconds === null ? null : timeOf(seconds),
    timezone: await timezoneOf(host),
    virtualization: await virtualizationOf(host, memory),
    disks: await disksOf(host),
    networks: await networksOf(host),
  };
}

/** machine-id(5): 32 digits; `uninitialized` while the host is being installed. */
function machineIdOf(content: string): string | null {
  return /^[0-9a-f]{32}$/.exec(content.trim())?.[0] ?? null;
}

async function virtualizationOf(host: Host, memory: Memory): Promise<string | null> {
  // It stays what it is for as long as the agent runs: it runs inside.
  const word = await memory.ask('virtualization', '', async () => {
    const outcome = await runProgram(host, ['systemd-detect-virt'], { timeoutMs: DETECTION_MS });
    // Its exit code says whether there is any, as its word does.
    return outcome.kind === 'ran' ? outcome.stdout.trim() : null;
  });
  return word === null || word === '' || word === 'none' ? null : nameOf(word);
}
