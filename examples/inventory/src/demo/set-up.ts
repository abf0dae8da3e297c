// What stands when the demonstration begins: shards with data, the vendor's bundle, servers of 1.0
// under load; beside them Halflap, and what its operator has told it.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Campaigns } from './campaigns.js';
import type { Closing } from './closing.js';
import { Control } from './control.js';
import { Generators } from './generators.js';
import { declareCluster, startHalflap } from './halflap.js';
import { Operator } from './operator.js';
import type { Phases } from './phases.js';
import { SERVERS, Servers } from './servers.js';
import { loadHosts, SHARDS, startShards } from './shards.js';
import { type Stage, setPace } from './stage.js';
import { Telling } from './telling.js';

type Given = Pick<Stage, 'options' | 'scene' | 'verdicts' | 'signal'>;

/** What holds a campaign back beyond safety; YAML takes JSON. */
const POLICY = { canaryServer: 'app1', healthSeconds: 5 };

/** @param closing has what is to be given back, also when this fails half-way */
export async function setUp(
  given: Given,
  { closing, phases }: { closing: Closing; phases: Phases },
): Promise<Stage> {
  const { options, scene, signal } = given;
  const directory = await mkdtemp(join(tmpdir(), 'halflap-demo-'));
  closing.add(() => rm(directory, { recursive: true, force: true }));
  scene.say('starting three PostgreSQL servers');
  const shards = await startShards(closing, signal);
  scene.say(`loading ${options.rows} hosts per shard`);
  await loadHosts(shards, options.rows * SHARDS.length);

  const operator = new Operator(directory);
  closing.add(() => operator.stop());
  const bundleFile = join(directory, 'inventory-2.0.bundle.json');
  const serversFile = join(directory, 'inventory-2.0.servers.json');
  const releases = fileURLToPath(new URL('../../releases', import.meta.url));
  await operator.configure(shards, releases, bundleFile);
  scene.say('building the bundle of 2.0, as the vendor does');
  await operator.run('build', '2.0', '--out', bundleFile, '--servers', serversFile);

  closing.add(() => phases.stop());
  await phases.start(shards);
  const telling = new Telling();
  const signals = await telling.listen();
  closing.add(() => telling.stop());
  const generators = new Generators((at, tick) => {
    scene.tick(at, tick);
    telling.tick(tick);
  });
  closing.add(() => generators.stop());
  const onLog = (line: string) => scene.say(line);
  const servers = new Servers({ shards, bundleFile, serversFile, onLog }, generators);
  closing.add(() => servers.stopAll());
  scene.servers = () => servers.shown();
  for (const server of SERVERS) {
    servers.install(server, '1.0');
    await servers.start(server);
    servers.serve(server);
  }
  const { seed, paceMs } = options;
  await generators.start({ seed, hosts: options.rows * SHARDS.length, paceMs }, servers.targets());

  const control = new Control(servers, (line) => scene.say(line));
  const { program, stop } = await control.listen(directory);
  closing.add(stop);
  scene.say('the operator takes the shards in');
  await operator.run('adopt', '1.0', '--all');
  await setPace({ operator, scene, options }, '--all', options.holdSeconds);
  scene.say('two servers of Halflap start, and an agent');
  const port = options.port ?? (await freeOr(CONSOLE_PORT));
  const halflap = await startHalflap({ directory, operator, closing, signal, port }, program);
  scene.say('the operator declares the cluster');
  await declareCluster({ directory, operator, shards, bundleFile, program, signals });
  await writeFile(join(directory, 'policy.yaml'), JSON.stringify(POLICY));
  const campaigns = new Campaigns(() => halflap.access, signal);
  closing.add(() => campaigns.stop());
  campaigns.watch();
  return { ...given, directory, operator, servers, control, generators, halflap, campaigns };
}

const CONSOLE_PORT = 8440;

/** The port, or 0 where somebody has it. */
async function freeOr(port: number): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(0));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(port)));
  });
}
