// The facts at the end, and whether they are what was promised.

import type { Verdicts } from './checkpoint.js';
import type { DemoOptions } from './options.js';
import type { MixedState, Scene } from './scene.js';

export interface Report {
  readonly servers: number;
  readonly shards: number;
  readonly rows: number;
  readonly seed: number;
  readonly seconds: number;
  readonly mixedStates: readonly MixedState[];
  /** Shard → who prepared it, once for each time: a server's name, or a process of the operator. */
  readonly preparedBy: Readonly<Record<string, readonly string[]>>;
  /** SQL statements of the servers whose answers came. */
  readonly statements: number;
  readonly requests: number;
  readonly failedStatements: number;
  readonly acknowledgedWrites: number;
  readonly lostWrites: number;
  readonly phantomWrites: number;
  readonly divergentRows: number;
  /** Answers under load that contradicted what had been acknowledged. */
  readonly contradictoryReads: number;
  readonly hostsChecked: number;
  readonly eventsChecked: number;
  readonly longestPauseMs: number;
  readonly acts: readonly { title: string; seconds: number; longestPauseMs: number }[];
  /** In the order in which they were planned. */
  readonly campaigns: readonly {
    readonly goal: string;
    readonly state: string;
    readonly steps: number;
    readonly done: number;
  }[];
  /** Why the demonstration stopped early; null when it came to its end. */
  readonly stoppedBy: string | null;
  /** What went wrong: one example of each kind, with how often it happened. */
  readonly evidence: readonly string[];
  readonly holds: boolean;
}

/** Each release must have been seen at work in each of these. */
export const REQUIRED_STATES: readonly string[] = [
  '1.0 settled',
  '1.0 prepared',
  '1.0 expanding',
  '1.0 dual',
  '2.0 prepared',
  '2.0 expanding',
  '2.0 dual',
  '2.0 settled',
];

const EVIDENCE_LINES = 20;

export interface Facts {
  readonly options: DemoOptions;
  readonly scene: Scene;
  readonly verdicts: Verdicts;
  readonly servers: number;
  readonly shards: number;
  readonly seconds: number;
  readonly stoppedBy: string | null;
  readonly preparedBy: Report['preparedBy'];
  readonly campaigns: Report['campaigns'];
}

export function reportOf(facts: Facts): Report {
  const { options, scene, verdicts } = facts;
  const mixedStates = [...scene.mixed.values()];
  // A person goes his own way; what is pressed by the demonstration passes through all of them.
  const missing = options.isAlone ? missingStates(mixedStates) : [];
  const evidence = [
    ...scene.failures,
    ...scene.contradictions,
    ...verdicts.evidence,
    ...missing.map((state) => `never seen: ${state}`),
  ];
  return {
    servers: facts.servers,
    shards: facts.shards,
    rows: options.rows,
    seed: options.seed,
    seconds: round(facts.seconds),
    mixedStates,
    preparedBy: facts.preparedBy,
    campaigns: facts.campaigns,
    statements: scene.statements,
    requests: scene.requests,
    failedStatements: scene.failures.length,
    acknowledgedWrites: scene.acknowledged,
    lostWrites: verdicts.lostWrites,
    phantomWrites: verdicts.phantomWrites,
    divergentRows: verdicts.divergentRows,
    contradictoryReads: scene.contradictions.length,
    hostsChecked: verdicts.hostsChecked,
    eventsChecked: verdicts.eventsChecked,
    longestPauseMs: round(scene.longestPauseMs),
    acts: scene.acts.map((act) => ({
      title: act.title,
      seconds: round(act.seconds),
      longestPauseMs: round(act.longestPauseMs),
    })),
    stoppedBy: facts.stoppedBy,
    evidence: grouped(evidence).slice(0, EVIDENCE_LINES),
    holds: evidence.length === 0 && facts.stoppedBy === null,
  };
}

/** The plain summary for people, line by line. */
export function summaryOf(report: Report): string[] {
  const { holds, stoppedBy } = report;
  const verdict = holds ? 'Everything held.' : 'It did not hold.';
  return [
    '',
    `Verdict: ${verdict}`,
    ...(stoppedBy === null ? [] : [`  stopped early: ${stoppedBy}`]),
    '',
    `  ${report.servers} servers and ${report.shards} shards under load for ${report.seconds} s`,
    ...report.campaigns.map(campaignLine),
    `  ${whole(report.statements)} statements, ${report.failedStatements} failed`,
    `  ${whole(report.acknowledgedWrites)} acknowledged writes, ${report.lostWrites} lost, ` +
      `${report.phantomWrites} that nobody wrote`,
    `  ${whole(report.hostsChecked)} hosts asked for at the end, ` +
      `${report.divergentRows} differ between the releases`,
    `  ${report.contradictoryReads} reads contradicted an acknowledged write`,
    `  longest pause that a client saw: ${report.longestPauseMs} ms`,
    `  seed ${report.seed}`,
    '',
    '  each release at work on shards in each phase (statements):',
    ...report.mixedStates.map(stateLine),
    ...report.evidence.map((line) => `  ! ${line}`),
  ];
}

function campaignLine({ goal, state, done, steps }: Report['campaigns'][number]): string {
  const way = goal === 'back' ? '2.0 → 1.0' : '1.0 → 2.0';
  return `  campaign ${way} ${state}, ${done} of ${steps} steps`;
}

function stateLine(state: MixedState): string {
  const phase = state.phase === 'settled' ? `settled at ${state.floor}` : state.phase;
  const beside = state.besideOther ? ', beside the other release' : '';
  return `    ${state.release} on ${phase.padEnd(15)} ${state.mode.padEnd(6)} ${whole(
    state.statements,
  ).padStart(9)}${beside}`;
}

function missingStates(seen: readonly MixedState[]): string[] {
  const found = new Set(seen.map((state) => `${state.release} ${state.phase}`));
  return REQUIRED_STATES.filter((state) => !found.has(state));
}

/** Findings that differ in nothing but names and numbers are one kind. */
function grouped(evidence: readonly string[]): string[] {
  const kinds = new Map<string, { example: string; times: number }>();
  for (const text of evidence) {
    const kind = text.replace(/\d+/g, '#').replace(/(expected|found) [^:]*/g, '$1');
    const known = kinds.get(kind) ?? { example: text, times: 0 };
    known.times += 1;
    kinds.set(kind, known);
  }
  return [...kinds.values()].map(({ example, times }) => `${times}×  ${example}`);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** `1 234 567` */
export function whole(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ' ');
}
