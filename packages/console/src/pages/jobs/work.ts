// What a job is to do: from the fields of its form to what the API is asked, and to the words of
// the command line that does the same.

import type { Job } from '@halflap/server';
import { textOf } from '../../state/field-values';

export const WORK_KINDS = ['packages', 'service', 'command', 'file'] as const;
export type WorkKind = (typeof WORK_KINDS)[number];
export type Work = Job['work'];

export const PACKAGE_ACTIONS = [
  'upgrade',
  'install',
  'downgrade',
  'remove',
  'hold',
  'unhold',
] as const;
export const SERVICE_ACTIONS = ['restart', 'start', 'stop', 'reload', 'enable', 'disable'] as const;

export function workOf(kind: WorkKind, fields: FormData): Work {
  const text = (name: string) => textOf(fields, name);
  switch (kind) {
    case 'packages':
      return {
        kind,
        action: text('action') as Extract<Work, { kind: 'packages' }>['action'],
        packages: wordsOf(text('packages')).map((word) => {
          const [name = '', version = null] = word.split('=');
          return { name, version };
        }),
        onlySecurity: fields.has('onlySecurity'),
        simulate: fields.has('simulate'),
      };
    case 'service':
      return {
        kind,
        action: text('action') as Extract<Work, { kind: 'service' }>['action'],
        service: text('service'),
      };
    case 'command': {
      const [program = '', ...args] = wordsOf(text('command'));
      const user = text('user') || null;
      return { kind, program, args, user, directory: text('directory') || null, environment: {} };
    }
    case 'file':
      return { kind, path: text('path'), ...expectedOf(text) };
    default:
      return kind satisfies never;
  }
}

const EXPECTED = ['sha256', 'contains', 'mode', 'owner'] as const;

function expectedOf(text: (name: string) => string): Record<string, string> {
  const given = EXPECTED.filter((name) => text(name) !== '');
  return Object.fromEntries(given.map((name) => [name, text(name)]));
}

/** Words as a shell splits them: quotes keep blanks. Nothing is replaced. */
export function wordsOf(text: string): string[] {
  return [...text.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, (_, double, single) => double ?? single),
  );
}

/** After `halflap jobs run`, before the filters of the hosts. */
export function workWords(work: Work): string[] {
  switch (work.kind) {
    case 'packages':
      return [
        ...['packages', work.action],
        ...work.packages.map(({ name, version }) =>
          version === null ? name : `${name}=${version}`,
        ),
        ...(work.onlySecurity ? ['--only-security'] : []),
        ...(work.simulate ? ['--simulate'] : []),
      ];
    case 'service':
      return ['service', work.action, work.service];
    case 'command':
      return [
        'command',
        ...(work.user === null ? [] : ['--user', work.user]),
        ...(work.directory === null ? [] : ['--directory', work.directory]),
      ];
    case 'file':
      return [
        ...['file', work.path],
        ...EXPECTED.flatMap((name) => {
          const value = work[name];
          return value === undefined ? [] : [`--${name}`, value];
        }),
      ];
    default:
      return work satisfies never;
  }
}

/** What comes last: a command begins where the options of halflap end. */
export function lastWords(work: Work): string[] {
  return work.kind === 'command' ? ['--', work.program, ...work.args] : [];
}

/** What people read: `upgrade openssl`. */
export function workText(work: Work): string {
  switch (work.kind) {
    case 'packages': {
      const names = work.packages.map(({ name, version }) =>
        version === null ? name : `${name} ${version}`,
      );
      const all = work.onlySecurity ? 'all security fixes' : 'all packages';
      const what = names.length === 0 ? all : names.join(', ');
      return `${work.simulate ? 'simulate: ' : ''}${work.action} ${what}`;
    }
    case 'service':
      return `${work.action} ${work.service}`;
    case 'command':
      return [work.program, ...work.args].join(' ');
    case 'file':
      return `check ${work.path}`;
    default:
      return work satisfies never;
  }
}
