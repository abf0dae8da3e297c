// Refactorings of real products that no evolution states yet: why, and what their authors are told.

interface Unheld {
  readonly title: string;
  readonly why: string;
  readonly told: string;
}

const UNHELD: readonly Unheld[] = [
  {
    title: 'Foreman 1.9: partition tables become templates, beside those that keep their numbers',
    why: 'rows of one table keep their keys and rows of another draw theirs, in the same new table',
    told: '`unite_tables`: the note that a key which both have stops `expand`',
  },
  {
    title: 'NetBox 4.2: the address of an interface becomes a row, and each points to the other',
    why: 'two kinds of interfaces share the table of addresses, by drawn keys of either kind',
    told: 'a `custom` of both: a slice leads through one key map',
  },
  {
    title: 'oVirt 3.6: primary and secondary agents become rows, in an order that may be equal',
    why: 'nothing but a drawn uuid tells two agents of the same order apart',
    told: '`unnest_column`: nothing says what `fence_agents.id` is in rows of the old release',
  },
  {
    title: 'Mastodon 4.0: the phrase of a filter becomes a keyword, and stays as the title',
    why: 'one value becomes two, which the new release changes on their own',
    told: '`HL001` for a filter whose title and keyword differ, until contract',
  },
  {
    title: 'GitLab 9.2: serialised YAML becomes rows',
    why: 'SQL does not read YAML; the product took its own code for it',
    told: 'no change of the evolution file reads YAML',
  },
  {
    title: 'Discourse 2014: addresses become rows of referers, which refer to rows of domains',
    why: 'a lookup table of a lookup table, by parts of one value',
    told: 'two `extract_table`: the second names a column that the first has made',
  },
  {
    title: 'Synapse schema 16: the number of a user goes, and references become the name',
    why: 'a name that the old release changes would be another key for all that refers to it',
    told: '`rekey_table`: nothing draws `users.name` for rows that come from the old release',
  },
  {
    title: 'Neutron Mitaka: rows of eight tables get a row of a common table above them',
    why: 'keys of eight tables meet in one, and the common row is written before the one below it',
    told: 'a `custom` of several: a slice leads through one key map',
  },
  {
    title: 'MusicBrainz 2013: tracklists that media share are copied for each medium',
    why: 'a new row stands for a pair of old ones, and no row of the old release for the pair',
    told: '`custom`: nothing says what `track.id` is in rows of the old release',
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
