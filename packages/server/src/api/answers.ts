// What the API answers, as types for whoever asks it: those of the shapes that write the answers.
// Nothing of this is there when a program runs.

import type { Static } from 'typebox';
import type { PreviewHost } from './job-shapes.js';
import type * as deliveries from './routes/alert-deliveries.js';
import type * as rules from './routes/alert-rules.js';
import type * as targets from './routes/alert-targets.js';
import type * as alerts from './routes/alerts.js';
import type * as apiTokens from './routes/api-tokens.js';
import type * as audit from './routes/audit.js';
import type * as authority from './routes/authority.js';
import type * as bus from './routes/bus.js';
import type * as enrolment from './routes/enrolment-tokens.js';
import type * as health from './routes/health.js';
import type * as hostJobs from './routes/host-jobs.js';
import type * as parts from './routes/host-parts.js';
import type * as names from './routes/names.js';
import type * as session from './routes/session.js';
import type * as signIn from './routes/sign-in.js';
import type * as users from './routes/users.js';
import type { ShardAnswer } from './shapes.js';

export type {
  ClusterBehaviour,
  ClusterBehaviours,
  ClusterFeature,
  ClusterFeatures,
  ClusterMessages,
  FeatureMoved,
  ParkedSettled,
} from './between-servers-shapes.js';
export type { BundleSteps } from './bundle-steps.js';
export type {
  Campaign,
  CampaignActed,
  CampaignEvent,
  CampaignPlanned,
  CampaignStep,
  CampaignSummary,
} from './campaign-shapes.js';
export type { Host, HostSummary } from './host-shapes.js';
export type { Job, JobOutput, JobRun, JobSummary } from './job-shapes.js';
export type { Matrix, Refusal, WhatIf } from './matrix-shapes.js';
export type { CampaignReport } from './routes/campaign-report.js';
export type { Cluster, ClusterSummary } from './routes/clusters.js';
export type { Evolution } from './routes/evolutions.js';
export type { ServiceJournal } from './routes/journals.js';
export type { Problem, ShardAnswer } from './shapes.js';
export type { Quarantined, Retried, Shard, ShardDrift, ShardStep } from './shard-shapes.js';
export type { CampaignSignal, CampaignSignals } from './signal-shapes.js';

export type HostPackage = Static<typeof parts.HostPackage>;
export type HostService = Static<typeof parts.HostService>;
export type HostEvent = Static<typeof parts.HostEvent>;
export type HostJob = Static<typeof hostJobs.HostJob>;
export type PackageName = Static<typeof names.PackageName>;
export type ServiceName = Static<typeof names.ServiceName>;
export type EnrolmentToken = Static<typeof enrolment.EnrolmentToken>;
export type ApiToken = Static<typeof apiTokens.ApiToken>;
export type ClusterAuthority = Static<typeof authority.ClusterAuthority>;
export type AuthorityStatus = Static<typeof authority.AuthorityStatus>;
export type KeyChanged = Static<typeof authority.KeyChanged>;
export type KeyRetired = Static<typeof authority.KeyRetired>;
export type User = Static<typeof users.User>;
export type Alert = Static<typeof alerts.Alert>;
export type AlertRule = Static<typeof rules.AlertRule>;
export type AlertTarget = Static<typeof targets.AlertTarget>;
export type AlertDelivery = Static<typeof deliveries.AlertDelivery>;
export type BusGroup = Static<typeof bus.BusGroup>;
export type BusGroups = Static<typeof bus.BusGroups>;
export type BusParked = Static<typeof bus.BusParked>;
export type AuditEntry = Static<typeof audit.Entry>;
export type AuditVerified = Static<typeof audit.Verified>;
export type Who = Static<typeof session.Who>;
export type Readiness = Static<typeof health.Ready>;
export type SignInWays = Static<typeof signIn.SignInWays>;
export type SessionBegun = Static<typeof session.Begun>;

export interface JobPreview {
  readonly hosts: readonly Static<typeof PreviewHost>[];
  readonly digest: string;
  /** They do not answer; their hosts are not in the list. */
  readonly silentShards: readonly string[];
}

/** A job that has been made. */
export interface MadeJob {
  readonly id: string;
  readonly digest: string;
  readonly hosts: number;
}

/** Hosts of a job that are not waited for any more. */
export interface JobGivenUp {
  readonly id: string;
  readonly hosts: number;
  /** That do not answer. */
  readonly shards: readonly string[];
}

/** What has been made. */
export interface Made {
  readonly id: string;
}

/** A target of alerts that has been made: the only time that the secret of a webhook is shown. */
export interface MadeTarget extends Made {
  readonly secret: string | null;
}

/** A token that has been made: the only time that it is shown. */
export interface MadeToken extends Made {
  readonly token: string;
}

/** A page of a list; `next` is the cursor of the next one, null when there is none. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
  /** Of all pages together, of the shards that answered; where it was asked for. */
  readonly total?: number | null;
  /** Of a list that all shards have a part of. */
  readonly shards?: readonly ShardAnswer[];
}
