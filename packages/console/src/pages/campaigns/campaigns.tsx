// The list of campaigns.

import { Button } from '@patternfly/react-core';
import { useLocation } from 'wouter';
import { PageBody, PageHead } from '../../components/page-head';
import { useAddress } from '../../state/address';
import { useMay } from '../../state/session';
import { commandLine } from '../../state/words';
import { CampaignList } from './campaign-list';

export function CampaignsPage() {
  const state = useAddress().get('state');
  const [, navigate] = useLocation();
  const mayWrite = useMay('cluster:write');
  return (
    <>
      <PageHead
        title="Campaigns"
        about="Each leads a cluster from one release to the next, server by server, shard by shard."
        cli={commandLine('campaign', 'list', ...(state === '' ? [] : ['--state', state]))}
        actions={
          mayWrite && <Button onClick={() => navigate('/campaigns/new')}>Plan a campaign</Button>
        }
      />
      <PageBody>
        <CampaignList query={{}} />
      </PageBody>
    </>
  );
}
