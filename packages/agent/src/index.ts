// What runs on a managed Linux host.
export { findAbilities } from './abilities.js';
export { type CollectOptions, collect } from './collect.js';
export type { Host } from './host.js';
export type { Log } from './log.js';
export { Memory } from './memory.js';
export type { Outcome, RunOptions } from './program.js';
export { FactReports } from './report/reports.js';
export { controlService, type ServiceAction } from './services/control.js';
export { journalOf } from './services/journal.js';
