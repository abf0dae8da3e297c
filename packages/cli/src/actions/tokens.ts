// What `halflap tokens …` does.

import type { EnrolmentToken } from '@halflap/server';
import type { Command } from 'commander';
import { withServer } from '../api/connect.js';
import { labelsText } from '../api/find-host.js';
import { findNamed } from '../api/find-named.js';
import { OPERATIONS } from '../api/operations.js';
import type { ListOptions } from '../api/pages.js';
import { readLabels } from '../api/pairs.js';
import { type Column, showList } from '../api/show-list.js';
import { type Colors, count, utc } from '../print.js';

export async function list(options: ListOptions, command: Command): Promise<void> {
  await withServer(command, (client, printer) =>
    showList(client, printer, {
      operation: OPERATIONS.listEnrolmentTokens,
      options,
      noun: ['token', 'tokens'],
      columns: columns(printer.colors),
    }),
  );
}

interface CreateOptions {
  readonly label?: readonly string[];
  readonly uses?: number;
  readonly expires: number;
  readonly approval?: boolean;
}

export async function create(
  name: string,
  { label = [], uses, expires, approval }: CreateOptions,
  command: Command,
): Promise<void> {
  const labels = readLabels(label);
  await withServer(command, async (client, printer) => {
    const made = await client.ask(OPERATIONS.createEnrolmentToken, {
      body: {
        ...{ name, labels, needsApproval: approval, maxUses: uses },
        expiresInSeconds: Math.round(expires / 1000),
      },
    });
    const { pin } = await client.ask(OPERATIONS.showAuthority, {});
    printer.json({ ...made, pin });
    printer.line(made.token);
    printer.note(`nothing shows this token again; the authority of the cluster is ${pin}`);
    printer.note(`on a host: halflap agent --enrol TOKEN --ca-pin ${pin} --server HOST:PORT`);
  });
}

export async function revoke(name: string, _options: object, command: Command): Promise<void> {
  await withServer(command, async (client, printer) => {
    const token = await findNamed(client, name, {
      what: 'enrolment token',
      operation: OPERATIONS.listEnrolmentTokens,
      about: ({ state, prefix }: EnrolmentToken) => `${prefix}…  ${state}`,
    });
    await client.ask(OPERATIONS.revokeEnrolmentToken, { params: { id: token.id } });
    printer.json({ id: token.id, revoked: true });
    printer.line(`${token.name}: revoked`);
  });
}

function columns(colors: Colors): Column<EnrolmentToken>[] {
  const stateText = (state: EnrolmentToken['state']) =>
    state === 'usable' ? colors.green(state) : colors.dim(state);
  return [
    { title: 'name', cell: ({ name }) => name },
    { title: 'id', cell: ({ id }) => id },
    { title: 'state', cell: ({ state }) => stateText(state) },
    { title: 'used', cell: ({ uses, maxUses }) => `${count(uses)} of ${count(maxUses)}` },
    { title: 'expires (UTC)', cell: ({ expiresAt }) => utc(new Date(expiresAt)).slice(0, 16) },
    { title: 'approval', cell: ({ needsApproval }) => (needsApproval ? 'needed' : '') },
    { title: 'labels', cell: ({ labels }) => labelsText(labels) },
    { title: 'made by', cell: ({ madeBy }) => madeBy },
  ];
}
