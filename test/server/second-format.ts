// Envelopes of the bus as a next release might write them: other names, and more.

import type { EnvelopeFormat } from '@halflap/server';

export const SECOND: EnvelopeFormat = {
  write: ({ id, topic, key, at, body }) => ({
    message: { uid: id, subject: topic, partition: key, sentMs: at.getTime() },
    body,
    region: 'eu',
  }),
  read(envelope) {
    const { message, body } = envelope as {
      message: { uid: string; subject: string; partition: string | null; sentMs: number };
      body: unknown;
    };
    const { uid: id, subject: topic, partition: key, sentMs } = message;
    return { id, topic, key, at: new Date(sentMs), body };
  },
};
