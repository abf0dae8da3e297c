// Exceptions first: open alerts, hosts and shards that are away, hosts with failed services, hosts
// that wait to be let in, jobs that failed; then clusters with what stands against them; then what
// is well. Each leads to where something can be done.

import { PageBody, PageHead } from '../components/page-head';
import { useMay } from '../state/session';
import { commandLine } from '../state/words';
import { HomeClusters } from './clusters/home-clusters';
import { HomeCards } from './home-cards';

export function HomePage() {
  const mayClusters = useMay('cluster:read');
  return (
    <>
      <PageHead
        title="Home"
        about="What needs somebody, first."
        cli={commandLine('alerts', 'list', '--state', 'open')}
      />
      <PageBody>
        <section className="hf-cards" aria-label="What needs somebody">
          <HomeCards place="above" />
        </section>
        {mayClusters && <HomeClusters />}
        <div className="hf-cards">
          <HomeCards place="below" />
        </div>
      </PageBody>
    </>
  );
}
