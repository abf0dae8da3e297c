// Which bundle moves a shard: the one that was named, the one of halflap.yaml, the one in a
// directory that fits the shard, or one compiled from the releases (a developer's machine).

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Bundle,
  type ReleaseSummary,
  readShard,
  type ShardStatus,
} from '@halflap/engine/runner';
import { HalflapError, type Verb } from '@halflap/protocol';
import { readBundle } from './bundle-file.js';
import type { Config, Shard } from './config.js';
import type { BundleOptions } from './options.js';
import type { ReleaseSource } from './releases.js';

export interface BundleSource extends ReleaseSource {
  readonly options: BundleOptions;
}

export type BundleFor = (shard: Shard, verb: Verb) => Promise<Bundle>;

/**
 * Which releases a shard is between, the same twice when it is settled; null where nobody knows.
 */
export type Position = { readonly floor: string; readonly ceiling: string } | null;

interface Evolving {
  readonly from: string;
  readonly to: string;
}

/** The evolutions at hand. */
export interface BundleSet {
  /** Where they are from, for messages. */
  readonly place: string;
  readonly evolutions: readonly Evolving[];
  /** Of the one that leads to this release. */
  bundle(to: string): Promise<Bundle>;
}

/** Gives `body` the way from a shard to its bundle; a scratch server ends with it. */
export async function withBundles<Result>(
  source: BundleSource,
  body: (bundleFor: BundleFor) => Promise<Result>,
): Promise<Result> {
  const isNamed = (source.options.bundle ?? source.config.bundle) !== undefined;
  return withBundleSet(source, ({ place, evolutions, bundle }) =>
    body(async (shard, verb) => {
      // The verb knows best what a bundle that was named has against the shard.
      const [named] = evolutions;
      if (isNamed && named !== undefined) return bundle(named.to);
      const position = await positionOf(shard);
      const found = choose(evolutions, position, verb);
      return found ? bundle(found.to) : refuse(place, shard, position);
    }),
  );
}

/** Gives `body` all evolutions at hand; a scratch server ends with it. */
export async function withBundleSet<Result>(
  source: BundleSource,
  body: (set: BundleSet) => Promise<Result>,
): Promise<Result> {
  const { config, options } = source;
  const file = options.bundle ?? config.bundle;
  if (file !== undefined) return body(setOf(file, [bundleOf(config, file)]));
  if (config.bundles !== undefined) {
    return body(setOf(config.bundles, bundlesIn(config, config.bundles)));
  }
  if (!existsSync(config.releases)) throw noBundle(config);
  const { withReleases } = await import('./releases.js');
  return withReleases(source, async (releases) =>
    body({
      place: config.releases,
      evolutions: await releases.evolutions(),
      bundle: releases.compile,
    }),
  );
}

function setOf(place: string, bundles: readonly Bundle[]): BundleSet {
  return {
    place,
    evolutions: bundles.map(({ from, to }) => ({ from: from.version, to: to.version })),
    async bundle(to) {
      const found = bundles.find((one) => one.to.version === to);
      if (found === undefined) throw new TypeError(`no bundle leads to ${to}`);
      return found;
    },
  };
}

/** The bundle of a file, which must be of this application. @throws BUNDLE_INVALID */
export function bundleOf(config: Config, file: string): Bundle {
  const bundle = readBundle(file);
  if (bundle.app === config.app) return bundle;
  const message = `bundle ${file} is of ${bundle.app}, ${config.file} of ${config.app}`;
  throw new HalflapError('BUNDLE_INVALID', message, {
    detail: { file },
    hint: 'name a bundle of that application, or correct "app"',
  });
}

/** What the bundles at hand tell of a release; undefined when none of them is about it. */
export function summaryIn(
  config: Config,
  options: BundleOptions,
  version: string,
): ReleaseSummary | undefined {
  const file = options.bundle ?? config.bundle;
  const directory = config.bundles;
  let bundles: Bundle[] = [];
  if (file !== undefined) bundles = [bundleOf(config, file)];
  else if (directory !== undefined) bundles = bundlesIn(config, directory);
  return bundles
    .flatMap((bundle) => [bundle.from, bundle.to])
    .find((summary) => summary.version === version);
}

/** The evolution that a verb on a shard in this position is about; undefined when there is none. */
export function choose<Candidate extends Evolving>(
  candidates: readonly Candidate[],
  position: Position,
  verb: Verb,
): Candidate | undefined {
  if (position === null) return candidates.length === 1 ? candidates[0] : undefined;
  const { floor, ceiling } = position;
  if (floor !== ceiling) return candidates.find((one) => one.from === floor && one.to === ceiling);
  const next = candidates.find((one) => one.from === floor);
  const last = candidates.find((one) => one.to === floor);
  // A verb that is repeated after it settled the shard is about the evolution that is over.
  return verb === 'contract' ? (last ?? next) : (next ?? last);
}

function bundlesIn(config: Config, directory: string): Bundle[] {
  let names: string[];
  try {
    names = readdirSync(directory).filter((name) => name.endsWith('.json'));
  } catch (cause) {
    throw new HalflapError('BUNDLE_INVALID', `cannot read the directory ${directory}`, {
      detail: { file: directory },
      hint: `correct "bundles" in ${config.file}`,
      cause,
    });
  }
  return names.sort().map((name) => bundleOf(config, join(directory, name)));
}

/** @throws SHARD_UNREACHABLE. Null for a database that Halflap does not know. */
export async function positionOf(shard: Shard): Promise<ShardStatus['state']> {
  const status = await readShard(shard.url);
  if (!status.reachable) {
    throw new HalflapError('SHARD_UNREACHABLE', status.error ?? 'no connection', {
      detail: { shard: shard.name },
      hint: status.hint ?? `halflap status --shard ${shard.name}`,
    });
  }
  // State that cannot be read is for the verb to complain about: it knows what is wrong with it.
  return status.state;
}

/** @throws BUNDLE_INVALID always. */
export function refuse(place: string, shard: Shard, position: Position): never {
  const found =
    position === null
      ? 'its release is not known yet'
      : `it is at ${[...new Set([position.floor, position.ceiling])].join('→')}`;
  throw new HalflapError('BUNDLE_INVALID', `${place} has none for shard ${shard.name}: ${found}`, {
    detail: { shard: shard.name },
    hint:
      position === null
        ? `halflap adopt VERSION --shard ${shard.name} takes it in, with the release it holds`
        : 'name the bundle of that evolution: --bundle FILE',
  });
}

function noBundle(config: Config): HalflapError {
  return new HalflapError('CONFIG_INVALID', `no bundle, and no directory ${config.releases}`, {
    detail: { file: config.file },
    hint: 'add "bundle: FILE" to halflap.yaml, or use --bundle FILE',
  });
}
