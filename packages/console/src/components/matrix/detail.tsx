// What is said of the one cell or head that somebody has chosen: what it is, why it is blocked, and
// what would unblock it.

import { Link } from 'wouter';
import { Facts } from '../facts';
import { LOOKS, StateMark } from './looks';
import { type Blocked, type MatrixData, type MatrixHead, type Place, UNTOLD } from './model';

interface Props {
  readonly data: MatrixData;
  readonly place: Place;
}

export function Detail({ data, place: { row, column } }: Props) {
  const server = data.servers[row];
  const shard = data.shards[column];
  if (server !== undefined && shard !== undefined) {
    const { state, note, blocked } = data.cellOf(server.id, shard.id) ?? UNTOLD;
    return (
      <Facts
        of={{
          [`${server.name} with ${shard.name}`]: <StateMark state={state} />,
          'That means': LOOKS[state].means,
          Server: headText(server),
          Shard: headText(shard),
          Besides: note,
          More: pageOf(shard),
          ...blockedFacts(blocked),
        }}
      />
    );
  }
  const head = server ?? shard;
  if (head === undefined) return null;
  const kind = server === undefined ? 'Shard' : 'Server';
  return (
    <Facts
      of={{
        ...{ [kind]: head.name, Now: headText(head), More: pageOf(head) },
        ...blockedFacts(head.blocked),
      }}
    />
  );
}

function pageOf({ name, path }: MatrixHead) {
  return path === undefined ? undefined : <Link href={path}>{`All about ${name}`}</Link>;
}

export function headText({ release, phase }: MatrixHead): string {
  return [release ?? 'release not known', phase ?? 'phase not known'].join(', ');
}

function blockedFacts(blocked: Blocked | undefined): Record<string, string> {
  if (blocked === undefined) return {};
  return { 'Why it is blocked': blocked.why, 'What unblocks it': blocked.unblock };
}
