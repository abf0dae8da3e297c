// Declares a cluster.

import type { Made } from '@halflap/server';
import { useLocation } from 'wouter';
import { ask } from '../../api/client';
import { PageBody, PageHead } from '../../components/page-head';
import { commandLine } from '../../state/words';
import { EXAMPLE } from './declaration';
import { DeclareForm } from './declare-form';

export function DeclarePage() {
  const [, navigate] = useLocation();
  return (
    <>
      <PageHead
        title="Declare a cluster"
        about={
          'Its servers by labels of their hosts or by name, its shards by their addresses. ' +
          'Addresses are sealed, and their passwords never shown again.'
        }
        up={{ path: '/clusters', text: 'Clusters' }}
        cli={commandLine('clusters', 'add', 'shop.yaml')}
      />
      <PageBody>
        <DeclareForm
          start={EXAMPLE}
          submit="Declare it"
          act={async (body) => {
            const { id } = await ask<Made>('POST', '/api/v1/clusters', { body });
            navigate(`/clusters/${id}`);
          }}
        />
      </PageBody>
    </>
  );
}
