// The evolution file of a random pair of releases, as an author would write it.

import type { Bare, Part } from './model.js';

export function changesOf(model: Bare): string | null {
  return model.isReversed ? mergeOf(model) : splitChangesOf(model);
}

/** The same changes as the release of the parts says them. */
function mergeOf(model: Bare): string {
  const { oldTable, parts, columns } = model;
  const lines = columns.flatMap((one) => {
    if (one.old === null || one.new === null) return [];
    const { table } = parts[one.new.part] as Part;
    if (one.up !== null) {
      return [conversion(table, one.new.name, one.old.name, [one.down ?? '', one.up])];
    }
    return one.old.name === one.new.name ? [] : [rename(table, one.new.name, one.old.name)];
  });
  lines.push(`  - merge_tables:\n      into: ${oldTable}\n      from:\n${entriesOf(model)}`);
  return `${lines.join('\n')}\n`;
}

function conversion(
  table: string,
  from: string,
  to: string,
  [up, down]: readonly [string, string],
): string {
  return (
    `  - convert_column:\n      table: ${table}\n      columns: [${from}]\n      to: [${to}]\n` +
    `      up: { ${to}: ${yaml(up)} }\n      down: { ${from}: ${yaml(down)} }`
  );
}

function splitChangesOf(model: Bare): string | null {
  const { oldTable, parts, columns, key } = model;
  const lines: string[] = [];
  const base = parts[0] as Part;
  if (parts.length === 1 && base.table !== oldTable) {
    lines.push(`  - rename_table: { table: ${oldTable}, to: ${base.table} }`);
  }
  const renamed = parts.length === 1 ? key : [];
  renamed.forEach((one, place) => {
    const to = base.key[place] ?? '';
    if (to !== one.name) lines.push(rename(oldTable, one.name, to));
  });
  for (const one of columns) {
    if (one.old === null || one.new === null) continue;
    if (one.up !== null) {
      lines.push(conversion(oldTable, one.old.name, one.new.name, [one.up, one.down ?? '']));
    } else if (one.old.name !== one.new.name) {
      lines.push(rename(oldTable, one.old.name, one.new.name));
    }
  }
  if (parts.length > 1) lines.push(splitOf(model));
  return lines.length === 0 ? null : `${lines.join('\n')}\n`;
}

function splitOf(model: Bare): string {
  return `  - split_table:\n      table: ${model.oldTable}\n      into:\n${entriesOf(model)}`;
}

/** The parts with their keys, and what decides whether they have a row. */
function entriesOf({ parts, columns, key }: Bare): string {
  const entries = parts.map((part, index) => {
    const pairs = part.key.map((name, place) => `${name}: ${key[place]?.name}`);
    const decider = columns.find((one) => one.decides && one.new?.part === index);
    const when = decider === undefined ? '' : `\n          when: ${decider.old?.name} is not null`;
    const stated = columns.flatMap(({ old, new: at, otherwise: value }) =>
      old === null || value === null || at?.part !== index ? [] : [`${old.name}: ${yaml(value)}`],
    );
    const otherwise = stated.length === 0 ? '' : `\n          otherwise: { ${stated.join(', ')} }`;
    return `        ${part.table}:\n          key: { ${pairs.join(', ')} }${when}${otherwise}`;
  });
  return entries.join('\n');
}

function rename(table: string, column: string, to: string): string {
  return `  - rename_column: { table: ${table}, column: ${column}, to: ${to} }`;
}

function yaml(expression: string): string {
  return JSON.stringify(expression);
}
