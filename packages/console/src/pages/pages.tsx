// Which page an address is.

import { EmptyState, EmptyStateBody, EmptyStateFooter } from '@patternfly/react-core';
import { Link, Route, Switch } from 'wouter';
import { PageBody, PageHead } from '../components/page-head';
import { ApiTokensPage } from './access/api-tokens';
import { AuditPage } from './access/audit';
import { EnrolmentTokensPage } from './access/enrolment-tokens';
import { UserPage } from './access/user';
import { UsersPage } from './access/users';
import { AlertRulesPage } from './alerts/alert-rules';
import { AlertTargetsPage } from './alerts/alert-targets';
import { AlertsPage } from './alerts/alerts';
import { DeliveriesPage } from './alerts/deliveries';
import { CampaignPage } from './campaigns/campaign';
import { CampaignsPage } from './campaigns/campaigns';
import { PlanPage } from './campaigns/plan';
import { BundlesPage } from './clusters/bundles';
import { ClusterPage } from './clusters/cluster';
import { ClustersPage } from './clusters/clusters';
import { DeclarePage } from './clusters/declare';
import { ShardPage } from './clusters/shard';
import { HomePage } from './home';
import { HostPage } from './hosts/host';
import { HostsPage } from './hosts/hosts';
import { JobPage } from './jobs/job';
import { JobsPage } from './jobs/jobs';
import { NewJobPage } from './jobs/new-job';
import { PackagesPage, ServicesPage } from './names';
import { SettingsPage } from './settings';

export function Pages() {
  return (
    <Switch>
      <Route path="/" component={HomePage} />
      <Route path="/clusters" component={ClustersPage} />
      <Route path="/clusters/new" component={DeclarePage} />
      <Route path="/clusters/bundles" component={BundlesPage} />
      <Route path="/clusters/:id/shards/:shard/:part?">
        {(params) => <ShardPage key={`${params.id} ${params.shard}`} {...params} />}
      </Route>
      <Route path="/clusters/:id/:part?">
        {(params) => <ClusterPage key={params.id} {...params} />}
      </Route>
      <Route path="/campaigns" component={CampaignsPage} />
      <Route path="/campaigns/new" component={PlanPage} />
      <Route path="/campaigns/:id/:part?">
        {(params) => <CampaignPage key={params.id} {...params} />}
      </Route>
      <Route path="/hosts" component={HostsPage} />
      <Route path="/hosts/:id/:part?">{(params) => <HostPage {...params} />}</Route>
      <Route path="/jobs" component={JobsPage} />
      <Route path="/jobs/new" component={NewJobPage} />
      <Route path="/jobs/:id">{({ id }) => <JobPage id={id} />}</Route>
      <Route path="/packages" component={PackagesPage} />
      <Route path="/services" component={ServicesPage} />
      <Route path="/alerts" component={AlertsPage} />
      <Route path="/alerts/rules" component={AlertRulesPage} />
      <Route path="/alerts/targets" component={AlertTargetsPage} />
      <Route path="/alerts/deliveries" component={DeliveriesPage} />
      <Route path="/tokens" component={EnrolmentTokensPage} />
      <Route path="/users" component={UsersPage} />
      <Route path="/users/:id">{({ id }) => <UserPage id={id} />}</Route>
      <Route path="/api-tokens" component={ApiTokensPage} />
      <Route path="/audit" component={AuditPage} />
      <Route path="/settings" component={SettingsPage} />
      <Route component={NoPage} />
    </Switch>
  );
}

function NoPage() {
  return (
    <>
      <PageHead title="No such page" cli={null} />
      <PageBody>
        <EmptyState titleText="There is no page at this address" headingLevel="h2">
          <EmptyStateBody>It may be of another release, or mistyped.</EmptyStateBody>
          <EmptyStateFooter>
            <Link href="/">To the start</Link>
          </EmptyStateFooter>
        </EmptyState>
      </PageBody>
    </>
  );
}
