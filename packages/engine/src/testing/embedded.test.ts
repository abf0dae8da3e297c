import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, inject, it } from 'vitest';
import { connect, withSession } from '../pg.js';
import { type PostgresServer, startPostgres, withPostgres } from './embedded.js';
import { findInstallations, serverUser } from './installation.js';

const ask = async (server: PostgresServer, text: string) =>
  withSession(server.url('postgres'), 'test', (session) => session.query(text));

/** The data directory of a server, and the process ids of it and its children, as it tells them. */
async function traces(server: PostgresServer): Promise<{ directory: string; ids: number[] }> {
  const [row] = await ask(server, "select current_setting('data_directory') as directory");
  const backends = await ask(server, 'select pid from pg_stat_activity where pid is not null');
  const directory = String(row?.directory);
  const postmaster = Number(
    (await fs.readFile(join(directory, 'postmaster.pid'), 'utf8')).split('\n')[0],
  );
  return { directory, ids: [postmaster, ...backends.map((backend) => Number(backend.pid))] };
}

const exists = (path: string) =>
  fs.stat(path).then(
    () => true,
    () => false,
  );

/** Processes by state; a dead one that nobody has reaped yet counts as gone. */
async function living(ids: readonly number[]): Promise<number[]> {
  const states = execFileSync('ps', ['-A', '-o', 'pid=,state='], { encoding: 'utf8' });
  const rows = states.split('\n').map((line) => line.trim().split(/\s+/));
  const alive = new Set(rows.filter(([, state]) => state !== 'Z').map(([id]) => Number(id)));
  return ids.filter((id) => alive.has(id));
}

describe('startPostgres', () => {
  it('starts the embedded server, and stop leaves neither directory nor process', async () => {
    const server = await startPostgres();
    expect(server.major).toBeGreaterThanOrEqual(14);
    const { directory, ids } = await traces(server);
    expect(await living(ids)).toContain(ids[0]);
    await server.stop();
    await server.stop();
    expect(await exists(join(directory, '..'))).toBe(false);
    expect(await living(ids)).toEqual([]);
    await expect(server.restart()).rejects.toThrow('was stopped');
  });

  it('refuses a wrong password, so that other users of the machine stay out', async () => {
    const url = new URL(inject('serverUrl'));
    url.password = 'guess';
    await expect(connect(url.href, 'test')).rejects.toThrow('password authentication failed');
  });

  it('keeps acknowledged commits through kill and restarts, on the same port', async () => {
    await withPostgres(async (server) => {
      await ask(server, 'create table kept as select generate_series(1, 1000) as id');
      const { port } = server;
      const { ids } = await traces(server);
      const busy = connect(server.url('postgres'), 'test').then((session) =>
        // A query that never waits does not notice by itself that the postmaster is dead.
        session.query('select count(*) from generate_series(1, 1e11::bigint)'),
      );
      const broken = expect(busy).rejects.toThrow();
      await server.kill();
      await broken;
      expect(await living(ids)).toEqual([]);
      await server.kill();
      await server.restart();
      expect(server.port).toBe(port);
      expect(await ask(server, 'select count(*)::int as rows from kept')).toEqual([{ rows: 1000 }]);

      // A server that runs is shut down first.
      const before = await traces(server);
      await server.restart();
      const after = await traces(server);
      expect(after.directory).toBe(before.directory);
      expect(after.ids[0]).not.toBe(before.ids[0]);
      expect(await ask(server, 'select count(*)::int as rows from kept')).toEqual([{ rows: 1000 }]);
    });
  });

  it('stops after kill and frees the shared memory that the kill left', async () => {
    const server = await startPostgres();
    const { directory } = await traces(server);
    const lines = (await fs.readFile(join(directory, 'postmaster.pid'), 'utf8')).split('\n');
    const segment = String(lines[6]).trim().split(/\s+/)[1];
    await server.kill();
    await server.stop();
    expect(await exists(directory)).toBe(false);
    const segments = execFileSync('ipcs', ['-m'], { encoding: 'utf8' });
    expect(segments.split('\n').map((line) => line.split(/\s+/)[1])).not.toContain(segment);
  });

  it('passes settings on, with quotes and backslashes, and listens on its port alone', async () => {
    const settings = { log_line_prefix: "it's a \\ %p ", work_mem: '5MB' };
    await withPostgres(
      async (server) => {
        expect(await ask(server, 'show log_line_prefix')).toEqual([
          { log_line_prefix: settings.log_line_prefix },
        ]);
        expect(await ask(server, 'show work_mem')).toEqual([{ work_mem: '5MB' }]);
        const rival = createServer().listen({ host: server.host, port: server.port });
        await expect(once(rival, 'listening')).rejects.toMatchObject({ code: 'EADDRINUSE' });
      },
      { settings },
    );
  });

  it('shows the end of the log when the server does not start', async () => {
    await expect(startPostgres({ settings: { work_mem: 'plenty' } })).rejects.toMatchObject({
      code: 'SCRATCH_UNAVAILABLE',
      message: expect.stringContaining('invalid value for parameter "work_mem": "plenty"'),
    });
  });

  it('creates, clones and drops databases with any name', async () => {
    await withPostgres(async (server) => {
      await server.createDatabase('a "b" c');
      await withSession(server.url('a "b" c'), 'test', (session) =>
        session.query('create table seeds ()'),
      );
      await server.createDatabase('clone', { template: 'a "b" c' });
      await withSession(server.url('clone'), 'test', (session) => session.query('table seeds'));
      await server.dropDatabase('a "b" c');
      await server.dropDatabase('a "b" c');
      await expect(connect(server.url('a "b" c'), 'test')).rejects.toThrow('does not exist');
    });
  });

  it('starts several at once', async () => {
    const servers = await Promise.all([startPostgres(), startPostgres(), startPostgres()]);
    expect(new Set(servers.map((server) => server.port)).size).toBe(3);
    await Promise.all(servers.map((server) => server.stop()));
  });

  it('stops when its signal is aborted, while starting and later', async () => {
    const early = AbortSignal.abort(new Error('too early'));
    await expect(startPostgres({ signal: early })).rejects.toThrow('too early');

    const controller = new AbortController();
    const starting = startPostgres({ signal: controller.signal });
    controller.abort(new Error('changed my mind'));
    await expect(starting).rejects.toThrow('changed my mind');

    const later = new AbortController();
    const server = await startPostgres({ signal: later.signal });
    const { directory } = await traces(server);
    later.abort();
    await server.stop();
    expect(await exists(directory)).toBe(false);
  });

  it('runs each PostgreSQL that the machine has', async () => {
    for (const installation of await findInstallations(process.env)) {
      await withPostgres(
        async (server) => {
          const [row] = await ask(server, 'show server_version');
          expect(String(row?.server_version).split(' ')[0]).toBe(installation.version);
        },
        { installation },
      );
    }
  });
});

/** A process that starts a server, prints where it is, and then does as told. */
const PROGRAM = `
const { startPostgres } = await import(process.argv[1]);
const server = await startPostgres();
console.log(JSON.stringify(server.url('postgres')));
if (process.argv[2] === 'return') process.exitCode = 0;
else if (process.argv[2] === 'stop') await server.stop();
else setInterval(() => {}, 1000);
`;

const BUILT = fileURLToPath(new URL('../../dist/testing/index.js', import.meta.url));

function succeeds(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}

/** Runs PROGRAM, lets `meddle` act on it, and waits for its end and that of its watchdog. */
async function runProgram(
  what: 'return' | 'stop' | 'wait',
  meddle: (processId: number) => void = () => {},
  user: { uid: number; gid: number } | undefined = undefined,
): Promise<{ code: number | null; url: string; directory: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, BUILT, what], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH },
    cwd: '/',
    ...user,
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([once(lines, 'line'), once(lines, 'close')]);
  if (line === undefined) throw new Error('the program ended before its server had started');
  const url = JSON.parse(String(line)) as string;
  const directory =
    what === 'wait'
      ? await withSession(url, 'test', async (session) => {
          const [row] = await session.query("select current_setting('data_directory') as path");
          return String(row?.path);
        })
      : '';
  const exited = once(child, 'exit');
  meddle(child.pid ?? 0);
  const [code] = await exited;
  return { code, url, directory };
}

/** Waits until nothing answers at the URL: the watchdog has no other sign of its own to wait on. */
async function untilGone(url: string, directory: string): Promise<void> {
  while (await exists(directory)) {
    await connect(url, 'test').then(
      (session) => session.end(),
      () => {},
    );
  }
}

describe('a process that started a server', () => {
  it('leaves nothing behind when a signal ends it', async () => {
    const ends = (['SIGKILL', 'SIGTERM', 'SIGINT'] as const).map(async (signal) => {
      const { url, directory } = await runProgram('wait', (id) => process.kill(id, signal));
      await untilGone(url, join(directory, '..'));
      await expect(connect(url, 'test')).rejects.toThrow('cannot connect');
    });
    await Promise.all(ends);
  });

  it('is not kept alive by the server, running or stopped', async () => {
    const ends = await Promise.all([runProgram('return'), runProgram('stop')]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
  });

  it.skipIf(process.getuid?.() !== 0)('may be an ordinary user', async (test) => {
    const user = await serverUser();
    expect(user?.uid).toBeGreaterThan(0);
    const reachable = () =>
      execFileSync(process.execPath, ['--check', BUILT], { cwd: '/', ...user });
    test.skip(!succeeds(reachable), 'that user may not read this directory');
    const outcome = await runProgram('wait', (id) => process.kill(id, 'SIGKILL'), user);
    await untilGone(outcome.url, join(outcome.directory, '..'));
  });
});
