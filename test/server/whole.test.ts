// The whole of it as its users start it: a server with nothing but a directory, a user, a token, an
// agent on this machine, and packages of this machine changed by jobs while both are restarted.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  canInstall,
  makeRepository,
} from '../../packages/agent/src/orders/testing/apt-repository.js';
import { ROOT } from '../docs/page.js';
import { packageCampaign } from './package-campaign.js';

const PROGRAM = join(ROOT, 'packages/cli/bin/halflap.js');
const PACKAGE = `halflap-test-${process.pid}-whole`;

let directory: string;
let inside: readonly string[];
let server: Started;
let agent: Started;

interface Started {
  readonly child: ChildProcess;
  /** The lines of JSON that it prints, as they come; the next that fits. */
  line(fits: (line: Line) => boolean): Promise<Line>;
}

type Line = Readonly<Record<string, unknown>>;

beforeAll(async () => {
  directory = await fs.mkdtemp('/tmp/halflap-whole-');
  await fs.chmod(directory, 0o711);
  inside = await makeRepository(directory, [
    { name: PACKAGE, version: '1.0' },
    { name: PACKAGE, version: '2.0' },
  ]);
});

afterAll(async () => {
  await Promise.all([agent, server].map((one) => one && end(one, 'SIGTERM')));
  execFileSync('dpkg', ['--purge', '--force-all', PACKAGE], { stdio: 'ignore' });
  await fs.rm(directory, { recursive: true, force: true });
});

const environment = () => ({
  PATH: process.env.PATH ?? '',
  HOME: directory,
  XDG_CONFIG_HOME: join(directory, 'config'),
});

function start(words: readonly string[], before: readonly string[] = []): Started {
  const [program = '', ...rest] = [...before, process.execPath, PROGRAM, '--json', ...words];
  const child = spawn(program, rest, {
    env: environment(),
    cwd: directory,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout as NonNullable<typeof child.stdout> }).on(
    'line',
    (text) => {
      lines.push(JSON.parse(text) as Line);
      for (const wake of waiting) wake();
    },
  );
  const line: Started['line'] = async (fits) => {
    for (;;) {
      const at = lines.findIndex(fits);
      if (at >= 0) return lines.splice(0, at + 1).at(-1) ?? {};
      if (child.exitCode !== null) throw new Error(`it has ended with ${child.exitCode}`);
      await new Promise<void>((resolve) => {
        const wake = () => {
          waiting.delete(wake);
          resolve();
        };
        waiting.add(wake);
        child.once('exit', wake);
      });
    }
  };
  return { child, line };
}

async function end({ child }: Started, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}

/** Runs to its end. @returns the lines of JSON that it has printed. */
async function halflap(...words: string[]): Promise<{ exitCode: number | null; lines: Line[] }> {
  const child = spawn(process.execPath, [PROGRAM, '--json', ...words], {
    env: environment(),
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  const lines = text.split('\n').filter((line) => line !== '');
  return { exitCode, lines: lines.map((line) => JSON.parse(line) as Line) };
}

/** Looks until it holds; not too often, since each look is a process. */
async function until(look: () => Promise<Line | undefined>, holds: (found: Line) => boolean) {
  for (;;) {
    const found = await look();
    if (found !== undefined && holds(found)) return found;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** The first server takes any ports, those after it the same ones. */
const ports = { listen: 0, agents: 0 };

async function serve(): Promise<Line> {
  const at = (option: 'listen' | 'agents') => [`--${option}`, `127.0.0.1:${ports[option]}`];
  server = start(['serve', '--data', join(directory, 'data'), ...at('listen'), ...at('agents')]);
  const served = await server.line(({ event }) => event === 'served');
  ports.listen = Number(new URL(String(served.address)).port);
  ports.agents = Number(served.agents);
  return served;
}

const agentWords = () => [
  ...['agent', '--server', `localhost:${ports.agents}`, '--state', join(directory, 'agent')],
  ...['--policy', join(directory, 'policy.yaml')],
];

const isOpen = ({ state }: Line) => state === 'open';

async function show(): Promise<Line | undefined> {
  const { exitCode, lines } = await halflap('hosts', 'show', hostname());
  return exitCode === 0 ? (lines[0]?.host as Line | undefined) : undefined;
}

function installed(): string {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query replaces it.
  return execFileSync('dpkg-query', ['--show', '--showformat=${Version}', PACKAGE], {
    encoding: 'utf8',
  });
}

const transaction = (action: string, version: string) =>
  halflap(
    'jobs',
    'run',
    'packages',
    action,
    `${PACKAGE}=${version}`,
    '--host',
    hostname(),
    '--yes',
  );

describe.skipIf(!canInstall())('the application', () => {
  it('shows this machine through API and command line', async () => {
    const served = await serve();
    await fs.writeFile(join(directory, 'setup'), `${served.setupToken}\n`);
    await fs.writeFile(join(directory, 'password'), 'correct horse battery staple\n');
    const login = ['login', '--server', String(served.address), '--setup', 'setup'];
    expect(await halflap(...login, '--user', 'anna', '--password-file', 'password')).toMatchObject({
      exitCode: 0,
    });
    const { lines } = await halflap('tokens', 'create', 'first', '--label', 'env=test');
    await fs.writeFile(join(directory, 'token'), `${lines[0]?.token}\n`);
    const enrol = ['--enrol-file', 'token', '--ca-pin', String(served.pin)];
    agent = start([...agentWords(), ...enrol], inside);
    await agent.line(isOpen);
    const host = await until(show, ({ packages }) => Number((packages as Line).installed) > 0);
    expect(host).toMatchObject({
      ...{ hostname: hostname(), state: 'active', online: true, labels: { env: 'test' } },
    });
  });

  it('installs, upgrades and downgrades a package by jobs, across a restart of both', async () => {
    expect(await transaction('install', '1.0')).toMatchObject({ exitCode: 0 });
    expect(installed()).toBe('1.0');
    await Promise.all([end(agent, 'SIGKILL'), end(server, 'SIGKILL')]);
    await serve();
    agent = start(agentWords(), inside);
    await agent.line(isOpen);
    expect(await transaction('upgrade', '2.0')).toMatchObject({ exitCode: 0 });
    expect(installed()).toBe('2.0');
    expect(await transaction('downgrade', '1.0')).toMatchObject({ exitCode: 0 });
    expect(installed()).toBe('1.0');
    const version = async () =>
      (await halflap('packages', 'list', '--host', hostname(), '--search', PACKAGE)).lines[0];
    await until(version, (found) => JSON.stringify(found).includes('"1.0"'));
  });

  it('upgrades a cluster through its packages, and finds what apt has done', async () => {
    const restart = join(directory, 'restart');
    const script = `#!/bin/sh\necho "$1" >> ${directory}/restarts\n`;
    await fs.writeFile(restart, script, { mode: 0o755 });
    await fs.writeFile(
      join(directory, 'policy.yaml'),
      `allow: { packages: true, command: { programs: [${restart}] } }\n`,
    );
    const { lines } = await halflap('api-tokens', 'create', 'campaigns', '--role', 'operator');
    await packageCampaign({
      ...{ address: `http://127.0.0.1:${ports.listen}`, token: String(lines[0]?.token) },
      ...{ package: PACKAGE, restart, inside, installed },
      async away(work) {
        await end(agent, 'SIGTERM');
        work();
        agent = start(agentWords(), inside);
        await agent.line(isOpen);
      },
    });
    const restarts = await fs.readFile(join(directory, 'restarts'), 'utf8');
    expect(restarts, 'once for each way').toBe('2.0\n1.0\n');
  });

  it('refuses what the policy of the host does not allow, and writes down who asked', async () => {
    const words = ['jobs', 'run', 'command', '--host', hostname(), '--yes', '--', 'true'];
    const { exitCode } = await halflap(...words);
    expect(exitCode).toBe(3);
    const { lines } = await halflap('audit', 'list');
    expect(JSON.stringify(lines)).toContain('job.create');
    expect((await halflap('audit', 'verify')).exitCode).toBe(0);
  });
});
