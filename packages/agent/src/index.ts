// What runs on a managed Linux host.
export { findAbilities } from './abilities.js';
export { type Address, parseAddress, textOf } from './address.js';
export { type AgentOptions, type AgentParts, runAgent, type Tell } from './agent.js';
export { type Clock, pause, type Random, systemClock } from './clock.js';
export { type CollectOptions, collect } from './collect.js';
export type { Host } from './host.js';
export { type HostPartsOptions, hostParts } from './host-parts.js';
export {
  assertNotRevoked,
  type EnrolmentStep,
  type EnrolOptions,
  enrol,
  storedIdentity,
} from './identity/enrol.js';
export { askEnrolment, type EnrolmentAnswer } from './identity/enrol-request.js';
export { HostIdentity } from './identity/host-identity.js';
export type { Identity, OrderKey } from './identity/identity.js';
export { newKey, requestFor } from './identity/key.js';
export { type FirstTrust, pinnedAuthority } from './identity/server-trust.js';
export { StateDirectory } from './identity/state-directory.js';
export type { Log } from './log.js';
export { Memory } from './memory.js';
export type { Refusal, Rule, TrustedKey } from './orders/admission.js';
export type { FrameOf, OrderLog, ToldFrame } from './orders/events.js';
export type { OrdersLimits, OrdersOptions } from './orders/options.js';
export { Orders } from './orders/orders.js';
export { POLICY_KEYS, parsePolicy, type ReadPolicy, readPolicyFile } from './orders/policy-file.js';
export type { Outcome, RunOptions } from './program.js';
export { FactReports } from './report/reports.js';
export { journalOf } from './services/journal.js';
export type { About, OrdersDuty, ReadJournal, ReportsDuty, RunFrame } from './session/duties.js';
export { type Fence, openFence } from './session/fence.js';
export { Session, type SessionOptions, type SessionState } from './session/session.js';
