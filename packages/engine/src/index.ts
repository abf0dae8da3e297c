// The engine: releases in, SQL out, shards moved.
export * from './compile/bundle.js';
export * from './compile/bundle-hash.js';
export { type CompileInput, compile } from './compile/compile.js';
export * from './compile/texts.js';
export { type Hanging, hangingOn } from './compile/unsupported.js';
export {
  type CounterExample,
  type Shown,
  type ShownRow,
  shownText,
} from './gate/counter-example.js';
export { type MeasureOptions, measureEffects } from './gate/effects.js';
export { checkExpressions } from './gate/expression-types.js';
export {
  BLANK,
  type Choose,
  type Fill,
  NONE,
  type Proposal,
  type Proposed,
  type Question,
  type Remark,
} from './gate/proposal.js';
export { type Answers, type Differing, propose } from './gate/propose.js';
export {
  type QueryOptions,
  type QueryQuestions,
  type Refusal,
  withQuestions,
} from './gate/queries.js';
export {
  type QueryPlace,
  type QueryText,
  type ReadQuery,
  readQueries,
} from './gate/query-texts.js';
export { adviseRenames, type PossibleRename, possibleRenames } from './gate/renames.js';
export type { Untried } from './gate/samples.js';
export { type NoStatements, readStatements, type Statements } from './gate/statements.js';
export { type Quarantined, type Trial, type TrialOptions, tryEvolution } from './gate/trial.js';
export { findUnconvertible, type Unconvertible } from './gate/unconvertible.js';
export { sqlStateOf } from './pg.js';
export * from './release/catalog.js';
export * from './release/compare.js';
export { type Dump, type DumpOptions, dumpSchema } from './release/dump.js';
export * from './release/evolution.js';
export { checkNames } from './release/evolution-names.js';
export * from './release/evolution-parser.js';
export * from './release/evolution-tables.js';
export { changeText } from './release/evolution-text.js';
export * from './release/expression.js';
export * from './release/fingerprint.js';
export * from './release/introspect.js';
export * from './release/lineage.js';
export * from './release/load.js';
export * from './release/release.js';
export { readScript } from './release/script.js';
export * from './release/suggest.js';
export {
  type Outcome,
  runVerb,
  type StepOutcome,
  type VerbOptions,
} from './shard/advance.js';
export { contractEvidence, type EvidenceOptions, type Finding } from './shard/evidence.js';
export { remedy } from './shard/failure.js';
export {
  phaseOf,
  type RunningStep,
  readFleet,
  readShard,
  type ShardStatus,
  type ShardUrl,
} from './shard/fleet.js';
export { fillForPeople } from './shard/holes.js';
export {
  type AdoptOptions,
  adopt,
  type InstallOptions,
  installRelease,
  type Settled,
} from './shard/install.js';
export { LIMITS, type Limits } from './shard/limits.js';
export { type PaceChange, type PacedShard, type ShardPace, setPace } from './shard/pace.js';
export { readQuarantine } from './shard/quarantine.js';
export type { Pace, Progress } from './shard/run.js';
export type { ShardState } from './shard/state.js';
export { type WaitOptions, waitFor } from './shard/wait.js';
