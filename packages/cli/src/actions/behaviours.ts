// What `halflap behaviours list` does: every retained behaviour with its use and its end.

import { type BehaviourReport, readBehaviours } from '@halflap/engine/runner';
import type { Command } from 'commander';
import { harmless } from '../api/harmless.js';
import { contextOf } from '../context.js';
import type { ShardOptions } from '../options.js';
import { count } from '../print.js';
import { selectShards } from '../select-shards.js';
import { table } from '../table.js';

export async function list(options: ShardOptions, command: Command): Promise<void> {
  const { printer, config } = contextOf(command);
  const behaviours = await readBehaviours(selectShards(config(), options), new Date());
  printer.json({ behaviours });
  printer.line(
    behaviours.length === 0
      ? 'no server that lives has a retained behaviour'
      : table(HEAD, behaviours.map(shownCells), printer.width),
  );
  for (const { behaviour, warning } of behaviours) {
    if (warning !== null) printer.note(harmless(`warning: ${behaviour} ${warning}`));
  }
}

const HEAD = [
  'behaviour',
  'changed in',
  'retained',
  'changed',
  'last retained',
  'expires',
  'about',
];

function cells({ behaviour, declared, uses, lastRetained }: BehaviourReport): string[] {
  return [
    behaviour,
    declared?.changed ?? '?',
    count(uses.retained),
    count(uses.changed),
    lastRetained?.toISOString().slice(0, 10) ?? 'never',
    declared?.expires ?? '',
    declared?.about ?? '',
  ];
}

/** What servers say of themselves and of messages is nobody's word but theirs. */
function shownCells(one: BehaviourReport): string[] {
  return cells(one).map(harmless);
}
