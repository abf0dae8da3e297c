// The system management application, as a program starts it.

export { makeApiToken } from './access/api-tokens.js';
export { redeemEnrolmentToken } from './access/enrolment.js';
export { coveredGrants, writeGrants } from './access/grants.js';
export { checkProvider, type OidcSettings } from './access/oidc.js';
export { hashPassword } from './access/passwords.js';
export { type Rescue, type Rescued, rescueUser } from './access/rescue.js';
export { makeSetupToken } from './access/setup.js';
export { makeUser } from './access/users.js';
export { type Endpoint, type EndpointOptions, startEndpoint } from './agents/endpoint.js';
export type { Enrolment, Redeem } from './agents/enrol.js';
export { type Journals, startJournals } from './agents/journals.js';
export { type Duty, type DutyFrame, Session } from './agents/session.js';
export { type Alerts, type AlertsOptions, purgeAlerts, startAlerts } from './alerts/alerts.js';
export { Evaluator, type EvaluatorOptions, type Looked } from './alerts/evaluator.js';
export { type MailOptions, verifyMail } from './alerts/mail.js';
export { RULE_KINDS, type RuleKind, SEVERITIES, type Severity } from './alerts/rules.js';
export { type SenderOptions, sendDue } from './alerts/sender.js';
export type * from './api/answers.js';
export { type Api, type ApiOptions, type Clock, createApi } from './api/app.js';
export type { Caller, Grant, Scope } from './api/caller.js';
export {
  type CertificateFiles,
  type CertificatePair,
  followCertificate,
  readCertificate,
} from './api/certificate-files.js';
export { type HostFilters, hostConditions, hostFilters } from './api/host-query.js';
export { parseSelector, type Selector, selectorText, selects } from './api/labels.js';
export { PERMISSIONS, type Permission, ROLE_NAMES, ROLES, type Role } from './api/permissions.js';
export {
  act,
  actAlone,
  actAtHome,
  bodyOf,
  found,
  type LiveEvent,
  live,
  type Route,
  read,
} from './api/route.js';
export { type AlertApi, alertRoutes } from './api/routes/alerts.js';
export { type AuthorityApi, authorityRoutes } from './api/routes/authority.js';
export { betweenServersRoutes } from './api/routes/between-servers.js';
export { busRoutes } from './api/routes/bus.js';
export { type CampaignApi, campaignRoutes } from './api/routes/campaigns.js';
export { type ClusterApi, clusterRoutes } from './api/routes/clusters.js';
export { evolutionRoutes } from './api/routes/evolutions.js';
export { type JobApi, jobRoutes } from './api/routes/jobs.js';
export { journalRoutes } from './api/routes/journals.js';
export type { ApiSettings } from './api/settings.js';
export { DEFAULT_SETTINGS } from './api/settings.js';
export { type AuditNote, appendAudit } from './audit/chain.js';
export { type Verified, verifyAudit } from './audit/verify.js';
export { Authority, type AuthorityOptions, openAuthority } from './authority/authority.js';
export { type KeyKind, type KeyOptions, rotateKey } from './authority/cluster-keys.js';
export { SECRET_BYTES } from './authority/sealing.js';
export * from './bus/index.js';
export {
  type Campaigns,
  type CampaignsOptions,
  startCampaigns,
} from './campaigns/campaigns.js';
export { ClusterDeclaration, checkDeclaration } from './campaigns/cluster/declaration.js';
export { Bundles } from './campaigns/cluster/evolutions.js';
export { type GivenDeclaration, withOwnShards } from './campaigns/cluster/own-shards.js';
export { CAMPAIGN_STATES, STEP_STATES } from './campaigns/decide/decide.js';
export { purgeHistory } from './campaigns/history.js';
export {
  AUDIT_ENTRIES,
  type HomeFacts,
  type KeyFacts,
  readHomeFacts,
} from './doctor/home-facts.js';
export { type NatsFacts, readNatsFacts } from './doctor/nats-facts.js';
export { EXCERPT_ROWS, type Excerpt, readExcerpt } from './doctor/store-excerpt.js';
export { CERTIFICATE_DAYS, readStoreFacts, type StoreFacts } from './doctor/store-facts.js';
export {
  type By,
  cancelJob,
  chooseHosts,
  createJob,
  hostsToRetry,
  type NewJob,
  specOf,
} from './jobs/create.js';
export { busDoorbell, type Doorbell } from './jobs/doorbell.js';
export { giveUp, settleEnded } from './jobs/give-up.js';
export { JOB_STATES, type JobState } from './jobs/job.js';
export { type Jobs, type JobsOptions, startJobs } from './jobs/jobs.js';
export { type Piece, type Pieces, readOutput } from './jobs/output.js';
export { purgeJobs } from './jobs/purge.js';
export {
  type Counts,
  RUN_COLUMNS,
  RUNS,
  type RunRow,
  readJob,
  type SeenJob,
} from './jobs/queries.js';
export { RUN_STATES, type RunState, runIdOf } from './jobs/run.js';
export { JobSpec } from './jobs/spec.js';
export { digestOf, type Preview, previewHosts, type Target } from './jobs/target.js';
export { type Change, type Watched, watchJob } from './jobs/watch.js';
export {
  type Listen,
  PACE,
  type Server,
  type ServerOptions,
  type ServerPace,
  startServer,
} from './server.js';
export { BUCKETS, type BucketRow, bucketOf, readBuckets } from './store/buckets.js';
export { type PlannedMove, planMoves } from './store/evening.js';
export { APP, installShard, releasesDirectory, type StoreShard } from './store/install.js';
export { assertOwner, giveLease, type Lease, renewLease, takeLease } from './store/leases.js';
export { MOVED, type Move, moveBucket } from './store/moving.js';
export { createPulse, PULSE_MS, type Pulse } from './store/pulse.js';
export { type Log, openStore, Store, type StoreOptions } from './store/store.js';
export { visitStore } from './store/visit.js';
