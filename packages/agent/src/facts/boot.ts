// When a host was booted: when its first process began. In a container that is the container's own
// first process, while the kernel's time of boot is that of the machine below.

import { type Host, readText } from '../host.js';

/** The kernel counts in these for programs, whatever its own clock is (time(7), USER_HZ). */
const TICKS_PER_SECOND = 100;

/** In seconds since 1970, by the host's clock; null where the host does not say it. */
export async function bootedAt(host: Host): Promise<number | null> {
  const [stat, first] = await Promise.all([
    readText(host, '/proc/stat'),
    readText(host, '/proc/1/stat'),
  ]);
  const kernel = Number(/^btime (\d+)$/m.exec(stat ?? '')?.[1] ?? 0);
  if (kernel === 0) return null;
  return kernel + Math.floor(ticksAfterBoot(first ?? '') / TICKS_PER_SECOND);
}

/** Field 22 of proc_pid_stat(5); the name in parentheses may hold anything. */
function ticksAfterBoot(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[19] ?? 0) || 0;
}
