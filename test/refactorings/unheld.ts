// Refactorings of real products that no evolution states yet: why, and what their authors are told.

interface Attempt {
  readonly from: string;
  readonly to: string;
  /** The nearest that can be stated, without `from`. */
  readonly evolution: string;
  /** What the compiler answers, somewhere in its error or its notes. */
  readonly answer: string;
}

interface Unheld {
  readonly title: string;
  readonly why: string;
  readonly told: string;
  /** Null where nothing can be stated, or where a test of its own shows what happens. */
  readonly attempt: Attempt | null;
}

/** Two tables whose rows refer to a common one by keys that it draws. */
const TWO_MAPS = (common: string): Attempt => ({
  from: `create table ports (id int primary key, note text);
    create table networks (id int primary key, note text);`,
  to: `create table ${common} (id bigserial primary key, kind text, owner int, note text);
    create table ports (id int primary key);
    create table networks (id int primary key);`,
  evolution: `keys:
  of_ports: { from: ports, into: ${common}, column: id, key: { owner: id } }
  of_networks: { from: networks, into: ${common}, column: id, key: { owner: id } }
changes:
  - custom:
      from:
        ports: { slice: id, query: "select id, '' as note from ports" }
        networks: { slice: id, query: "select id, '' as note from networks" }
      into:
        ${common}:
          slice: { of_ports: id, of_networks: id }
          query: "select k.new_id as id from ports as p join of_ports as k on k.old_id = p.id"
`,
  answer: `"slice" of table "${common}" names one key map, and columns`,
});

export const UNHELD: readonly Unheld[] = [
  {
    title: 'Foreman 1.9: partition tables become templates, beside those that keep their numbers',
    why: 'rows of one table keep their keys and rows of another draw theirs, in the same new table',
    told: '`unite_tables`: the note that a key which both have stops `expand`',
    attempt: {
      from: `create table config_templates (id serial primary key, name text not null);
        create table ptables (id serial primary key, name text not null);`,
      to: 'create table templates (id serial primary key, type text not null, name text not null);',
      evolution: `changes:
  - unite_tables:
      into: templates
      from:
        config_templates: { when: type = 'Config', values: { type: "'Config'" } }
        ptables: { when: type = 'Ptable', values: { type: "'Ptable'" } }
`,
      answer: 'a key that several of them have cannot be two rows',
    },
  },
  {
    title: 'NetBox 4.2: the address of an interface becomes a row, and each points to the other',
    why: 'two kinds of interfaces share the table of addresses, by drawn keys of either kind',
    told: '`custom`: a `slice` names one key map, and columns',
    attempt: TWO_MAPS('addresses'),
  },
  {
    title: 'oVirt 3.6: primary and secondary agents become rows, in an order that may be equal',
    why: 'nothing but a drawn uuid tells two agents of the same order apart',
    told: '`unnest_column`: nothing says what `fence_agents.id` is in rows of the old release',
    attempt: {
      from: `create table vds_static (vds_id uuid primary key, pm_ip text,
        pm_secondary_ip text);`,
      to: `create table vds_static (vds_id uuid primary key);
        create table fence_agents (id uuid primary key default gen_random_uuid(),
          vds_id uuid not null references vds_static (vds_id) on delete cascade,
          agent_order int not null, ip text not null);
        create index on fence_agents (vds_id);`,
      evolution: `changes:
  - unnest_column:
      table: vds_static
      columns: [pm_ip, pm_secondary_ip]
      into: fence_agents
      value: ip
      position: agent_order
`,
      answer: 'nothing says what fence_agents.id is in rows that come from release 1.0',
    },
  },
  {
    title: 'Mastodon 4.0: the phrase of a filter becomes a keyword, and stays as the title',
    why: 'one value becomes two, which the new release changes on their own',
    told: '`HL001` for a filter whose title and keyword differ, until contract',
    attempt: null,
  },
  {
    title: 'GitLab 9.2: serialised YAML becomes rows',
    why: 'SQL does not read YAML; the product took its own code for it',
    told: 'no change of the evolution file reads YAML',
    attempt: null,
  },
  {
    title: 'Discourse 2014: addresses become rows of referers, which refer to rows of domains',
    why: 'a lookup table of a lookup table, by parts of one value',
    told: 'two `extract_table`: the lookup table of the one is no table of the old release',
    attempt: {
      from: 'create table incoming_links (id int primary key, host text, path text);',
      to: `create table incoming_domains (id serial primary key, name text not null unique);
        create table incoming_referers (id serial primary key, path text not null,
          incoming_domain_id int not null references incoming_domains (id),
          unique (path, incoming_domain_id));
        create table incoming_links (id int primary key,
          incoming_referer_id int references incoming_referers (id));
        create index on incoming_links (incoming_referer_id);`,
      evolution: `changes:
  - extract_table:
      table: incoming_referers
      columns: { host: name }
      into: incoming_domains
      reference: incoming_domain_id
  - extract_table:
      table: incoming_links
      columns: { path: path, incoming_domain_id: incoming_domain_id }
      into: incoming_referers
      reference: incoming_referer_id
`,
      answer: 'there is no table incoming_referers in the release it should be in',
    },
  },
  {
    title: 'Synapse schema 16: the number of a user goes, and references become the name',
    why: 'a name that the old release changes would be another key for all that refers to it',
    told: '`rekey_table`: nothing draws `users.name` for rows that come from the old release',
    attempt: {
      from: `create table users (id bigserial primary key, name text not null unique);
        create table access_tokens (id bigint primary key,
          user_id bigint not null references users (id));`,
      to: `create table users (name text primary key);
        create table access_tokens (id bigint primary key,
          user_id text not null references users (name));`,
      evolution: `changes:
  - rekey_table: { table: users, column: name }
`,
      answer: 'nothing draws users.name for rows that come from the old release',
    },
  },
  {
    title: 'Neutron Mitaka: rows of eight tables get a row of a common table above them',
    why: 'keys of eight tables meet in one, and the common row is written before the one below it',
    told: '`custom`: a `slice` names one key map, and columns',
    attempt: TWO_MAPS('standardattributes'),
  },
  {
    title: 'MusicBrainz 2013: tracklists that media share are copied for each medium',
    why: 'a new row stands for a pair of old ones, and no row of the old release for the pair',
    told: '`custom`: nothing says what `track.id` is in rows of the old release',
    attempt: {
      from: `create table tracklist (id serial primary key);
        create table medium (id int primary key,
          tracklist int not null references tracklist (id));
        create table track (id serial primary key,
          tracklist int not null references tracklist (id), position int not null);
        create index on medium (tracklist);
        create index on track (tracklist);`,
      to: `create table medium (id int primary key);
        create table track (id serial primary key, medium int not null references medium (id),
          position int not null, unique (medium, position));`,
      evolution: `changes:
  - custom:
      from:
        medium: { slice: tracklist, query: "select id, id as tracklist from medium" }
        track:
          slice: tracklist
          query: select id, medium as tracklist, position from track
      into:
        medium: { slice: id, query: select id from medium }
        track:
          slice: medium
          query: |
            select m.id as medium, t.position
            from track as t join medium as m on m.tracklist = t.tracklist
`,
      answer: 'nothing says what track.id is in rows that come from release 1.0',
    },
  },
];

export function unheldPart(): string {
  const lines = UNHELD.map(({ title, why, told }) => `| ${title} | ${why} | ${told} |`);
  return `
## What is not stated yet

Of the refactorings that were looked at, these have no evolution that holds in every phase:

| refactoring | why | what its author is told |
|---|---|---|
${lines.join('\n')}
`;
}
