// One shard of a cluster: what it says of itself, its journal, its quarantine and what can be done
// there, whether its catalogue has drifted. A shard that is away is an answer, and no error.

import {
  type Bundle,
  readDrift,
  readJournalPage,
  readQuarantinePage,
  readShard,
  readShardDetail,
  retryRows,
  type ShardState,
} from '@halflap/engine/runner';
import { HalflapError } from '@halflap/protocol';
import { type Static, Type } from 'typebox';
import {
  ASK_MS,
  askShard,
  assertKnown,
  discreetError,
  findShard,
  type KnownShard,
  shardAway,
  type Told,
} from '../../campaigns/cluster/ask-shard.js';
import { withoutSecrets } from '../../campaigns/cluster/observe.js';
import { askHome } from '../../store/home.js';
import { cursorOf, placeOf } from '../cursor.js';
import { invalid } from '../problem.js';
import { act, bodyOf, type Route, read } from '../route.js';
import { id, limitOf, name, paging } from '../shapes.js';
import {
  awayView,
  Quarantined,
  quarantinedView,
  Retried,
  Shard,
  ShardDrift,
  ShardStep,
  shardPageOf,
  shardView,
  stepView,
} from '../shard-shapes.js';
import type { ClusterApi } from './clusters.js';

const params = { id: id('Of the cluster.'), shard: name() };
type Params = { readonly id: string; readonly shard: string };

const PATH = '/api/v1/clusters/:id/shards/:shard';
/** Rows of quarantine that one request tries. */
const MOST_TRIED = 500;

export function shardRoutes(api: ClusterApi): readonly Route[] {
  return [oneOf(api), journalOf(api), quarantineOf(api), retryOf(api), driftOf(api)];
}

function find(api: ClusterApi, params: Params): Promise<KnownShard> {
  return findShard(api.store.home, api, params);
}

function cleaner({ address }: KnownShard): (text: string) => string {
  return (text) => withoutSecrets(text, address.url);
}

function oneOf(api: ClusterApi): Route {
  const bundleOf = (hash: string) => api.bundles.read(api.store.home, hash).catch(() => null);
  return read({
    method: 'GET',
    path: PATH,
    summary: 'One shard: its phase, backfill and verify, quarantine and spill, who works with it.',
    permission: 'cluster:read',
    params,
    answer: Shard,
    async handle({ params }) {
      const known = await find(api, params);
      const look = (url: string) => readShardDetail(url, bundleOf, ASK_MS);
      const { value: detail, away } = await askShard(known.address, look);
      const seenAt = api.clock();
      if (away !== null) return awayView(known, away, seenAt);
      return shardView(known, { detail, seenAt, clean: cleaner(known) });
    },
  });
}

function journalOf(api: ClusterApi): Route {
  return read({
    method: 'GET',
    path: `${PATH}/journal`,
    summary: 'The steps that verbs have run on a shard, the newest first.',
    permission: 'cluster:read',
    params,
    query: paging,
    answer: shardPageOf(ShardStep),
    async handle({ params, query }) {
      const known = await find(api, params);
      const mark = { journal: [params.id, params.shard] };
      const asked = askedOf(mark, query);
      const told = await askShard(known.address, (url) => readJournalPage(url, asked));
      const page = pageOf(known, mark, asked, told);
      return { ...page, items: page.items.map((line) => stepView(line, cleaner(known))) };
    },
  });
}

function quarantineOf(api: ClusterApi): Route {
  return read({
    method: 'GET',
    path: `${PATH}/quarantine`,
    summary: 'Rows that could not be carried to the other release, the oldest first.',
    permission: 'cluster:read',
    params,
    query: { ...paging, relation: Type.Optional(name()) },
    answer: shardPageOf(Quarantined),
    async handle({ params, query }) {
      const { relation = null } = query;
      const known = await find(api, params);
      const mark = { quarantine: [params.id, params.shard, relation] };
      const asked = askedOf(mark, query);
      const read = (url: string) => readQuarantinePage(url, relation, asked);
      const page = pageOf(known, mark, asked, await askShard(known.address, read));
      return { ...page, items: page.items.map((row) => quarantinedView(row, cleaner(known))) };
    },
  });
}

type Asked = { readonly limit: number; readonly after: string | null; readonly timeoutMs: number };

/** One row more than the page has says whether there is a next one. */
function askedOf(
  mark: object,
  query: { readonly limit?: number; readonly cursor?: string },
): Asked {
  const [after = null] = query.cursor === undefined ? [] : placeOf(mark, query.cursor, 1);
  if (after !== null && !/^[0-9]{1,18}$/.test(after)) {
    throw invalid([{ field: 'query.cursor', rule: '`next` of a page of the same list' }]);
  }
  return { limit: limitOf(query) + 1, after, timeoutMs: ASK_MS };
}

function pageOf<Row extends { readonly id: string }>(
  { address }: KnownShard,
  mark: object,
  { limit }: Asked,
  { value, away }: Told<readonly Row[]>,
) {
  const shard = address.name;
  if (away !== null) return { items: [], next: null, shards: [{ shard, ok: false, error: away }] };
  const items = value.slice(0, limit - 1);
  const last = value.length < limit ? undefined : items.at(-1);
  const next = last === undefined ? null : cursorOf(mark, [last.id]);
  return { items, next, shards: [{ shard, ok: true }] };
}

function retryOf(api: ClusterApi): Route {
  return act({
    method: 'POST',
    path: `${PATH}/quarantine/retry`,
    summary: 'Tries rows in quarantine again, those that are named or the oldest.',
    permission: 'cluster:write',
    params,
    body: bodyOf({
      rows: Type.Optional(
        Type.Array(Type.String({ pattern: '^[0-9]{1,18}$' }), {
          ...{ minItems: 1, maxItems: MOST_TRIED, description: 'Their ids; without: the oldest.' },
        }),
      ),
      reason: Type.Optional(Type.String({ minLength: 1, maxLength: 1000 })),
    }),
    answer: Retried,
    audit: {
      act: 'shard.retry-quarantine',
      on: ({ params }) => `shard ${params.shard} of cluster ${params.id}`,
      detail: ({ body }) => ({ rows: body.rows ?? 'the oldest', reason: body.reason ?? null }),
    },
    async handle({ params, body }) {
      const { address } = await find(api, params);
      assertKnown(address);
      const { url, name: shard } = address;
      try {
        const bundle = await bundleUnderWay(api, address);
        const ids = body.rows ?? null;
        return await retryRows({ url, shard, bundle, ids, most: MOST_TRIED, timeoutMs: ASK_MS });
      } catch (error) {
        throw discreetError(error, address);
      }
    },
  });
}

/** @throws SHARD_AWAY; API_CONFLICT while no evolution is under way; API_NOT_FOUND */
async function bundleUnderWay(
  { store, bundles }: ClusterApi,
  address: KnownShard['address'],
): Promise<Bundle> {
  const { value: status, away } = await askShard(address, readShard);
  const error = away ?? status?.error ?? null;
  if (error !== null) {
    const clean = (text: string) => withoutSecrets(text, address.url);
    throw shardAway(address.name, clean(error), clean(status?.hint ?? 'bring it back'));
  }
  const hash = status?.state?.bundle_hash ?? null;
  if (hash !== null) return bundles.read(store.home, hash);
  throw new HalflapError('API_CONFLICT', `no evolution is under way on shard ${address.name}`, {
    hint: 'rows are carried while a shard is expanding or dual',
  });
}

function driftOf(api: ClusterApi): Route {
  return read({
    method: 'GET',
    path: `${PATH}/drift`,
    summary: 'Whether the catalogue of a settled shard is still that of its release.',
    permission: 'cluster:read',
    params,
    answer: ShardDrift,
    async handle({ params }) {
      const known = await find(api, params);
      const { value, away } = await askShard(known.address, (url) => lookForDrift(api, known, url));
      if (value !== null) return value;
      return { state: 'away' as const, release: null, why: away, differences: [] };
    },
  });
}

/** Of what is told; the rest is found when it has been put right. */
const MOST_DIFFERENCES = 200;

async function lookForDrift(
  api: ClusterApi,
  known: KnownShard,
  url: string,
): Promise<Static<typeof ShardDrift>> {
  const { state, error } = await readShard(url);
  const clean = cleaner(known);
  const nothing = { release: null, differences: [] };
  if (error !== null) return { ...nothing, state: 'away', why: clean(error) };
  if (state === null) {
    return { ...nothing, state: 'unknown', why: 'Halflap does not know it yet' };
  }
  const { floor: release, phase } = state;
  if (phase !== 'settled') {
    const why = `it is ${phase}: each step of its evolution looks at what it works on`;
    return { ...nothing, release, state: 'under way', why };
  }
  const summary = await summaryOf(api, state);
  const options = { shard: known.address.name, state, summary, timeoutMs: ASK_MS };
  const found = await readDrift(url, options);
  if (found === null) {
    const why = `no bundle here tells of ${release}: halflap clusters bundles add FILE`;
    return { ...nothing, release, state: 'unknown', why };
  }
  const differences = found.slice(0, MOST_DIFFERENCES).map(clean);
  return { state: found.length === 0 ? 'same' : 'differs', release, why: null, differences };
}

/** What a bundle tells of the release that a shard holds: one that was built from that very one. */
async function summaryOf(
  { store, bundles }: ClusterApi,
  { app, floor, fingerprint }: ShardState,
): Promise<Bundle['from'] | undefined> {
  const rows = await askHome<{ hash: string }>(
    store,
    `select hash from evolutions
     where app = $1 and (from_release = $2 or to_release = $2)
     order by added_at desc limit 4`,
    [app, floor],
  );
  for (const { hash } of rows) {
    const { from, to } = await bundles.read(store.home, hash);
    const found = [from, to].find((one) => one.version === floor);
    if (found?.fingerprint === fingerprint) return found;
  }
  return undefined;
}
