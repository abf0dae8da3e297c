// What an operator demands of a campaign beyond safety, which nobody can switch off.

import { type Static, Type } from 'typebox';
import { Window } from './windows.js';

const HOUR = 3600;
const DAY = 24 * HOUR;

const seconds = (most: number, fallback: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: most, default: fallback, description });

export const Policy = Type.Object(
  {
    canaryServer: Type.Optional(Type.String({ description: 'The server that goes first, alone.' })),
    canaryShard: Type.Optional(Type.String({ description: 'The shard that goes first.' })),
    maxUnavailable: Type.Integer({
      minimum: 1,
      maximum: 1000,
      default: 1,
      description: 'Servers that may be away at once, those included that nobody has taken away.',
    }),
    windows: Type.Array(Window, {
      maxItems: 50,
      default: [],
      description: 'Steps begin only within one of them; without any, at any time.',
    }),
    soakSeconds: seconds(30 * DAY, 0, 'How long a step has to hold before the next one begins.'),
    healthSeconds: seconds(DAY, 300, 'How long a server may take until it is healthy.'),
    deadlineSeconds: seconds(
      30 * DAY,
      HOUR,
      'How long a server may take in all, and a shard may be out of reach.',
    ),
    stopAtQuarantine: Type.Integer({
      minimum: 0,
      default: 0,
      description: 'More rows than these in quarantine, of all shards, stop the campaign.',
    }),
  },
  { additionalProperties: false },
);
export type Policy = Static<typeof Policy>;

export const DEFAULT_POLICY: Policy = {
  maxUnavailable: 1,
  windows: [],
  soakSeconds: 0,
  healthSeconds: 300,
  deadlineSeconds: HOUR,
  stopAtQuarantine: 0,
};
