// What moves a shard by a bundle that is compiled already: all that an operator's machine needs.
// A separate entry, so that it loads neither compiler nor parser.

export * from './compile/bundle.js';
export * from './compile/bundle-hash.js';
export * from './compile/texts.js';
export { sqlStateOf } from './pg.js';
export {
  groupsOf,
  inWords,
  labelOf,
  leadOf,
  namesOf,
  type PlanNaming,
  readable,
  STEP_LABELS,
  type StepLabel,
} from './plan-lead.js';
export {
  BLOCKS,
  type Blocks,
  blocksOf,
  type PlanView,
  planOf,
  planView,
  type StatementView,
  type StepView,
} from './plan-view.js';
export {
  type Outcome,
  runVerb,
  type StepOutcome,
  type VerbOptions,
} from './shard/advance.js';
export {
  type BehaviourReport,
  behavioursOf,
  readBehaviours,
  readShardBehaviours,
  type ShardBehaviours,
} from './shard/behaviours.js';
export { remedyOn } from './shard/contract.js';
export { type DriftOptions, readDrift } from './shard/drift.js';
export { contractEvidence, type EvidenceOptions, type Finding } from './shard/evidence.js';
export { remedy } from './shard/failure.js';
export {
  type FeatureMember,
  type FeatureReport,
  featuresOf,
  readFeatureMember,
  readFeatures,
  silentMember,
} from './shard/feature-report.js';
export {
  disableFeature,
  enableFeature,
  type FeatureOptions,
  type FeatureOutcome,
  type FeatureShard,
} from './shard/features.js';
export {
  phaseOf,
  readFleet,
  readShard,
  type ShardUrl,
} from './shard/fleet.js';
export {
  lookAtShard,
  type OtherSession,
  type ShardHealth,
  type ShardReport,
} from './shard/health.js';
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
export { discardParked, readParked, returnParked } from './shard/parked.js';
export { readQuarantine } from './shard/quarantine.js';
export { type ReaderOptions, ShardReader } from './shard/reader.js';
export { type RetryRows, type RowsRetried, retryRows } from './shard/retry-rows.js';
export type { Pace, Progress } from './shard/run.js';
export {
  type QuarantineOf,
  readShardDetail,
  type ShardDetail,
  type TableWork,
} from './shard/shard-detail.js';
export {
  type JournalLine,
  type Paging,
  readJournalPage,
  readQuarantinePage,
} from './shard/shard-pages.js';
export { COUNTED as SPILL_COUNTED, type Spill } from './shard/spill.js';
export type { ShardState } from './shard/state.js';
export type { RunningStep, ShardStatus } from './shard/status.js';
export { type WaitOptions, waitFor } from './shard/wait.js';
