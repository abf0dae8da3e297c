// Processor and memory. Source: proc(5).

import type { SystemFacts } from '@halflap/protocol/agent';
import { type Host, readText } from '../host.js';
import type { Memory } from '../memory.js';
import { text } from '../words.js';

/** Where a processor's name stands: on x86, on ARM, on RISC-V, on POWER, on s390x. */
const MODELS = ['model name', 'Model', 'Hardware', 'uarch', 'cpu', 'vendor_id'];

const KIB = 1024;
const MAX_CORES = 65_536;

export async function cpuOf(host: Host, memory: Memory): Promise<SystemFacts['cpu']> {
  // /proc/cpuinfo asks each processor for its frequency, which is slow where there are hundreds.
  const online = (await readText(host, '/sys/devices/system/cpu/online')) ?? '';
  const cpu = await memory.ask('cpu', online, async () => {
    const info = (await readText(host, '/proc/cpuinfo')) ?? '';
    const listed = info.match(/^processor\s*:/gm)?.length ?? 0;
    const cores = Math.min(coresOf(online) || listed, MAX_CORES);
    return { model: text(modelIn(info)), cores };
  });
  return cpu ?? { model: '', cores: 0 };
}

function modelIn(info: string): string {
  const found = MODELS.map((key) => new RegExp(`^${key}\\s*:\\s*(.+)$`, 'm').exec(info)?.[1]);
  return found.find((model) => model !== undefined) ?? '';
}

/** Of a list of processors: `0-3,6`. */
function coresOf(list: string): number {
  const ranges = list.matchAll(/(\d+)(?:-(\d+))?/g);
  return [...ranges].reduce((sum, [, from, to]) => sum + Number(to ?? from) - Number(from) + 1, 0);
}

export async function memoryOf(
  host: Host,
): Promise<Pick<SystemFacts, 'memoryBytes' | 'swapBytes'>> {
  const info = (await readText(host, '/proc/meminfo')) ?? '';
  const bytes = (key: string) =>
    Number(new RegExp(`^${key}:\\s*(\\d+) kB$`, 'm').exec(info)?.[1] ?? 0) * KIB;
  return { memoryBytes: bytes('MemTotal'), swapBytes: bytes('SwapTotal') };
}
