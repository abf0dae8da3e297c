// The engine: releases in, SQL out, shards moved.
export { type CompileInput, compile } from './compile/compile.js';
export { compileServers, type ServersInput } from './compile/servers.js';
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
export type { DeclaredServers } from './release/servers.js';
export {
  loadServers,
  nothingStated,
  parseServers,
  SERVERS_FILE,
} from './release/servers-parser.js';
export * from './release/suggest.js';
export * from './runner.js';
