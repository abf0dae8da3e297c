// What `halflap audit …` does.

import { EXIT } from '@halflap/protocol';
import type { AuditEntry } from '@halflap/server';
import type { Command } from 'commander';
import { withServer } from '../api/connect.js';
import { OPERATIONS } from '../api/operations.js';
import type { ListOptions } from '../api/pages.js';
import { type Column, showList } from '../api/show-list.js';
import { type Colors, count, utc } from '../print.js';

interface Options extends ListOptions {
  readonly actor?: string;
  readonly act?: string;
  readonly target?: string;
  readonly outcome?: string;
}

export async function list(options: Options, command: Command): Promise<void> {
  const { actor, act, target, outcome } = options;
  await withServer(command, (client, printer) =>
    showList(client, printer, {
      operation: OPERATIONS.listAudit,
      query: { actor, act, target, outcome },
      options,
      noun: ['entry', 'entries'],
      columns: columns(printer.colors),
    }),
  );
}

export async function verify(_options: object, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const verified = await client.ask(OPERATIONS.verifyAudit, {});
    const { ok, entries, broken, head } = verified;
    printer.json(verified);
    const whole = `${count(entries)} entries are as they were written`;
    printer.line(`${ok ? printer.colors.green('whole:') : printer.colors.red('broken:')} ${whole}`);
    if (broken !== null) printer.line(`entry ${broken.number}: ${broken.reason}`);
    printer.line(`head: entry ${head.number}, ${head.hash}`);
    if (!ok) process.exitCode = EXIT.refused;
  });
}

function columns(colors: Colors): Column<AuditEntry>[] {
  const paint = {
    ...{ intended: colors.dim, done: String, refused: colors.yellow, failed: colors.red },
  } as const;
  return [
    { title: 'entry', cell: ({ number }) => number },
    { title: 'at (UTC)', cell: ({ at }) => utc(new Date(at)) },
    { title: 'by', cell: ({ actor }) => actor },
    { title: 'from', cell: ({ address }) => address },
    { title: 'act', cell: ({ act }) => act },
    { title: 'target', cell: ({ target }) => target },
    { title: 'outcome', cell: ({ outcome }) => paint[outcome](outcome) },
    { title: 'detail', cell: ({ detail }) => detailText(detail) },
  ];
}

function detailText(detail: object): string {
  const text = JSON.stringify(detail);
  return text === '{}' ? '' : text;
}
