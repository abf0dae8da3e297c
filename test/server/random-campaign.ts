// One random campaign on a real ground: steps of an operator in any safe order, then a campaign in
// which servers of Halflap die, people pause, leave out and skip, and servers of the application
// fail; and from wherever that has led, back to the beginning, or on to the end.

import type { Campaign } from '@halflap/server';
import { expect } from 'vitest';
import type { Compiled } from '../evolving/releases.js';
import type { Random } from '../oracle/random.js';
import type { Application, AppServer, CampaignGround } from './campaign-ground.js';
import { until } from './job-cluster.js';

const POLICY = { healthSeconds: 1, deadlineSeconds: 60 };
const REASON = 'drawn';
const hook = (name: string, when: 'before' | 'after') => ({
  ...{ name, when, on: ['server'], required: true },
  command: { host: 'web-0', run: ['/bin/app', name, '{name}'] },
});
const HOOKS = [hook('gate', 'before'), hook('told', 'after')];

export interface Trial {
  readonly ground: CampaignGround;
  readonly compiled: Compiled;
  readonly random: Random;
  /** SQL that fills a shard. */
  readonly rows: string;
  /** Troubles of one campaign. */
  readonly most: number;
  /** What was done, in order; for people. */
  readonly told: string[];
}

/** @returns the application, at the end of the way that was drawn, and its release there */
export async function randomCampaign(
  trial: Trial,
): Promise<{ readonly app: Application; readonly release: string }> {
  const { ground, compiled, random, rows, most } = trial;
  const shards = 1 + random.below(2);
  const kind = { shards, rows, drains: random.percent(50), hooks: random.pick([[], HOOKS]) };
  const app = await ground.application(compiled, kind);
  const course = new Course(trial, app);
  try {
    return { app, release: await course.whole(most) };
  } finally {
    // For whoever has to find out why, if it has failed.
    await course.tellAll();
  }
}

const isOver = ({ endedAt }: Campaign) => endedAt !== null;
const isBusy = ({ plan }: Campaign) => plan.some(({ state }) => state === 'running');
/** It goes on only when somebody does something. */
const isStuck = (campaign: Campaign) =>
  !isBusy(campaign) &&
  (campaign.state !== 'running' ||
    campaign.plan.some(({ state, wait }) => state === 'waiting' && wait?.until === null));

class Course {
  readonly #trial: Trial;
  readonly #app: Application;
  #id = '';

  constructor(trial: Trial, app: Application) {
    this.#trial = trial;
    this.#app = app;
  }

  /** @returns the release at the end */
  async whole(most: number): Promise<string> {
    const { random } = this.#trial;
    for (let turns = random.below(Math.min(most, 3)); turns > 0; turns -= 1) await this.oneStep();
    await this.begin({ goal: random.percent(50) ? 'expanded' : 'upgraded', ...this.#policy() });
    for (let troubles = 1 + random.below(most); troubles > 0; troubles -= 1) {
      await this.trouble();
      await this.checkCells();
    }
    this.calm();
    return this.end();
  }

  #policy(): object {
    const { random } = this.#trial;
    const { servers, shards } = this.#app;
    if (random.percent(50)) return {};
    const canaries = {
      ...{ canaryServer: random.pick(servers).name, canaryShard: random.pick(shards).name },
    };
    return { policy: { ...POLICY, ...canaries, maxUnavailable: 1 + random.below(2) } };
  }

  /** The plan, and the release of every server and shard. */
  async tellAll(): Promise<void> {
    const { ground, told } = this.#trial;
    if (this.#id === '') return;
    const { body } = await ground.ask('GET', `/api/v1/clusters/${this.#app.cluster}/matrix`);
    const { plan, state, reason } = await this.#look();
    const steps = plan.map((step) => `${step.id} ${step.state}: ${step.message ?? ''}`);
    told.push(`campaign ${state} ${reason ?? ''}`, ...steps);
    const servers = this.#app.servers.map(
      (one) => `${one.name} has ${one.installed}${one.isDrained ? ', drained' : ''}`,
    );
    told.push(...servers, JSON.stringify([body.servers, body.shards, body.cells]));
  }

  /** What is done and what comes of it; refusals are answers like others. */
  #post(path: string, payload: object = {}) {
    return this.#trial.ground.ask('POST', `/api/v1/${path}`, { payload });
  }

  async #act(act: string, payload: object = {}): Promise<number> {
    const { status, body } = await this.#post(`campaigns/${this.#id}/${act}`, payload);
    this.#trial.told.push(`${act} ${JSON.stringify(payload)} ${status}`);
    if (status >= 400) expect(body.detail, act).toBeTruthy();
    return status;
  }

  async #look(): Promise<Campaign> {
    return (await this.#trial.ground.ask('GET', `/api/v1/campaigns/${this.#id}`)).body;
  }

  #sees(holds: (campaign: Campaign) => boolean): Promise<Campaign> {
    return until(() => this.#look(), holds);
  }

  /** @returns whether there was anything to plan */
  async begin(how: object): Promise<boolean> {
    const { cluster } = this.#app;
    const { status, body } = await this.#post('campaigns', { cluster, policy: POLICY, ...how });
    this.#trial.told.push(`plan ${JSON.stringify(how)} ${status}`);
    if (status === 200) {
      expect(body.id, JSON.stringify(body)).toBeNull();
      return false;
    }
    expect(status, JSON.stringify(body)).toBe(201);
    await this.#start(body.id);
    return true;
  }

  async #start(id: string): Promise<void> {
    this.#id = id;
    const { digest } = await this.#look();
    expect(await this.#act('approve', { digest })).toBe(200);
    expect(await this.#act('start')).toBe(200);
  }

  /** One that may be taken now, by a campaign of its own. */
  async oneStep(): Promise<void> {
    const { random, ground } = this.#trial;
    const { servers, shards, cluster } = this.#app;
    const steps = [
      ...servers.map(({ name }) => `server/${name}/upgrade`),
      ...shards.flatMap(({ name }) =>
        ['prepare', 'expand', 'verify'].map((verb) => `shard/${name}/${verb}`),
      ),
    ];
    const safe: string[] = [];
    for (const step of steps) {
      const { body } = await ground.ask('GET', `/api/v1/clusters/${cluster}/what-if?step=${step}`);
      for (const refusal of body.refusals) expect(refusal.name, step).not.toBe('');
      if (body.refusals.length === 0) safe.push(step);
    }
    await this.begin({ order: [random.pick(safe)] });
    if (random.percent(40)) await this.#kill();
    await this.#sees(isOver);
    await this.checkCells();
  }

  /** No server is with a shard that refuses it. */
  async checkCells(): Promise<void> {
    const { cluster } = this.#app;
    const path = `/api/v1/clusters/${cluster}/matrix`;
    const { body: matrix } = await this.#trial.ground.ask('GET', path);
    const states = matrix.cells.flat().map(({ state }: { state: string }) => state);
    expect(states).not.toContain('refused');
  }

  async #kill(): Promise<void> {
    this.#trial.told.push('kill');
    await this.#trial.ground.killDriver(this.#id);
  }

  async trouble(): Promise<void> {
    const { random } = this.#trial;
    const troubles = [
      () => this.#killInStep(),
      () => this.#pause(),
      () => this.#breakServer(),
      () => this.#skip(),
      () => this.#exclude(),
    ];
    await random.pick(troubles)();
    const campaign = await this.#look();
    if (campaign.state === 'stopped') await this.#choose(campaign);
  }

  /** In the middle of a step of a shard, or of a server. */
  async #killInStep(): Promise<void> {
    const kind = this.#trial.random.pick(['shard', 'server']);
    await this.#sees(
      (campaign) =>
        isOver(campaign) ||
        isStuck(campaign) ||
        campaign.plan.some((step) => step.kind === kind && step.state === 'running'),
    );
    await this.#kill();
  }

  async #pause(): Promise<void> {
    const { random } = this.#trial;
    if ((await this.#act('pause', { reason: REASON })) !== 200) return;
    if (random.percent(50)) await this.#kill();
    const { done } = await this.#sees((campaign) => !isBusy(campaign));
    if (random.percent(50)) await this.#kill();
    const { done: later } = await this.#look();
    // What is seen to be done is noted; nothing further begins.
    expect(later).toBeGreaterThanOrEqual(done);
    await this.#act('resume');
  }

  /** Its next command fails, or its health does. */
  async #breakServer(): Promise<void> {
    const { random, told } = this.#trial;
    const server = random.pick(this.#app.servers);
    const word = random.pick([
      ...['drain', 'upgrade', 'restart', 'health', 'undrain', 'gate', 'told'],
    ]);
    told.push(`break ${word} of ${server.name}`);
    if (word === 'health') server.health = 1;
    server.onCommand = async (one) => {
      if (one !== word || word === 'health') return;
      server.onCommand = async () => {};
      throw new Error(`${word} fails`);
    };
    await this.#sees((campaign) => isOver(campaign) || isStuck(campaign) || campaign.done > 3);
  }

  async #skip(): Promise<void> {
    const { plan } = await this.#look();
    const waiting = plan.filter(({ state }) => state === 'waiting');
    if (waiting.length === 0) return;
    const step = this.#trial.random.pick(waiting).id;
    await this.#act('skip', { step, reason: REASON });
  }

  async #exclude(): Promise<void> {
    const { servers, shards } = this.#app;
    const all = [
      ...servers.map(({ name }) => ({ kind: 'server', name })),
      ...shards.map(({ name }) => ({ kind: 'shard', name })),
    ];
    await this.#act('exclude', { ...this.#trial.random.pick(all), reason: REASON });
  }

  /** What becomes of the step that failed. */
  async #choose({ plan, reason }: Campaign): Promise<void> {
    const ill = plan.find(
      ({ state, healthy }) => state === 'failed' || (state === 'succeeded' && healthy === false),
    );
    expect(reason).toBeTruthy();
    if (ill === undefined) return void (await this.#act('resume'));
    const { id: step, kind, name } = ill;
    const choices = [
      async () => {
        this.calm();
        await this.#act('retry', { step });
      },
      () => this.#act('skip', { step, reason: REASON }),
      () => this.#act('exclude', { kind, name, reason: REASON }),
    ];
    await this.#trial.random.pick(choices)();
  }

  /** Nothing fails any more. */
  calm(): void {
    for (const server of this.#app.servers) restore(server);
  }

  /** @returns the release that everything is at */
  async end(): Promise<string> {
    const campaign = await this.#sees((one) => isOver(one) || isStuck(one));
    const isPast = campaign.plan.some(
      ({ action, state }) => action === 'contract' && state === 'succeeded',
    );
    const isOn = isPast || this.#trial.random.percent(50);
    if (!isOn && (await this.#act('back', { reason: REASON })) === 201) {
      const { items } = (await this.#trial.ground.ask('GET', '/api/v1/campaigns?limit=1')).body;
      await this.#sees(isOver);
      await this.#start(items[0].id);
      await this.#whole();
    } else if (!isOver(campaign)) {
      await this.#act('cancel', { reason: REASON });
      await this.#sees(isOver);
    }
    // What was left out is taken along now.
    if (await this.begin({ goal: isOn ? 'upgraded' : 'back' })) await this.#whole();
    return isOn ? '2.0' : '1.0';
  }

  /** Approves what waits for it. */
  async #whole(): Promise<void> {
    for (;;) {
      const campaign = await this.#sees((one) => isOver(one) || isStuck(one));
      if (isOver(campaign)) {
        expect(campaign.state, JSON.stringify(campaign.plan)).toBe('finished');
        return;
      }
      const step = campaign.plan.find(
        ({ wait, ownApproval }) => wait !== null && ownApproval?.approvedBy === null,
      );
      expect(step, JSON.stringify(campaign)).toBeDefined();
      await this.#act('approve', { step: step?.id });
    }
  }
}

function restore(server: AppServer): void {
  server.health = 0;
  server.onCommand = async () => {};
}
