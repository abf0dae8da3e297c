// The network interfaces of a host with their addresses. Left out are the loopback and the ends of
// cables to containers, which come and go with them: what is neither hardware nor has an address
// that others could reach.

import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { SystemFacts } from '@halflap/protocol/agent';
import { type Host, isThere, namesIn, readText } from '../host.js';
import { nameOf } from '../words.js';

type Network = SystemFacts['networks'][number];

const DIRECTORY = '/sys/class/net';
/** IFF_UP and IFF_LOOPBACK of netdevice(7). */
const UP = 0x1;
const LOOPBACK = 0x8;

const MAX_NETWORKS = 256;
const MAX_ADDRESSES = 256;
/** All of them must fit into one message with the rest of the system. */
const MAX_BYTES = 64 * 1024;

/**
 * By name. Addresses are those of the network that the agent itself is in, which is its host's
 * unless somebody has put the agent elsewhere; the kernel tells them of interfaces that are up.
 */
export async function networksOf(host: Host): Promise<Network[]> {
  const addresses = networkInterfaces();
  const networks = await Promise.all(
    (await namesIn(host, DIRECTORY)).map(async (name): Promise<Network[]> => {
      const own = (addresses[name] ?? []).map(({ cidr, address }) => cidr ?? address);
      const network = await networkOf(host, name, own.sort());
      return network === null ? [] : [network];
    }),
  );
  return thatFit(networks.flat());
}

async function networkOf(
  host: Host,
  name: string,
  addresses: readonly string[],
): Promise<Network | null> {
  const directory = join(DIRECTORY, name);
  const [flags, mac, state] = await Promise.all(
    ['flags', 'address', 'operstate'].map((file) => readText(host, join(directory, file))),
  );
  if (flags === null || flags === undefined) return null;
  const bits = Number(flags.trim());
  const isReachable = addresses.some((address) => !/^fe[89ab]/i.test(address));
  if ((bits & LOOPBACK) !== 0) return null;
  if (!isReachable && !(await isThere(host, join(directory, 'device')))) return null;
  return {
    name: nameOf(name),
    mac: /^(?:[0-9a-f]{2}:)+[0-9a-f]{2}$/i.exec(mac?.trim() ?? '')?.[0] ?? null,
    addresses: addresses.slice(0, MAX_ADDRESSES),
    // `unknown` is what drivers say that do not look at their cable.
    isUp: (bits & UP) !== 0 && ['up', 'unknown'].includes(state?.trim() ?? ''),
  };
}

function thatFit(networks: readonly Network[]): Network[] {
  let bytes = 0;
  return networks.slice(0, MAX_NETWORKS).filter((network) => {
    bytes += Buffer.byteLength(JSON.stringify(network));
    return bytes <= MAX_BYTES;
  });
}
