// Which file systems a host has on disks of its own, and how full they are. Those of a network and
// of a program are left out: to ask them may wait for ever, and they are another host's disks.

import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import type { SystemFacts } from '@halflap/protocol/agent';
import { type Host, readText } from '../host.js';
import { nameOf, text } from '../words.js';

type Disk = SystemFacts['disks'][number];

/** Read-only images: always full. */
const IMAGES = new Set(['squashfs', 'iso9660', 'udf', 'erofs']);
/** On disks, under a name that is no device. */
const POOLS = new Set(['zfs', 'bcachefs']);

const MAX_PATH = 1024;
const MAX_DISKS = 256;
/** All of them must fit into one message with the rest of the system. */
const MAX_BYTES = 64 * 1024;

/** By mount point; of one device that is mounted in several places, the shortest. */
export async function disksOf(host: Host): Promise<Disk[]> {
  const table =
    (await readText(host, '/proc/1/mounts')) ?? (await readText(host, '/proc/self/mounts')) ?? '';
  const devices = new Map<string, Mount>();
  for (const mount of mountsIn(table).filter(isTold)) {
    const known = devices.get(mount.device);
    // What is mounted over another hides it.
    if (known === undefined || mount.path.length <= known.path.length) {
      devices.set(mount.device, mount);
    }
  }
  const disks = await Promise.all([...devices.values()].map((mount) => diskOf(host, mount)));
  const found = disks.filter((disk) => disk !== null);
  return thatFit(found.sort((one, other) => (one.mount < other.mount ? -1 : 1)));
}

interface Mount {
  readonly device: string;
  readonly path: string;
  readonly fileSystem: string;
}

/** proc_pid_mounts(5); blanks in names are written as `\040`. */
function mountsIn(table: string): Mount[] {
  return table.split('\n').flatMap((line) => {
    const [device = '', path = '', fileSystem = ''] = line.split(' ').map(plain);
    return path === '' || fileSystem === '' ? [] : [{ device, path, fileSystem }];
  });
}

function plain(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

function isTold({ device, path, fileSystem }: Mount): boolean {
  if (path === '/') return true;
  return (device.startsWith('/') && !IMAGES.has(fileSystem)) || POOLS.has(fileSystem);
}

async function diskOf(host: Host, { device, path, fileSystem }: Mount): Promise<Disk | null> {
  if (path.length > MAX_PATH) return null;
  try {
    // Containers get single files of their machine's disks.
    if (!(await fs.stat(join(host.root, path))).isDirectory()) return null;
    const { bsize, blocks, bfree } = await fs.statfs(join(host.root, path));
    return {
      mount: text(path),
      device: text(device),
      fileSystem: nameOf(fileSystem),
      sizeBytes: blocks * bsize,
      usedBytes: (blocks - bfree) * bsize,
    };
  } catch {
    // Mounted where this agent may not look.
    return null;
  }
}

function thatFit(disks: readonly Disk[]): Disk[] {
  let bytes = 0;
  return disks.slice(0, MAX_DISKS).filter((disk) => {
    bytes += Buffer.byteLength(JSON.stringify(disk));
    return bytes <= MAX_BYTES;
  });
}
