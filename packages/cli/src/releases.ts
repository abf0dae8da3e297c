// The directory of releases, read with the help of a scratch server that is started when the first
// release is loaded and stopped at the end.

import {
  adviseRenames,
  type Bundle,
  type CompileInput,
  checkExpressions,
  checkNames,
  compile,
  compileServers,
  didYouMean,
  type Evolution,
  findUnconvertible,
  lineage,
  listReleases,
  loadRelease,
  loadServers,
  measureEffects,
  type PossibleRename,
  parseEvolution,
  possibleRenames,
  type QueryQuestions,
  type Release,
  type ReleaseDirectory,
  type Scratch,
  type Trial,
  tryEvolution,
  type Unconvertible,
  withQuestions,
} from '@halflap/engine';
import { useServer, withDatabase, withScratchServer } from '@halflap/engine/testing';
import { HalflapError, type ServersFile } from '@halflap/protocol';
import { type Config, readUrl } from './config.js';
import type { ScratchOptions } from './options.js';

export interface ScratchSource {
  readonly config: Pick<Config, 'scratch'>;
  readonly options: ScratchOptions;
  readonly signal: AbortSignal;
}

export interface ReleaseSource extends ScratchSource {
  readonly config: Config;
}

/** An evolution file that is perhaps to be. */
export interface EvolutionDraft {
  readonly from: string;
  readonly to: string;
  readonly file: string;
  readonly text: string;
}

/** Everything is read once, when it is first asked for. */
export interface Releases {
  /** Versions, oldest first. */
  versions(): Promise<readonly string[]>;
  /** Every step from one release to the next, oldest first. @throws EVOLUTION_INVALID. */
  evolutions(): Promise<readonly Evolution[]>;
  /** @throws RELEASE_UNREADABLE, RELEASE_UNSUPPORTED. */
  load(version: string): Promise<Release>;
  /**
   * The bundle of the evolution that ends in this release, whose expressions PostgreSQL accepts.
   * @throws EVOLUTION_…
   */
  compile(version: string): Promise<Bundle>;
  /** What the release states for its servers; null where nothing. @throws SERVERS_INVALID. */
  servers(version: string): Promise<ServersFile | null>;
  /** What that evolution may leave unsaid. @throws EVOLUTION_… */
  renames(version: string): Promise<readonly PossibleRename[]>;
  /** Why check would refuse a file that is not written yet; null where it would not. */
  refusal(draft: EvolutionDraft): Promise<string | null>;
  /** Conversions of that evolution that fail for a value which the old column may hold. */
  unconvertible(version: string): Promise<readonly Unconvertible[]>;
  /** The same with what each of its statements was seen to do on scratch databases. */
  measure(version: string): Promise<Bundle>;
  /**
   * Runs that evolution on scratch databases, there, back, and to its end. @throws CHECK_FAILED.
   */
  try(version: string): Promise<Trial>;
  /** Gives `body` a prepared shard and a fresh install of the release, to ask about statements. */
  ask<Result>(
    version: string,
    body: (questions: QueryQuestions) => Promise<Result>,
  ): Promise<Result>;
}

/**
 * Gives `body` the releases of the configuration; a server that was started for it ends after it.
 */
export async function withReleases<Result>(
  source: ReleaseSource,
  body: (releases: Releases) => Promise<Result>,
): Promise<Result> {
  return withScratch(source, (scratch) => body(releasesOf(source, scratch)));
}

/** Databases on the server that was named, or on one of our own. */
export async function withScratch<Result>(
  { config, options, signal }: ScratchSource,
  body: (scratch: Scratch) => Promise<Result>,
): Promise<Result> {
  const named = options.scratch === undefined ? config.scratch : { literal: options.scratch };
  if (named !== undefined) {
    useServer(readUrl(named, 'url of the scratch server'));
    return body({ withDatabase });
  }
  return withScratchServer(
    (server) =>
      body({
        async withDatabase(use) {
          const { url, drop } = await server.freshDatabase();
          return use(url).finally(drop);
        },
      }),
    { signal },
  );
}

function releasesOf({ config, signal }: ReleaseSource, scratch: Scratch): Releases {
  let listed: Promise<ReleaseDirectory[]> | undefined;
  let evolved: Promise<Evolution[]> | undefined;
  const loaded = new Map<string, Promise<Release>>();
  const list = () => {
    listed ??= listReleases(config.releases);
    return listed;
  };
  const evolutions = () => {
    evolved ??= list().then(lineage);
    return evolved;
  };
  const load = async (version: string) => {
    const { directory } = find(await list(), version, config);
    const release = loaded.get(version) ?? loadRelease(directory, scratch);
    loaded.set(version, release);
    return release;
  };
  const evolutionTo = async (version: string) => {
    find(await list(), version, config);
    const evolution = (await evolutions()).find((one) => one.to === version);
    if (evolution === undefined) throw firstRelease(version, config);
    return evolution;
  };
  const compiled = new Map<string, Promise<Bundle>>();
  const compileOnce = (version: string) => {
    const bundle = compiled.get(version) ?? compileTo(version);
    compiled.set(version, bundle);
    return bundle;
  };
  const inputTo = async (version: string): Promise<CompileInput> => {
    const evolution = await evolutionTo(version);
    const from = await load(evolution.from);
    const to = await load(version);
    checkNames(evolution, from.catalog, to.catalog);
    return { app: config.app, from, to, evolution };
  };
  const compileTo = async (version: string) => {
    const input = await inputTo(version);
    const bundle = compileOrAdvise(input);
    await checkExpressions(input, scratch);
    return bundle;
  };
  return {
    versions: async () => (await list()).map((release) => release.version),
    evolutions,
    load,
    compile: compileOnce,
    async refusal({ from, to, file, text }) {
      const evolution = parseEvolution(text, { file, to });
      const input = { app: config.app, from: await load(from), to: await load(to), evolution };
      return refusalIn(input, scratch);
    },
    servers: async (version) => serversOf(config, version, await list(), await evolutions()),
    unconvertible: async (version) => findUnconvertible(await inputTo(version), scratch),
    renames: async (version) => possibleRenames(await inputTo(version)),
    async measure(version) {
      const from = await load((await evolutionTo(version)).from);
      return measureEffects({ bundle: await compileOnce(version), from, scratch, signal });
    },
    async try(version) {
      const bundle = await compileOnce(version);
      return tryEvolution({ input: await inputTo(version), bundle, scratch, signal });
    },
    async ask(version, body) {
      const bundle = await compileOnce(version);
      const [from, to] = [await load(bundle.from.version), await load(version)];
      return withQuestions({ bundle, from, to, scratch, signal }, body);
    },
  };
}

async function serversOf(
  config: Config,
  version: string,
  list: ReleaseDirectory[],
  evolutions: readonly Evolution[],
): Promise<ServersFile | null> {
  const load = async (one: string) => loadServers(find(list, one, config).directory, one);
  const from = evolutions.find((evolution) => evolution.to === version)?.from;
  const [old, fresh] = [from === undefined ? null : await load(from), await load(version)];
  const isSilent = fresh.file === null && (old?.file ?? null) === null;
  return isSilent ? null : compileServers({ app: config.app, from: old, to: fresh });
}

async function refusalIn(input: CompileInput, scratch: Scratch): Promise<string | null> {
  try {
    checkNames(input.evolution, input.from.catalog, input.to.catalog);
    compile(input);
    await checkExpressions(input, scratch);
    return null;
  } catch (error) {
    if (error instanceof HalflapError && error.code.startsWith('EVOLUTION_')) return error.message;
    throw error;
  }
}

function compileOrAdvise(input: CompileInput): Bundle {
  try {
    return compile(input);
  } catch (error) {
    throw adviseRenames(error, input);
  }
}

function find(list: ReleaseDirectory[], version: string, config: Config): ReleaseDirectory {
  const found = list.find((release) => release.version === version);
  if (found !== undefined) return found;
  const advice = didYouMean(
    version,
    list.map((release) => release.version),
  );
  const message = `there is no release ${version} in ${config.releases}${advice}`;
  throw new HalflapError('RELEASE_UNREADABLE', message, {
    detail: { file: config.releases },
    hint: 'name a release by the name of its directory',
  });
}

function firstRelease(version: string, config: Config): HalflapError {
  const message = `${config.app} ${version} is the first release: no evolution leads to it`;
  return new HalflapError('EVOLUTION_INCOMPLETE', message, {
    hint: `halflap install ${version} --shard NAME puts it on an empty database`,
  });
}
