import { freshDatabase } from '@halflap/engine/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomFrom } from '../../../test/oracle/random.js';
import { ONE, serversFiles, TWO } from '../test/two-releases.js';
import { readEnvelope, written } from './envelope.js';
import { mapped } from './mapping.js';

const seed = Number(process.env.HALFLAP_TEST_SEED ?? Date.now() % 1_000_000);
const { one, two } = await serversFiles({ one: ONE, two: TWO });

const send = (file: typeof one, level: string, type: string, body: Record<string, unknown>) =>
  written({ type, body }, file, { level, id: 'm1' });

describe('a message between two releases', () => {
  const old = {
    id: 7,
    name: 'web',
    owner: 'ops',
    memory_mb: 2,
    street: 'Elm',
    tags: ['a', 'b'],
  };
  const fresh = {
    id: 7,
    name: 'web',
    team: 'ops',
    memory_bytes: 2097152,
    address: { street: 'Elm' },
    tags: ['a', 'b'],
    source: 'agent',
  };

  it('is read by the newer release in its own form', () => {
    const read = readEnvelope(send(one, '1.0', 'host_changed', old), two);
    expect(read).toMatchObject({ ok: true, level: '1.0' });
    expect(read.ok && read.messages).toEqual([{ type: 'host_moved', body: fresh }]);
  });

  it('is written for the older release, and comes as that wrote it', () => {
    const text = send(two, '1.0', 'host_moved', { ...fresh, source: 'import' });
    expect(JSON.parse(text)).toMatchObject({ halflap: 1, type: 'host_changed', level: '1.0' });
    const read = readEnvelope(text, one);
    expect(read.ok && read.messages).toEqual([{ type: 'host_changed', body: old }]);
  });

  it('becomes the parts that it has, each of which is one on the way back', () => {
    const services = { host: 1, services: ['ssh'] };
    const both = { ...services, packages: [{ name: 'vim', version: '9' }] };
    const parts = (body: Record<string, unknown>) => {
      const read = readEnvelope(send(one, '1.0', 'report', body), two);
      return read.ok ? read.messages.map(({ type }) => type) : read.reason;
    };
    expect(parts(both)).toEqual(['packages_found', 'services_found']);
    expect(parts(services)).toEqual(['services_found']);
    expect(parts({ host: 1 })).toBe('no part of report takes it');
    const back = readEnvelope(send(two, '1.0', 'services_found', services), one);
    expect(back.ok && back.messages).toEqual([{ type: 'report', body: services }]);
  });

  it('without a form in the older release is sent as it is, and told to be newer', () => {
    for (const [type, body] of [
      ['only_two', { id: 1 }],
      ['host_moved', { ...fresh, memory_bytes: Number.MAX_SAFE_INTEGER, name: 'x' }],
    ] as const) {
      const text = send(two, '1.0', type, body);
      const level = type === 'only_two' ? '2.0' : '1.0';
      expect(JSON.parse(text)).toMatchObject({ level });
      expect(readEnvelope(text, one)).toMatchObject({ ok: level === '1.0' });
    }
    expect(readEnvelope(send(two, '2.0', 'only_two', { id: 1 }), one)).toMatchObject({
      ok: false,
      isNewer: true,
      reason: 'it is of release 2.0, which is newer than this server of 1.0',
    });
    expect(readEnvelope(send(one, '1.0', 'only_one', { id: 1 }), two)).toMatchObject({
      ok: false,
      isNewer: false,
      reason: 'release 2.0 has no message for only_one',
    });
  });

  it('is refused before it is sent where a field is not as stated', () => {
    const body = { name: 5, tags: ['a', 6], id: 2 ** 60, address: { city: true }, extra: 1 };
    expect(() => send(two, '2.0', 'host_moved', body)).toThrow(
      'message host_moved: id is an integer below 2^53; name is text; address.city is text; ' +
        'tags[1] is text; source is required',
    );
    expect(() => send(two, '2.0', 'host_moves', fresh)).toThrow(/states no message of that type/);
  });

  it('is told to be none, whatever else a text may be', () => {
    const envelope = JSON.parse(send(two, '2.0', 'only_two', { id: 1 }));
    for (const [text, reason] of [
      ['', /not JSON/],
      ['[]', /format undefined/],
      ['null', /no envelope/],
      [JSON.stringify({ ...envelope, halflap: 2 }), /format 2/],
      [JSON.stringify({ ...envelope, id: '' }), /lacks a part/],
      [JSON.stringify({ ...envelope, type: 'toString' }), /states no message toString/],
      [JSON.stringify({ ...envelope, body: { id: null } }), /id is required/],
      [JSON.stringify({ ...envelope, level: '3.0', more: 1 }), /newer/],
      [JSON.stringify({ ...envelope, level: '0.9' }), /too old/],
    ] as const) {
      expect(readEnvelope(text, two)).toMatchObject({
        ok: false,
        reason: expect.stringMatching(reason),
      });
    }
  });
});

describe('a servers file', () => {
  const refusal = async (changes: string, text = TWO) =>
    serversFiles({ one: ONE, two: text.replace(/changes:[\s\S]*/, `changes:\n${changes}`) }).then(
      () => 'taken',
      (error: Error & { detail: { evidence: string[] } }) => error.detail.evidence,
    );

  it('says with its place what is not stated, and what does not hold', async () => {
    const places = await refusal(`
  - rename_message: { message: host_changed, to: host_moved }
  - rename_field: { message: host_changed, field: ownr, to: team }
  - convert_field:
      message: host_changed
      field: memory_mb
      to: memory_bytes
      up: memory_mb || 'x'
      down: to_char(memory_bytes, '9')
`);
    expect(places).toEqual([
      expect.stringMatching(
        /yaml:8:3: nothing says what "source" of host_moved is for the old one: add_field/,
      ),
      expect.stringMatching(/has no field "ownr"; did you mean "owner"/),
      expect.stringMatching(/"integer \|\| text" is not taken/),
      expect.stringMatching(/:28:13: function to_char is not taken/),
    ]);
  });
});

const ROW = 't?: text, u?: text, i?: integer, j?: integer, x?: number, b?: boolean';
const EXPRESSIONS = `
i + j * 2 - 1 | i / j | i % j | -i | x / 4 | x * i | i + 0.5 | x / j | abs(x) | abs(i) | round(x)
floor(x) | ceil(x) | x::bigint | i::text || t | b::text | t::bigint | t::double precision
(i > j) and b | (x >= i) or b | not b | i = j | t = u | t <> u | x < 3 | i in (1, j, null)
t not in ('a', u) | t is null | x is not null | coalesce(t, u, 'none') | nullif(t, u)
t is distinct from u | i is not distinct from j | case when b then i when i > 3 then j else 0 end
case t when 'a' then u when u then 'same' end | lower(t) | upper(t) | trim(t) | ltrim(t) | rtrim(t)
length(t) | replace(t, u, '-') | split_part(t, ' ', 2) | split_part(t, ',', -1) | strpos(t, u)
left(t, 2) | right(t, 2) | left(t, -1) | right(t, j::int) | t || u | b::int | i::int = 3
t::boolean
coalesce(i, x) | null::text | (i is null)::text | true and b | 'it''s' || t
`
  .split(/[|\n](?!\|)(?<!\|\|)/)
  .map((text) => text.trim());

describe(`a formula against PostgreSQL, seed ${seed}`, () => {
  const expressions = EXPRESSIONS.filter((text) => text !== '');
  const database = freshDatabase();
  let client: pg.Client;
  beforeAll(async () => {
    client = new pg.Client({ connectionString: (await database).url });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await (await database).drop();
  });

  it('gives the same values, nulls and refusals', async () => {
    const random = randomFrom(seed);
    const types = await typesOf(client, expressions);
    const fields = expressions.map((_, at) => `r${at}?: ${types[at]}`);
    const { two: file } = await serversFiles({
      one: `messages:\n${expressions.map((_, at) => `  m${at}: { ${ROW} }`).join('\n')}`,
      two:
        `messages:\n${fields.map((field, at) => `  m${at}: { ${ROW}, ${field} }`).join('\n')}\n` +
        `changes:\n${expressions
          .map((sql, at) => `  - add_field: { message: m${at}, field: r${at}, up: "${sql}" }`)
          .join('\n')}`,
    });
    const rows = Array.from({ length: 12 }, () => drawRow(random));
    const wrong: object[] = [];
    const answers = await ask(client, expressions, rows);
    for (const [place, row] of rows.entries()) {
      for (const [at, sql] of expressions.entries()) {
        const found = mapped({ type: `m${at}`, body: row }, file.earlier.up, file.messages);
        const value = 'reason' in found ? 'refused' : (found.messages[0]?.body[`r${at}`] ?? null);
        const expected = answers[place * expressions.length + at];
        // As it travels: JSON has no negative zero.
        if (JSON.stringify(value) !== JSON.stringify(expected)) {
          wrong.push({ sql, row, value, expected });
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});

type Row = Record<string, string | number | boolean>;

const AS = '(t text, u text, i bigint, j bigint, x float8, b boolean)';

async function typesOf(client: pg.Client, expressions: readonly string[]): Promise<string[]> {
  const list = expressions.map((sql) => `pg_typeof(${sql})::text`).join(', ');
  const text = `select array[${list}] as types from jsonb_to_record('{"j": 1}') as r${AS}`;
  const { rows } = await client.query(text);
  const names: Record<string, string> = {
    bigint: 'integer',
    integer: 'integer',
    'double precision': 'number',
    numeric: 'number',
  };
  return rows[0].types.map((type: string) => names[type] ?? type);
}

/** Row by row, and for each row the expressions in their order. */
async function ask(
  client: pg.Client,
  expressions: readonly string[],
  rows: readonly Row[],
): Promise<unknown[]> {
  await client.query(
    `create function pg_temp.value_of(expression text, fields jsonb) returns jsonb
     language plpgsql as $$
     declare found jsonb;
     begin
       execute format('select to_jsonb(%s) from jsonb_to_record($1) as r${AS}', expression)
         into found using fields;
       return coalesce(found, 'null');
     exception when data_exception then
       return '"refused"';
     end $$`,
  );
  const { rows: values } = await client.query(
    `select pg_temp.value_of(e.text, r.fields) as value
     from unnest($1::jsonb[]) with ordinality as r(fields, place)
     cross join unnest($2::text[]) with ordinality as e(text, at)
     order by r.place, e.at`,
    [rows.map((row) => JSON.stringify(row)), expressions],
  );
  return values.map(({ value }) => value);
}

function drawRow(random: ReturnType<typeof randomFrom>): Row {
  const texts = [
    'a',
    'b',
    '',
    ' x y ',
    '日 b,c',
    '12',
    ' -3 ',
    '1e2',
    '2.5',
    'yes',
    'off',
    '🙂a🙂',
  ];
  const row: Row = {};
  if (random.percent(85)) row.t = random.pick(texts);
  if (random.percent(85)) row.u = random.pick(texts);
  if (random.percent(85)) row.i = random.below(12) - 5;
  if (random.percent(85)) row.j = random.below(7) - 2;
  if (random.percent(85)) row.x = random.pick([0, 0.5, 1.5, 2.5, -0.5, -2.5, 3.75, -7, 1e9]);
  if (random.percent(85)) row.b = random.percent(50);
  return row;
}
