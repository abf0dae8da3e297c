-- Release 1.0 of the store: what this release's servers see on every shard.
--
-- A host and all that belongs to it is on one shard, by its bucket. What belongs to the whole
-- fleet is on the home shard; on the others those tables are empty.

-- Hosts and what they tell --------------------------------------------------------------------

-- The buckets of hosts that this shard has. A shard that is not `owned` refuses their writes.
create table buckets (
  bucket int primary key check (bucket between 0 and 1023),
  state text not null check (state in ('owned', 'leaving')),
  -- The shard that it goes to, while it leaves.
  moving_to text,
  -- Grows with every move: of two shards that have a bucket, the higher one is right.
  epoch bigint not null default 1,
  changed_at timestamptz not null default now(),
  check ((state = 'leaving') = (moving_to is not null))
);

-- On the home shard, once every bucket has been given to a shard.
create table buckets_given_out (
  id int primary key default 1 check (id = 1),
  at timestamptz not null default now()
);

create table hosts (
  id uuid primary key,
  bucket int not null references buckets (bucket),
  state text not null check (state in ('pending', 'active', 'revoked')),
  -- Names by which lists of all shards are sorted are in an order that is the same everywhere.
  hostname text collate "C" not null,
  labels jsonb not null default '{}' check (jsonb_typeof(labels) = 'object'),
  notes text,
  enrolled_at timestamptz not null default now(),
  -- The token, on the home shard.
  enrolment_id uuid,
  approved_by text,
  -- What the host said last.
  machine_id text,
  os_id text,
  os_version text,
  os_name text,
  kernel text,
  architecture text,
  cpu_model text,
  cpu_cores int,
  memory_bytes bigint,
  swap_bytes bigint,
  booted_at timestamptz,
  timezone text,
  virtualization text,
  disks jsonb not null default '[]',
  networks jsonb not null default '[]',
  reboot_reasons text[] not null default '{}',
  packages_installed int not null default 0,
  packages_upgradable int not null default 0,
  packages_security int not null default 0,
  packages_held int not null default 0,
  services_failed int not null default 0,
  -- The revision of its facts that is kept here.
  revision bigint not null default 0,
  reported_at timestamptz,
  -- Whom its agent has said that it trusts: ids of keys of orders, digests of authorities; and the
  -- digest of the authority that its certificate is from.
  trusted_keys text[] not null default '{}',
  trusted_authorities text[] not null default '{}',
  certificate_authority text,
  -- Its agent, and the server that has its session.
  agent_version text,
  protocol int,
  allowed text[] not null default '{}',
  abilities jsonb not null default '{}',
  server text,
  fence bigint not null default 0,
  session_expires_at timestamptz,
  connected_at timestamptz,
  last_seen_at timestamptz
) with (fillfactor = 80);

create index hosts_bucket on hosts (bucket);
create index hosts_hostname on hosts (hostname, id);
create index hosts_labels on hosts using gin (labels jsonb_path_ops);
create index hosts_machine on hosts (machine_id);
create index hosts_server on hosts (server);

create table host_packages (
  host_id uuid not null references hosts (id) on delete cascade,
  manager text not null check (manager in ('dpkg', 'rpm')),
  name text collate "C" not null,
  architecture text not null,
  version text not null,
  candidate text,
  is_security boolean not null default false,
  is_held boolean not null default false,
  primary key (host_id, manager, name, architecture, version)
);

-- Counts the hosts of a version from the index alone.
create index host_packages_name on host_packages (name, version, host_id);

create table host_services (
  host_id uuid not null references hosts (id) on delete cascade,
  name text collate "C" not null,
  description text not null,
  load_state text not null,
  active_state text not null,
  sub_state text not null,
  enabled text,
  since timestamptz,
  primary key (host_id, name)
);

create index host_services_name on host_services (name, active_state, host_id);

create table host_certificates (
  serial text primary key,
  host_id uuid not null references hosts (id) on delete cascade,
  fingerprint text not null unique,
  -- The digest of the authority that it is from.
  authority text not null,
  not_before timestamptz not null,
  not_after timestamptz not null,
  issued_at timestamptz not null default now(),
  revoked_at timestamptz,
  revoked_because text
);

create index host_certificates_host on host_certificates (host_id);

-- What happened to a host, for people.
create table host_events (
  id bigint generated always as identity primary key,
  host_id uuid not null references hosts (id) on delete cascade,
  at timestamptz not null default now(),
  kind text not null,
  severity text not null check (severity in ('info', 'warning', 'error')),
  message text not null,
  detail jsonb not null default '{}'
);

create index host_events_host on host_events (host_id, id desc);

-- Who owns what must have one owner, on the shard where that is: a job, a bucket's move.
create table leases (
  name text primary key,
  owner text not null,
  fence bigint not null,
  expires_at timestamptz not null
);

-- The cluster itself, on the home shard ---------------------------------------------------------

-- Its authority, and what orders are signed with. The private part is sealed by a key that only
-- servers have.
create table cluster_keys (
  id uuid primary key,
  kind text not null check (kind in ('authority', 'orders')),
  -- A certificate, or a public key, in PEM.
  public_part text not null,
  -- Empty once it is retired.
  sealed bytea not null,
  created_at timestamptz not null,
  -- The key of its kind before it; what it was replaced by names it. Of a key of orders with that
  -- one's signature, base64.
  follows uuid unique references cluster_keys (id),
  voucher text,
  retired_at timestamptz,
  check ((kind = 'orders' and follows is not null) = (voucher is not null))
);

create unique index cluster_keys_first on cluster_keys (kind) where follows is null;

-- Which keys each server has read, and when: an old one is given up once every server that runs has
-- the new one.
create table key_readers (
  server text primary key,
  keys uuid[] not null,
  read_at timestamptz not null default now()
);

-- The API: on the home shard ------------------------------------------------------------------

-- Requests that came with a key, so that they are carried out once. See api/idempotency.ts.
create table api_requests (
  -- Hash of the caller and the key.
  id bytea primary key,
  request_hash bytea not null,
  made_at timestamptz not null default now(),
  -- Sealed with the key; null while the request is under way.
  answer bytea
);

create index api_requests_made on api_requests (made_at);

-- Who may do what: on the home shard ------------------------------------------------------------

create table users (
  id uuid primary key,
  -- What is typed to sign in; in lower case.
  name text collate "C" not null unique,
  display_name text,
  email text,
  -- Argon2id; null for who signs in elsewhere.
  password_hash text,
  -- The account at the provider of OpenID Connect.
  issuer text,
  subject text,
  state text not null default 'active' check (state in ('active', 'disabled')),
  made_at timestamptz not null default now(),
  signed_in_at timestamptz,
  unique (issuer, subject),
  check ((issuer is null) = (subject is null))
);

create table api_tokens (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  name text not null,
  -- Its first letters, by which people tell it from others.
  prefix text not null,
  -- SHA-256 of the token, which is random and long.
  hash bytea not null unique,
  made_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  revoked_at timestamptz
);

create index api_tokens_user on api_tokens (user_id);

-- A role that a user or an API token has.
create table role_grants (
  id uuid primary key,
  user_id uuid references users (id) on delete cascade,
  token_id uuid references api_tokens (id) on delete cascade,
  role text not null check (role in ('viewer', 'operator', 'auditor', 'admin')),
  -- The hosts that it is for, by their labels; null: all, and what belongs to no host.
  selector text,
  -- Given by the groups of the provider, and taken away with them.
  from_groups boolean not null default false,
  check (num_nonnulls(user_id, token_id) = 1)
);

create index role_grants_user on role_grants (user_id);
create index role_grants_token on role_grants (token_id);

create table sessions (
  -- SHA-256 of the cookie.
  hash bytea primary key,
  user_id uuid not null references users (id) on delete cascade,
  address text not null,
  made_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  expires_at timestamptz not null
);

create index sessions_user on sessions (user_id);
create index sessions_expiry on sessions (expires_at);

-- Attempts to sign in, counted by all servers together.
create table sign_in_attempts (
  kind text not null check (kind in ('user', 'address')),
  of text not null,
  attempts int not null,
  counted_from timestamptz not null,
  primary key (kind, of)
);

-- What makes the first user. Gone as soon as there is one.
create table setup_tokens (
  hash bytea primary key,
  made_at timestamptz not null default now()
);

create table enrolment_tokens (
  id uuid primary key,
  name text not null,
  prefix text not null,
  hash bytea not null unique,
  labels jsonb not null default '{}' check (jsonb_typeof(labels) = 'object'),
  needs_approval boolean not null,
  uses int not null default 0,
  max_uses int not null,
  made_at timestamptz not null default now(),
  made_by text not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  check (uses <= max_uses)
);

-- Which hosts have used it: the same host may come again.
create table enrolment_uses (
  token_id uuid not null references enrolment_tokens (id) on delete cascade,
  host_id uuid not null,
  used_at timestamptz not null default now(),
  primary key (token_id, host_id)
);

-- The audit log: on the home shard ----------------------------------------------------------------

-- Rows are added and never changed. Each has the hash of the one before: see audit/chain.ts.
create table audit_entries (
  number bigint primary key check (number > 0),
  at timestamptz not null,
  actor text not null,
  actor_id text not null,
  address text not null,
  request text not null,
  act text not null,
  target text not null,
  outcome text not null check (outcome in ('intended', 'done', 'refused', 'failed')),
  -- JSON as it was hashed.
  detail text not null,
  hash bytea not null
);

create index audit_entries_actor on audit_entries (actor_id, number);
create index audit_entries_target on audit_entries (target, number);

-- The last entry; locked by who adds one, so that there is one order.
create table audit_head (
  id int primary key default 1 check (id = 1),
  number bigint not null,
  hash bytea not null
);

-- Jobs ------------------------------------------------------------------------------------------

-- What somebody wants done on hosts, and how far it is; on the home shard.
create table jobs (
  id uuid primary key,
  name text not null,
  kind text not null check (kind in ('packages', 'service', 'command', 'file')),
  work jsonb not null,
  -- What its hosts were chosen by, for people: job_hosts says which they are.
  target jsonb not null,
  -- Of the list of hosts, as the preview gave it.
  digest text not null,
  total int not null check (total > 0),
  batches int not null check (batches > 0),
  concurrency int not null check (concurrency > 0),
  -- So many failures stop it; null: none do.
  stop_after int check (stop_after > 0),
  -- How long a host may be offline once it is its turn.
  wait_seconds int not null,
  -- How long a host may take.
  timeout_seconds int not null,
  -- How long a host that is late counts as not lost.
  lost_seconds int not null,
  output_limit_bytes int not null,
  -- When all of it is stopped.
  deadline_at timestamptz not null,
  retry_of uuid references jobs (id) on delete set null,
  created_by text not null,
  created_at timestamptz not null default now(),
  state text not null default 'running' check (
    state in ('running', 'stopping', 'succeeded', 'failed', 'stopped', 'cancelled', 'timed_out')
  ),
  stop_kind text check (stop_kind in ('cancelled', 'failures', 'timeout')),
  stop_reason text,
  -- Runs by state, as the driver found them last on each shard.
  census jsonb not null default '{}',
  ended_at timestamptz,
  check ((state = 'running') <= (stop_kind is null)),
  check ((state in ('running', 'stopping')) = (ended_at is null))
);

create index jobs_list on jobs (created_at desc, id desc);
create index jobs_open on jobs (id) where state in ('running', 'stopping');
create index jobs_ended on jobs (ended_at);
create index jobs_retries on jobs (retry_of);

-- The hosts of a job: each has one run, on its own shard.
create table job_hosts (
  job_id uuid not null references jobs (id) on delete cascade,
  host_id uuid not null,
  batch int not null,
  -- Its shard did not answer, and somebody has given the host up: the run that ended as lost. Null
  -- again once the shard is back and has that end, too.
  given_up_run uuid,
  given_up_at timestamptz,
  primary key (job_id, host_id),
  check ((given_up_run is null) = (given_up_at is null))
);

create index job_hosts_given_up on job_hosts (job_id) where given_up_at is not null;

-- A job on one host, on the host's shard; jobs/run.ts says what its states mean. It stays when the
-- host is removed, so that no host of a job is missing.
create table job_runs (
  -- Follows from job and host.
  id uuid primary key,
  job_id uuid not null,
  host_id uuid not null,
  bucket int not null references buckets (bucket),
  hostname text not null,
  batch int not null,
  state text not null default 'waiting' check (
    state in (
      'waiting', 'released', 'sent', 'running', 'succeeded', 'failed', 'timed_out', 'cancelled',
      'refused', 'lost', 'expired', 'skipped'
    )
  ),
  -- The server that drives the job: one with a lower number changes nothing.
  driver_fence bigint not null,
  timeout_seconds int not null,
  lost_seconds int not null,
  output_limit_bytes int not null,
  -- Set when its batch has its turn: it does not begin after that.
  begin_before timestamptz,
  -- What is signed, from its first release to its end.
  order_text text,
  -- The session that it was sent in.
  session_fence bigint,
  -- When it is lost, of a run that was sent.
  deadline_at timestamptz,
  cancel_kind text check (cancel_kind in ('cancelled', 'timeout')),
  cancel_reason text,
  cancel_told_fence bigint,
  released_at timestamptz,
  sent_at timestamptz,
  began_at timestamptz,
  ended_at timestamptz,
  -- What became of it, for people.
  message text,
  exit_code int,
  signal text,
  -- By the host's own clock.
  started_at timestamptz,
  finished_at timestamptz,
  -- Pieces below this number have come.
  output_next int not null default 0,
  output_kept_bytes bigint not null default 0,
  -- Left out here because of the limit, and on the host.
  output_dropped_bytes bigint not null default 0,
  -- What the host said after it had been given up.
  said_later jsonb,
  unique (job_id, host_id),
  check (
    (state in ('waiting', 'released', 'sent', 'running')) = (ended_at is null)
  )
) with (fillfactor = 70);

create index job_runs_list on job_runs (job_id, hostname collate "C", id);
create index job_runs_host on job_runs (host_id);
create index job_runs_bucket on job_runs (bucket);
create index job_runs_open on job_runs (host_id) where state in ('released', 'sent', 'running');

-- What a run wrote, in pieces.
create table job_output (
  run_id uuid not null references job_runs (id) on delete cascade,
  number int not null,
  stream text not null check (stream in ('stdout', 'stderr')),
  text text not null,
  at timestamptz not null default now(),
  primary key (run_id, number)
);

-- Alerts: on the home shard -----------------------------------------------------------------------

-- When something is an alert. Those that a new cluster has are in alerts/rules.ts.
create table alert_rules (
  id text collate "C" primary key check (id ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  kind text not null check (
    kind in (
      'host_offline', 'service_failed', 'security_updates', 'reboot_needed', 'disk_full',
      'shard_unreachable', 'job_failed', 'campaign_waits'
    )
  ),
  -- The hosts that it is for, by their labels; null: all.
  selector text,
  -- In the unit of its kind: minutes, packages, percent, hours; see alerts/rules.ts.
  threshold int not null check (threshold >= 0),
  severity text not null check (severity in ('info', 'warning', 'error')),
  enabled boolean not null default true,
  changed_at timestamptz not null default now()
);

create table alerts (
  id uuid primary key,
  -- The place in the list.
  number bigint generated always as identity unique,
  -- No foreign key: what a rule has found stays in the list when it is removed.
  rule_id text collate "C" not null,
  kind text not null,
  -- What it is about: the id of a host or of a job, the name of a shard.
  subject text collate "C" not null,
  -- What people call that.
  subject_name text not null,
  host_id uuid,
  -- Of the host, by which it is seen; null for what belongs to no host.
  labels jsonb,
  state text not null default 'open' check (state in ('open', 'resolved')),
  severity text not null check (severity in ('info', 'warning', 'error')),
  message text not null,
  opened_at timestamptz not null default now(),
  resolved_at timestamptz,
  acknowledged_by text,
  acknowledged_at timestamptz,
  check ((state = 'open') = (resolved_at is null)),
  check ((acknowledged_by is null) = (acknowledged_at is null))
);

create unique index alerts_open on alerts (rule_id, subject) where state = 'open';
create index alerts_resolved on alerts (resolved_at) where state = 'resolved';

-- Who is told.
create table alert_targets (
  id uuid primary key,
  name text collate "C" not null unique,
  kind text not null check (kind in ('webhook', 'mail')),
  -- For people: the webhook without what may be secret in its address, or the recipients.
  place text not null,
  recipients text[] not null default '{}',
  -- The address of a webhook and the secret by which it is signed, sealed by the servers' key.
  sealed bytea,
  -- Kinds of rules; null: all.
  kinds text[],
  minimum_severity text not null check (minimum_severity in ('info', 'warning', 'error')),
  enabled boolean not null default true,
  made_by text not null,
  made_at timestamptz not null default now(),
  check ((kind = 'webhook') = (sealed is not null))
);

-- What is told to whom, and what came of it.
create table alert_deliveries (
  -- In the order in which a target is to hear of an alert.
  number bigint generated always as identity primary key,
  -- By which a receiver knows what it has got already.
  id uuid not null unique,
  target_id uuid not null references alert_targets (id) on delete cascade,
  alert_id uuid references alerts (id) on delete cascade,
  event text not null check (event in ('opened', 'resolved', 'test')),
  payload jsonb not null,
  state text not null default 'pending' check (state in ('pending', 'delivered', 'given_up')),
  attempts int not null default 0,
  -- While a server is at it: when another one may try.
  next_attempt_at timestamptz not null default now(),
  give_up_at timestamptz not null,
  last_status int,
  last_error text,
  made_at timestamptz not null default now(),
  delivered_at timestamptz,
  check ((state = 'delivered') = (delivered_at is not null))
);

create index alert_deliveries_due on alert_deliveries (target_id, number) where state = 'pending';
create index alert_deliveries_alert on alert_deliveries (alert_id, number);

-- Since when rules have been looked at without a pause: while nobody looked, hosts could not
-- connect either.
create table alert_watch (
  id int primary key default 1 check (id = 1),
  since timestamptz not null,
  looked_at timestamptz not null
);

-- Clusters and campaigns: on the home shard -------------------------------------------------------

-- Applications that are upgraded server by server and shard by shard, as somebody declared them.
create table clusters (
  id uuid primary key,
  name text collate "C" not null unique check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  -- What `halflap build` calls the application.
  app text not null,
  -- It is this Halflap: its shards are the store's, and their addresses are not kept.
  is_itself boolean not null default false,
  -- campaigns/cluster/declaration.ts has its shape; without the addresses of shards.
  declared jsonb not null,
  -- Grows with every change: an approval is of one of them.
  revision int not null default 1,
  changed_by text not null,
  changed_at timestamptz not null default now()
);

create unique index clusters_itself on clusters (is_itself) where is_itself;

create table cluster_shards (
  cluster_id uuid not null references clusters (id) on delete cascade,
  name text collate "C" not null,
  -- In the order in which they were declared.
  place int not null,
  is_canary boolean not null default false,
  -- The connection string, sealed by the servers' key.
  sealed bytea not null,
  primary key (cluster_id, name)
);

-- The address and the secret of webhooks that a cluster has declared, sealed by the servers' key.
create table cluster_hooks (
  cluster_id uuid not null references clusters (id) on delete cascade,
  name text collate "C" not null,
  sealed bytea not null,
  primary key (cluster_id, name)
);

-- Bundles, which lead an application from one release to the next.
create table evolutions (
  hash text primary key check (hash ~ '^[0-9a-f]{64}$'),
  app text not null,
  from_release text not null,
  to_release text not null,
  -- JSON as `halflap build` writes it.
  bundle text not null,
  added_by text not null,
  added_at timestamptz not null default now()
);

create index evolutions_from on evolutions (app, from_release);

create table campaigns (
  id uuid primary key,
  cluster_id uuid not null references clusters (id) on delete cascade,
  goal text not null check (goal in ('upgraded', 'expanded', 'back')),
  from_release text not null,
  to_release text not null,
  bundle_hash text not null references evolutions (hash),
  policy jsonb not null,
  -- The servers that were found when it was planned: name, host.
  servers jsonb not null default '[]' check (jsonb_typeof(servers) = 'array'),
  -- Servers and shards that are left out: kind, name, reason, by, at.
  excluded jsonb not null default '[]' check (jsonb_typeof(excluded) = 'array'),
  -- Of plan, policy, servers, shards and bundle: what an approval is of.
  digest text not null,
  state text not null default 'planned' check (
    state in ('planned', 'running', 'paused', 'stopped', 'finished', 'cancelled')
  ),
  -- Why it is paused, stopped or cancelled.
  reason text,
  back_of uuid references campaigns (id) on delete set null,
  planned_by text not null,
  planned_at timestamptz not null default now(),
  approved_by text,
  approved_at timestamptz,
  started_by text,
  started_at timestamptz,
  -- When it was started, or went on again: what signals said before does not stop it.
  went_on_at timestamptz,
  -- One that is cancelled ends when its last server is in service again.
  ended_at timestamptz,
  -- The cluster as it was seen last: campaigns/cluster/matrix.ts has its shape.
  matrix jsonb,
  seen_at timestamptz,
  check ((state = 'planned') <= (started_at is null)),
  check ((state = 'finished') <= (ended_at is not null))
);

-- A cluster has one campaign at a time that changes it.
create unique index campaigns_open on campaigns (cluster_id)
where started_at is not null and ended_at is null;
create index campaigns_list on campaigns (planned_at desc, id desc);
create index campaigns_bundle on campaigns (bundle_hash);
create index campaigns_back on campaigns (back_of);

create table campaign_steps (
  campaign_id uuid not null references campaigns (id) on delete cascade,
  -- server/app1/upgrade, shard/eu1/prepare
  id text collate "C" not null,
  place int not null,
  batch int not null,
  kind text not null check (kind in ('server', 'shard')),
  name text not null,
  action text not null,
  -- Why it needs an approval of its own; null: it needs none.
  own_approval text,
  approved_by text,
  approved_at timestamptz,
  state text not null default 'waiting' check (
    state in ('waiting', 'running', 'succeeded', 'failed', 'skipped')
  ),
  -- Why a step that waits does not begin, and what would change that.
  wait jsonb,
  -- Counts its beginnings; the ids of its jobs follow from it.
  attempt int not null default 0,
  -- An operator wants it done though it may look as if it was.
  is_retried boolean not null default false,
  -- It may look done, and is not: campaigns/owed.ts.
  is_owed boolean not null default false,
  -- Of a server: it was registered on a shard, and has to be again.
  was_running boolean not null default false,
  -- Of a server, of this attempt: drain, upgrade, restart, register, health, undrain.
  stages jsonb not null default '[]' check (jsonb_typeof(stages) = 'array'),
  -- Of a shard: rows, rate, time left, what it waits for.
  progress jsonb,
  -- As the health check said last.
  is_healthy boolean,
  -- The last one while it has to hold: job, number, at, isOver.
  health_check jsonb,
  -- What became of it, for people, and what shows it.
  message text,
  evidence jsonb,
  started_at timestamptz,
  ended_at timestamptz,
  primary key (campaign_id, id)
);

-- What is told or run around steps; campaigns/hooks/hook-rows.ts says what its states mean.
create table campaign_hooks (
  -- By which a receiver knows what it has got already; also the id of its job.
  id uuid primary key,
  -- In the order in which they are called.
  number bigint generated always as identity,
  campaign_id uuid not null references campaigns (id) on delete cascade,
  -- Null: of the campaign.
  step text collate "C",
  attempt int not null default 0,
  -- As it is declared by its cluster.
  hook text collate "C" not null,
  moment text not null check (moment in ('before', 'after', 'failed', 'stopped', 'ended')),
  is_required boolean not null,
  -- What a webhook is told.
  payload jsonb not null,
  state text not null default 'waiting' check (
    state in ('waiting', 'running', 'succeeded', 'failed', 'dropped')
  ),
  -- Of a command.
  job uuid,
  -- Times that a webhook was told it.
  tries int not null default 0,
  next_try_at timestamptz,
  give_up_at timestamptz,
  -- What became of it, for people, and what shows it.
  message text,
  evidence jsonb,
  started_at timestamptz,
  ended_at timestamptz,
  check ((state in ('waiting', 'running')) = (ended_at is null))
);

create index campaign_hooks_open on campaign_hooks (campaign_id)
where state in ('waiting', 'running');
create index campaign_hooks_step on campaign_hooks (campaign_id, step, attempt);

-- What a campaign has seen, decided and done, for people who look back.
create table campaign_events (
  number bigint generated always as identity primary key,
  campaign_id uuid not null references campaigns (id) on delete cascade,
  at timestamptz not null default now(),
  kind text not null,
  step text,
  -- Who; null: the campaign itself.
  by text,
  message text not null,
  detail jsonb not null default '{}',
  -- The cluster, where it looks otherwise than before.
  matrix jsonb
);

create index campaign_events_campaign on campaign_events (campaign_id, number);

-- What a campaign asks its application for, as it was declared when it was asked last.
create table campaign_signals (
  campaign_id uuid not null references campaigns (id) on delete cascade,
  name text collate "C" not null,
  place int not null,
  unit text not null,
  stop_above double precision,
  stop_after_seconds int not null,
  -- Why it was not answered when it was asked last; null: it was.
  away text,
  primary key (campaign_id, name)
);

-- What was answered. Older ones are thinned out, as campaigns/signals/samples.ts says.
create table campaign_samples (
  campaign_id uuid not null references campaigns (id) on delete cascade,
  at timestamptz not null,
  signal text collate "C" not null,
  -- Null: there was no answer.
  value double precision,
  primary key (campaign_id, at, signal)
);

-- The bus ---------------------------------------------------------------------------------------

-- Messages as they were published, in the transaction that changed the data. They are kept for an
-- hour after that, longer where somebody still has to handle them: so long an id is known as taken.
create table bus_messages (
  id uuid primary key,
  -- Of messages with one key the order of their commits; of others nothing. See bus/publish.ts.
  position bigint generated always as identity,
  -- By which a reader tells what has become visible since it looked last. See bus/tail.ts.
  xid xid8 not null default pg_current_xact_id(),
  topic text not null,
  key text,
  format int not null,
  envelope text not null check (octet_length(envelope) <= 65536),
  created_at timestamptz not null default clock_timestamp()
);

create index bus_messages_xid on bus_messages (xid);
create index bus_messages_age on bus_messages using brin (created_at);

-- Who gets a copy of each message, by its topic, until somebody of the group has handled it.
create table bus_groups (
  name text not null,
  topic text not null,
  seen_at timestamptz not null default now(),
  primary key (name, topic)
);

-- What is still to be handled. No foreign key: a message is purged only once nothing here has it,
-- and to check one would cost every transaction that publishes.
create table bus_deliveries (
  group_name text not null,
  position bigint not null,
  message_id uuid not null,
  topic text not null,
  key text,
  format int not null,
  -- Nobody takes it before; of one that is claimed, the end of the claim.
  due_at timestamptz not null default now(),
  -- Drawn anew by every claim, so that a late member cannot settle what is somebody else's now.
  claim uuid,
  server text,
  -- Times that a handler failed, and that a member vanished with it.
  attempts int not null default 0,
  losses int not null default 0,
  reason text,
  primary key (group_name, position)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

create index bus_deliveries_key on bus_deliveries (group_name, key, position)
where key is not null;
create index bus_deliveries_loose on bus_deliveries (group_name, position)
where key is null;

-- What was given up, until an operator gives it back or takes it away.
create table bus_parked (
  group_name text not null,
  position bigint not null,
  message_id uuid not null,
  topic text not null,
  key text,
  format int not null,
  attempts int not null,
  losses int not null,
  reason text not null,
  server text,
  parked_at timestamptz not null default now(),
  primary key (group_name, position)
);

-- Which server carries this shard's messages to a broker, and how far it has come.
create table bus_relays (
  name text primary key,
  owner text not null,
  fence bigint not null,
  expires_at timestamptz not null,
  cursor text not null
);
