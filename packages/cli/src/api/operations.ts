// Every operation of the API that a command uses. The types of their answers are the server's own.

import type {
  Alert,
  AlertDelivery,
  AlertRule,
  AlertTarget,
  ApiToken,
  AuditEntry,
  AuditVerified,
  AuthorityStatus,
  BusGroups,
  BusParked,
  ClusterAuthority,
  EnrolmentToken,
  Host,
  HostEvent,
  HostJob,
  HostPackage,
  HostService,
  HostSummary,
  Job,
  JobGivenUp,
  JobOutput,
  JobPreview,
  JobRun,
  JobSummary,
  KeyChanged,
  KeyRetired,
  Made,
  MadeJob,
  MadeTarget,
  MadeToken,
  PackageName,
  Page,
  ServiceJournal,
  ServiceName,
  SessionBegun,
  User,
  Who,
} from '@halflap/server';
import { CAMPAIGN_OPERATIONS } from './campaign-operations.js';
import { answering, PAGING } from './operation.js';

/** By what active hosts are chosen, for a job. */
const TARGET_FILTERS = [
  'label',
  'hostname',
  'search',
  'os',
  'online',
  'upgradable',
  'security',
  'reboot',
  'failed',
  'service',
  'serviceState',
  'package',
  'packageVersion',
] as const;

/** By what hosts are chosen. */
export const HOST_FILTERS = ['state', ...TARGET_FILTERS] as const;

/** What a job does, and how it goes through its hosts. */
const JOB_SPEC = [
  'name',
  'work',
  'batch',
  'concurrency',
  'stopAfter',
  'waitSeconds',
  'timeoutSeconds',
  'totalSeconds',
  'lostSeconds',
  'outputLimitBytes',
] as const;

export const OPERATIONS = {
  listHosts: answering<Page<HostSummary>>()({
    method: 'GET',
    path: '/api/v1/hosts',
    query: [...PAGING, ...HOST_FILTERS, 'sort', 'order', 'total'],
  }),
  showHost: answering<Host>()({ method: 'GET', path: '/api/v1/hosts/{id}' }),
  changeHost: answering<Host>()({
    method: 'PATCH',
    path: '/api/v1/hosts/{id}',
    body: ['labels', 'notes'],
  }),
  approveHost: answering<void>()({ method: 'POST', path: '/api/v1/hosts/{id}/approve' }),
  revokeHost: answering<void>()({
    method: 'POST',
    path: '/api/v1/hosts/{id}/revoke',
    body: ['because'],
  }),
  removeHost: answering<void>()({ method: 'DELETE', path: '/api/v1/hosts/{id}' }),
  listHostPackages: answering<Page<HostPackage>>()({
    method: 'GET',
    path: '/api/v1/hosts/{id}/packages',
    query: [...PAGING, 'search', 'upgradable', 'security', 'held'],
  }),
  listHostServices: answering<Page<HostService>>()({
    method: 'GET',
    path: '/api/v1/hosts/{id}/services',
    query: [...PAGING, 'search', 'active'],
  }),
  listHostEvents: answering<Page<HostEvent>>()({
    method: 'GET',
    path: '/api/v1/hosts/{id}/events',
    query: PAGING,
  }),
  listHostJobs: answering<Page<HostJob>>()({
    method: 'GET',
    path: '/api/v1/hosts/{id}/jobs',
    query: PAGING,
  }),
  readJournal: answering<ServiceJournal>()({
    method: 'GET',
    path: '/api/v1/hosts/{id}/services/{service}/journal',
    query: ['lines'],
  }),
  listPackages: answering<Page<PackageName>>()({
    method: 'GET',
    path: '/api/v1/packages',
    query: [...PAGING, 'search'],
    pageLimit: 50,
  }),
  listServices: answering<Page<ServiceName>>()({
    method: 'GET',
    path: '/api/v1/services',
    query: [...PAGING, 'search'],
    pageLimit: 50,
  }),
  listJobs: answering<Page<JobSummary>>()({
    method: 'GET',
    path: '/api/v1/jobs',
    query: [...PAGING, 'state'],
  }),
  previewJob: answering<JobPreview>()({
    method: 'GET',
    path: '/api/v1/jobs/preview',
    query: [...TARGET_FILTERS, 'kind'],
  }),
  createJob: answering<MadeJob>()({
    method: 'POST',
    path: '/api/v1/jobs',
    body: [...JOB_SPEC, 'target', 'digest'],
  }),
  watchJob: answering<never>()({ method: 'GET', path: '/api/v1/jobs/{id}/live' }),
  showJob: answering<Job>()({ method: 'GET', path: '/api/v1/jobs/{id}' }),
  cancelJob: answering<Made>()({
    method: 'POST',
    path: '/api/v1/jobs/{id}/cancel',
    body: ['reason'],
  }),
  retryJob: answering<MadeJob>()({
    method: 'POST',
    path: '/api/v1/jobs/{id}/retry',
    body: ['states'],
  }),
  giveUpJob: answering<JobGivenUp>()({ method: 'POST', path: '/api/v1/jobs/{id}/give-up' }),
  listJobRuns: answering<Page<JobRun>>()({
    method: 'GET',
    path: '/api/v1/jobs/{id}/runs',
    query: [...PAGING, 'state', 'search', 'total'],
  }),
  showJobRun: answering<JobRun>()({ method: 'GET', path: '/api/v1/jobs/{id}/runs/{host}' }),
  showOutput: answering<JobOutput>()({
    method: 'GET',
    path: '/api/v1/jobs/{id}/runs/{host}/output',
    query: ['from'],
  }),
  watchOutput: answering<never>()({
    method: 'GET',
    path: '/api/v1/jobs/{id}/runs/{host}/output/live',
    query: ['from'],
  }),
  listAlerts: answering<Page<Alert>>()({
    method: 'GET',
    path: '/api/v1/alerts',
    query: [...PAGING, 'state', 'severity', 'kind', 'host', 'acknowledged'],
  }),
  acknowledgeAlert: answering<void>()({
    method: 'POST',
    path: '/api/v1/alerts/{id}/acknowledge',
  }),
  listAlertRules: answering<Page<AlertRule>>()({
    method: 'GET',
    path: '/api/v1/alert-rules',
    query: PAGING,
  }),
  createAlertRule: answering<AlertRule>()({
    method: 'POST',
    path: '/api/v1/alert-rules',
    body: ['id', 'kind', 'selector', 'threshold', 'severity', 'enabled'],
  }),
  editAlertRule: answering<AlertRule>()({
    method: 'PATCH',
    path: '/api/v1/alert-rules/{id}',
    body: ['selector', 'threshold', 'severity', 'enabled'],
  }),
  removeAlertRule: answering<void>()({ method: 'DELETE', path: '/api/v1/alert-rules/{id}' }),
  listAlertTargets: answering<Page<AlertTarget>>()({
    method: 'GET',
    path: '/api/v1/alert-targets',
    query: PAGING,
  }),
  createAlertTarget: answering<MadeTarget>()({
    method: 'POST',
    path: '/api/v1/alert-targets',
    body: ['name', 'url', 'recipients', 'kinds', 'minimumSeverity'],
  }),
  editAlertTarget: answering<void>()({
    method: 'PATCH',
    path: '/api/v1/alert-targets/{id}',
    body: ['kinds', 'minimumSeverity', 'enabled'],
  }),
  removeAlertTarget: answering<void>()({ method: 'DELETE', path: '/api/v1/alert-targets/{id}' }),
  testAlertTarget: answering<Made>()({
    method: 'POST',
    path: '/api/v1/alert-targets/{id}/test',
  }),
  listAlertDeliveries: answering<Page<AlertDelivery>>()({
    method: 'GET',
    path: '/api/v1/alert-deliveries',
    query: [...PAGING, 'state', 'target', 'alert'],
  }),
  retryAlertDelivery: answering<Made>()({
    method: 'POST',
    path: '/api/v1/alert-deliveries/{id}/retry',
  }),
  ...CAMPAIGN_OPERATIONS,
  listBusGroups: answering<BusGroups>()({ method: 'GET', path: '/api/v1/bus/groups' }),
  listBusParked: answering<Page<BusParked>>()({
    method: 'GET',
    path: '/api/v1/bus/parked',
    query: [...PAGING, 'group', 'topic', 'total'],
  }),
  giveBackParked: answering<BusParked>()({
    method: 'POST',
    path: '/api/v1/bus/parked/{id}/give-back',
  }),
  discardParked: answering<BusParked>()({ method: 'DELETE', path: '/api/v1/bus/parked/{id}' }),
  showAuthority: answering<ClusterAuthority>()({ method: 'GET', path: '/api/v1/authority' }),
  showAuthorityStatus: answering<AuthorityStatus>()({
    method: 'GET',
    path: '/api/v1/authority/status',
  }),
  rotateAuthority: answering<KeyChanged>()({ method: 'POST', path: '/api/v1/authority/rotate' }),
  dropAuthority: answering<KeyRetired>()({
    method: 'POST',
    path: '/api/v1/authority/drop',
    body: ['words'],
  }),
  rotateOrdersKey: answering<KeyChanged>()({
    method: 'POST',
    path: '/api/v1/authority/orders-key/rotate',
  }),
  retireOrdersKey: answering<KeyRetired>()({
    method: 'POST',
    path: '/api/v1/authority/orders-key/retire',
  }),
  listEnrolmentTokens: answering<Page<EnrolmentToken>>()({
    method: 'GET',
    path: '/api/v1/enrolment-tokens',
    query: PAGING,
  }),
  createEnrolmentToken: answering<MadeToken>()({
    method: 'POST',
    path: '/api/v1/enrolment-tokens',
    body: ['name', 'labels', 'needsApproval', 'maxUses', 'expiresInSeconds'],
  }),
  revokeEnrolmentToken: answering<void>()({
    method: 'DELETE',
    path: '/api/v1/enrolment-tokens/{id}',
  }),
  listApiTokens: answering<Page<ApiToken>>()({
    method: 'GET',
    path: '/api/v1/api-tokens',
    query: PAGING,
  }),
  createApiToken: answering<MadeToken>()({
    method: 'POST',
    path: '/api/v1/api-tokens',
    body: ['name', 'grants', 'expiresInSeconds'],
  }),
  revokeApiToken: answering<void>()({ method: 'DELETE', path: '/api/v1/api-tokens/{id}' }),
  listUsers: answering<Page<User>>()({ method: 'GET', path: '/api/v1/users', query: PAGING }),
  showUser: answering<User>()({ method: 'GET', path: '/api/v1/users/{id}' }),
  createUser: answering<Made>()({
    method: 'POST',
    path: '/api/v1/users',
    body: ['name', 'displayName', 'email', 'password', 'grants'],
  }),
  editUser: answering<void>()({
    method: 'PATCH',
    path: '/api/v1/users/{id}',
    body: ['displayName', 'email', 'state'],
  }),
  grantUser: answering<void>()({
    method: 'PUT',
    path: '/api/v1/users/{id}/grants',
    body: ['grants'],
  }),
  setPassword: answering<void>()({
    method: 'PUT',
    path: '/api/v1/users/{id}/password',
    body: ['password'],
  }),
  removeUser: answering<void>()({ method: 'DELETE', path: '/api/v1/users/{id}' }),
  listAudit: answering<Page<AuditEntry>>()({
    method: 'GET',
    path: '/api/v1/audit',
    query: [...PAGING, 'actor', 'act', 'target', 'outcome'],
  }),
  verifyAudit: answering<AuditVerified>()({ method: 'GET', path: '/api/v1/audit/verify' }),
  whoAmI: answering<Who>()({ method: 'GET', path: '/api/v1/session' }),
  beginSession: answering<SessionBegun>()({
    method: 'POST',
    path: '/api/v1/session',
    body: ['name', 'password'],
    keyless: true,
  }),
  setUp: answering<SessionBegun>()({
    method: 'POST',
    path: '/api/v1/setup',
    body: ['token', 'name', 'password'],
    keyless: true,
  }),
  endSession: answering<void>()({ method: 'DELETE', path: '/api/v1/session' }),
  changePassword: answering<void>()({
    method: 'PUT',
    path: '/api/v1/session/password',
    body: ['old', 'new'],
  }),
} as const;
