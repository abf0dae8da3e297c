// The process of a load generator: several clients, one ledger, driven by the demonstration over
// IPC.

import { Balancer } from './balancer.js';
import { runClient, type World } from './client.js';
import { ask, closeConnections } from './http-client.js';
import { Ledger } from './ledger.js';
import type { Command, Event, GeneratorConfig } from './messages.js';
import { seeded } from './random.js';
import { Sampler } from './sampler.js';

const TICK_MS = 100;

const ledger = new Ledger();
const balancer = new Balancer();
const sampler = new Sampler();
const stopping = new AbortController();
let pause: { promise: Promise<void>; resume: () => void } | undefined;

process.on('message', (command: Command) => void obey(command));
process.on('disconnect', stop);
// Ctrl-C reaches the whole process group; the demonstration decides when to stop.
process.on('SIGINT', () => {});
process.on('SIGTERM', stop);
tell({ kind: 'ready' });

async function obey(command: Command): Promise<void> {
  switch (command.kind) {
    case 'start':
      balancer.setTargets(command.targets);
      return start(command.config);
    case 'targets':
      return balancer.setTargets(command.targets);
    case 'drain':
      await balancer.drain(command.server);
      return tell({ kind: 'drained', server: command.server });
    case 'pause':
      pause ??= pending();
      sampler.stopClock();
      await balancer.quiet();
      return tell({ kind: 'paused' });
    case 'resume':
      sampler.startClock();
      pause?.resume();
      pause = undefined;
      return;
    case 'report':
      return tell(ledger.report());
    default:
      command satisfies never;
  }
}

function start(config: GeneratorConfig): void {
  const world: World = {
    config,
    ledger,
    balancer,
    async send(target, method, path, body) {
      const begun = performance.now();
      const reply = await ask(target.port, method, path, body);
      sampler.answered(target, reply, performance.now() - begun);
      return reply;
    },
    contradiction: (text) => sampler.contradiction(text),
    failure: (text) => sampler.failure(text),
    mayGoOn: () => pause?.promise ?? Promise.resolve(),
  };
  sampler.startClock();
  for (let client = 0; client < config.clients; client += 1) {
    const random = seeded(config.seed * 7919 + config.generator * 101 + client);
    void runClient(world, random, stopping.signal);
  }
  setInterval(() => tell(sampler.tick(ledger.acknowledged)), TICK_MS).unref();
}

function pending(): { promise: Promise<void>; resume: () => void } {
  let resume = () => {};
  const promise = new Promise<void>((resolve) => {
    resume = resolve;
  });
  return { promise, resume };
}

function tell(event: Event): void {
  if (process.connected) process.send?.(event);
}

function stop(): void {
  stopping.abort();
  pause?.resume();
  closeConnections();
  if (process.connected) process.disconnect();
}
