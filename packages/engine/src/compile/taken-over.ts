// How a column's values are taken over into a column of the other release: as they are where the
// type is the same, else by a cast. Labels of an enum go by their text, and by the names that the
// author gives them.
//
// A label that only the new release has is served to the old one as another that both have. That
// one does not come back, so the write is refused, as any that the old release cannot hold. A label
// that only the old release has fails to convert, and its row goes to quarantine.

import { type BaseTypes, baseTypes } from '../release/base-type.js';
import type { Catalog, Column } from '../release/catalog.js';
import type { Evolution, RenameLabel } from '../release/evolution.js';
import { elementOf, plainType, printed, typeUnder } from '../release/types-apart.js';
import { join, literal, name } from '../sql.js';
import { isLimited, isRelabelled } from './assigned.js';

export interface TypesOfBoth {
  readonly bases: BaseTypes;
  /** Labels of each enum, by the type as it is printed. */
  readonly oldLabels: ReadonlyMap<string, readonly string[]>;
  readonly newLabels: ReadonlyMap<string, readonly string[]>;
  /** What each domain is over. */
  readonly domains: ReadonlyMap<string, string>;
  /** Those whose own rules speak of null. */
  readonly required: ReadonlySet<string>;
  readonly renames: readonly RenameLabel[];
}

/** @param from with its own types put apart. */
export function typesOfBoth(from: Catalog, to: Catalog, evolution: Evolution): TypesOfBoth {
  const labelsOf = ({ enums }: Catalog) =>
    new Map(enums.map((one) => [printed(one.name), one.labels] as const));
  return {
    bases: baseTypes(from, to),
    oldLabels: labelsOf(from),
    newLabels: labelsOf(to),
    domains: new Map(
      [...from.domains, ...to.domains].map((one) => [printed(one.name), typeUnder(one.definition)]),
    ),
    required: new Set(
      [...from.domains, ...to.domains]
        .filter((one) => /\bnull\b/i.test(one.definition))
        .map((one) => printed(one.name)),
    ),
    renames: evolution.changes.filter((change) => change.kind === 'rename_label'),
  };
}

export function isSameType(left: Column, right: Column): boolean {
  return left.type === right.type && left.collation === right.collation;
}

/** `up` from the old release to the new one, `down` the other way. */
type Way = 'up' | 'down';

/** The value of `from` for `to`, as `assigned` takes it. */
export function takenOver(from: Column, to: Column, types: TypesOfBoth, way: Way): string {
  const value = name(from.name).text;
  if (isSameType(from, to) || isLimited(to.type, types.bases)) return value;
  const enums = enumsUnder(from, to, types, way);
  if (enums === null) return `(${value})::${to.type}`;
  const pairs = labelPairs(enums, types);
  const steps = way === 'up' ? upward(pairs) : downward(pairs, standFor(to, pairs, enums, types));
  const text = relabelled(value, enums.isArray, steps);
  return isRelabelled(to.type, types.bases) ? text : `(${text})::text::${to.type}`;
}

/** How the labels of two columns' enums go together; null where not both are of other enums. */
export function labelsBetween(
  old: Column,
  to: Column,
  types: TypesOfBoth,
): (LabelPairs & { readonly type: string }) | null {
  const enums = enumsUnder(old, to, types, 'up');
  return enums === null ? null : { ...labelPairs(enums, types), type: enums.new };
}

/** The enums under two columns. */
interface Enums {
  readonly old: string;
  readonly new: string;
  readonly isArray: boolean;
}

/** Null where not both are enums, or are one and the same. */
function enumsUnder(from: Column, to: Column, types: TypesOfBoth, way: Way): Enums | null {
  const [source, target] = [enumUnder(from.type, types), enumUnder(to.type, types)];
  if (source === null || target === null || source.name === target.name) return null;
  if (source.isArray !== target.isArray) return null;
  const [old, other] = way === 'up' ? [source, target] : [target, source];
  return { old: old.name, new: other.name, isArray: source.isArray };
}

function enumUnder(type: string, types: TypesOfBoth): { name: string; isArray: boolean } | null {
  const element = elementOf(type);
  const isArray = element !== type;
  if (types.oldLabels.has(element) || types.newLabels.has(element)) {
    return { name: element, isArray };
  }
  const under = types.domains.get(element);
  if (under === undefined) return null;
  const found = enumUnder(under, types);
  return found === null ? null : { name: found.name, isArray: isArray || found.isArray };
}

/** How the labels of two enums go together. */
export interface LabelPairs {
  /** Old label → new label, where there is one. */
  readonly up: ReadonlyMap<string, string>;
  /** New label → old label; of several the one of the same name. */
  readonly down: ReadonlyMap<string, string>;
  readonly onlyOld: readonly string[];
  readonly onlyNew: readonly string[];
}

export function labelPairs(
  enums: Pick<Enums, 'old' | 'new'>,
  { oldLabels, newLabels, renames }: TypesOfBoth,
): LabelPairs {
  const [before, after] = [oldLabels.get(enums.old) ?? [], newLabels.get(enums.new) ?? []];
  const own = renames.filter((one) => printed(one.type) === plainType(enums.old));
  const nameOf = (label: string) => own.find((one) => one.label === label)?.to ?? label;
  const up = new Map(
    before.map((label) => [label, nameOf(label)] as const).filter(([, to]) => after.includes(to)),
  );
  const down = new Map([...up].reverse().map(([label, to]) => [to, label] as const));
  for (const [label, to] of up) if (label === to) down.set(to, label);
  return {
    up,
    down,
    onlyOld: before.filter((label) => !up.has(label)),
    onlyNew: after.filter((label) => !down.has(label)),
  };
}

interface LabelSteps {
  /** Label → what it is called on the other side, where that differs. */
  readonly renamed: readonly (readonly [string, string])[];
  /** Labels that the other side lacks, and the value that stands for them there. */
  readonly missing: readonly string[];
  readonly stand: string;
}

function upward({ up }: LabelPairs): LabelSteps {
  return { renamed: [...up].filter(isRenamed), missing: [], stand: '' };
}

function downward({ down, onlyNew }: LabelPairs, stand: string | null): LabelSteps {
  const missing = stand === null ? [] : onlyNew;
  return { renamed: [...down].filter(isRenamed), missing, stand: stand ?? '' };
}

function isRenamed([label, other]: readonly [string, string]): boolean {
  return label !== other;
}

/**
 * What the old release's rules take, if anything does: what they say should not be what the writer
 * reads. Null where no label is in both releases.
 */
function standFor(
  { notNull, type, default: given }: Column,
  { up }: LabelPairs,
  { isArray }: Enums,
  types: TypesOfBoth,
): string | null {
  if (up.size === 0) return null;
  if (!notNull && mayBeNull(type, types)) return 'null';
  if (isArray) return "'{}'::text[]";
  const [, constant] = /^'((?:[^']|'')*)'::/.exec(given ?? '') ?? [];
  const usual = constant?.replaceAll("''", "'") ?? '';
  const [first = ''] = up.keys();
  return literal(up.has(usual) ? usual : first).text;
}

function mayBeNull(
  type: string,
  { domains, required }: Pick<TypesOfBoth, 'domains' | 'required'>,
): boolean {
  const under = domains.get(type);
  return under === undefined || (!required.has(type) && mayBeNull(under, { domains, required }));
}

function relabelled(value: string, isArray: boolean, steps: LabelSteps): string {
  const { renamed, missing, stand } = steps;
  if (renamed.length + missing.length === 0) return value;
  const text = (label: string) => literal(label).text;
  if (isArray) return relabelledArray(`(${value})::text[]`, steps);
  const cases = [
    ...renamed.map(([label, other]) => `when ${text(label)} then ${text(other)}`),
    ...missing.map((label) => `when ${text(label)} then ${stand}`),
  ];
  return `case (${value})::text ${cases.join(' ')} else (${value})::text end`;
}

/** Elements one label after the other; by way of another text where names are exchanged. */
function relabelledArray(value: string, { renamed, missing, stand }: LabelSteps): string {
  const text = (label: string) => literal(label).text;
  const replaced = (array: string, one: string, by: string) =>
    `array_replace(${array}, ${text(one)}, ${text(by)})`;
  const known = new Set(renamed.flat());
  const interim = renamed.map((_, index) => {
    let called = `${index}`;
    while (known.has(called)) called += '?';
    return called;
  });
  const isExchanged = renamed.some(([, to]) => renamed.some(([label]) => label === to));
  const all = isExchanged
    ? [
        ...renamed.map(([label], index) => [label, interim[index] ?? ''] as const),
        ...renamed.map(([, to], index) => [interim[index] ?? '', to] as const),
      ]
    : renamed;
  const result = all.reduce((array, [one, by]) => replaced(array, one, by), value);
  if (missing.length === 0) return result;
  const list = join(missing.map(literal));
  return `case when ${value} && array[${list}] then ${stand} else ${result} end`;
}
