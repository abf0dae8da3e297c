// House style as a test. What the linter can check is in biome.json (sizes of files and functions,
// numbers of parameters, names of TypeScript files, enum, any, default exports, console,
// process.env); here is the rest. Every finding names file and line.

import { describe, expect, it } from 'vitest';
import { isTest, lineOf, type Source, sources } from './sources.js';

interface Rule {
  readonly promise: string;
  readonly appliesTo: (path: string) => boolean;
  /** Lines at fault, counted from 1. */
  readonly faults: (source: Source) => number[];
  /** What the rule must find, so that it cannot fall silent. */
  readonly bad: Source;
}

const MAX_COLUMNS = 100;
const MAX_HEAD_LINES = 20;
const MAX_SQL_LINES = 400;

const isTypeScript = (path: string) => /\.tsx?$/.test(path);
const isSql = (path: string) => path.endsWith('.sql');
const isLibrary = (path: string) => /^packages\/(?!cli\/)[^/]+\/src\//.test(path) && !isTest(path);

const BUCKETS = /(?:^|\/)(?:utils?|helpers?|types|interfaces|common|libs?|misc)(?:\/|\.[a-z]+$)/;
const KEBAB_CASE = /^[a-z0-9]+(?:[-.][a-z0-9]+)*$/;
const LOUD_KEYWORD =
  /\b(?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|FROM|WHERE|BEGIN|RETURN)\b/;

const RULES: readonly Rule[] = [
  {
    promise: 'every source file begins with a comment that says what it is for',
    appliesTo: (path) => (isTypeScript(path) && !path.endsWith('.test.ts')) || isSql(path),
    faults: ({ path, text }) => {
      const mark = isSql(path) ? '--' : '//';
      const lines = text.split('\n');
      const start = lines[0]?.startsWith('#!') ? 1 : 0;
      const end = lines.findIndex((line, index) => index >= start && !line.startsWith(mark));
      return end > start && end - start <= MAX_HEAD_LINES ? [] : [1];
    },
    bad: { path: 'packages/x/src/a.ts', text: "import 'node:fs';\n" },
  },
  {
    promise: `no line is longer than ${MAX_COLUMNS} columns, but for addresses`,
    appliesTo: (path) => isTypeScript(path) || (isSql(path) && !path.startsWith('examples/')),
    faults: linesWhere((line) => [...line.replace(/https?:\S+/g, '')].length > MAX_COLUMNS),
    bad: { path: 'packages/x/src/a.ts', text: `// ${'word '.repeat(20)}` },
  },
  {
    promise: 'no name says only that the file is a bucket',
    appliesTo: (path) => isTypeScript(path) || isSql(path),
    faults: ({ path }) => (BUCKETS.test(path) ? [1] : []),
    bad: { path: 'packages/x/src/utils.ts', text: '' },
  },
  {
    promise: 'files and directories are named in kebab-case',
    appliesTo: (path) => isTypeScript(path) || isSql(path),
    faults: ({ path }) => (path.split('/').every((part) => KEBAB_CASE.test(part)) ? [] : [1]),
    bad: { path: 'packages/x/src/loadAll.sql', text: '' },
  },
  {
    promise: 'a library neither ends the process nor writes to its streams',
    appliesTo: (path) => isTypeScript(path) && isLibrary(path),
    faults: linesWhere((line) => /\bprocess\.(?:exit\b|abort\b|stdout\b|stderr\b)/.test(line)),
    bad: { path: 'packages/x/src/a.ts', text: '\nprocess.exit(1);' },
  },
  {
    // A release is one file, as a dump is.
    promise: `a file of SQL has at most ${MAX_SQL_LINES} lines, but for a release`,
    appliesTo: (path) =>
      isSql(path) && path.startsWith('packages/') && !path.endsWith('/schema.sql'),
    faults: ({ text }) => (text.split('\n').length > MAX_SQL_LINES + 1 ? [MAX_SQL_LINES + 1] : []),
    bad: { path: 'packages/x/src/a.sql', text: '\n'.repeat(MAX_SQL_LINES + 1) },
  },
  {
    promise: 'SQL keywords are in lower case',
    appliesTo: (path) => isSql(path) && path.startsWith('packages/') && !isTest(path),
    faults: linesWhere((line) => LOUD_KEYWORD.test(line.replace(/--.*|'[^']*'/g, ''))),
    bad: { path: 'packages/x/src/a.sql', text: 'SELECT 1;' },
  },
  {
    promise: 'no file speaks of the machine it was written on',
    appliesTo: (path) => !isTest(path) && path !== 'package-lock.json',
    faults: linesWhere((line) => /(?:^|[^\w.-])\/(?:work|tmp|root|home\/\w+)\//.test(line)),
    bad: { path: 'README.md', text: '\ncd /tmp/halflap' },
  },
  {
    promise: 'the lock file names no registry but the public one',
    appliesTo: (path) => path === 'package-lock.json',
    faults: linesWhere((line) => /"resolved": "https?:\/\/(?!registry\.npmjs\.org\/)/.test(line)),
    bad: { path: 'package-lock.json', text: '"resolved": "https://mirror.example/a.tgz"' },
  },
  {
    promise: 'every error of ours says what to do next',
    appliesTo: (path) => /^packages\/.*\.ts$/.test(path) && !isTest(path),
    faults: errorsWithoutHint,
    bad: { path: 'packages/x/src/a.ts', text: "throw new HalflapError('A', f(b), { detail });" },
  },
  {
    promise: 'nothing is marked as to be done later',
    appliesTo: (path) => isTypeScript(path) || isSql(path),
    faults: linesWhere((line) => /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/.test(line)),
    bad: { path: 'packages/x/src/a.ts', text: ['// TO', 'DO'].join('') },
  },
];

describe('the sources', () => {
  const all = sources();

  for (const rule of RULES) {
    it(rule.promise, () => {
      const findings = all
        .filter(({ path }) => rule.appliesTo(path))
        .flatMap((source) => rule.faults(source).map((line) => `${source.path}:${line}`));
      expect(findings).toEqual([]);
    });
  }

  it('include this file', () => {
    expect(all.map(({ path }) => path)).toContain('test/tidy.test.ts');
  });
});

describe('each rule', () => {
  for (const { promise, appliesTo, faults, bad } of RULES) {
    it(`finds the breach of: ${promise}`, () => {
      expect(appliesTo(bad.path)).toBe(true);
      expect(faults(bad)).toHaveLength(1);
    });
  }
});

function linesWhere(isFault: (line: string) => boolean): (source: Source) => number[] {
  return ({ text }) => {
    const lines = text.split('\n');
    return lines.flatMap((line, index) => (isFault(line) ? [index + 1] : []));
  };
}

function errorsWithoutHint({ text }: Source): number[] {
  const starts = [...text.matchAll(/new HalflapError\(/g)].map((match) => match.index);
  return starts
    .filter((start) => !/\bhint\b/.test(callAt(text, start)))
    .map((start) => lineOf(text, start));
}

/** From the name of what is called to its closing parenthesis. */
function callAt(text: string, start: number): string {
  let depth = 0;
  for (let at = text.indexOf('(', start); at < text.length; at += 1) {
    if (text[at] === '(') depth += 1;
    if (text[at] === ')') depth -= 1;
    if (depth === 0) return text.slice(start, at + 1);
  }
  return text.slice(start);
}

describe('lineOf', () => {
  it('counts from 1', () => {
    expect([lineOf('a\nb', 0), lineOf('a\nb', 2)]).toEqual([1, 2]);
  });
});
