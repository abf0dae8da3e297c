// Bundles: what leads an application from one release to the next.

import type { Evolution } from '@halflap/server';
import { FileUpload, FormGroup } from '@patternfly/react-core';
import { useState } from 'react';
import { ask } from '../../api/client';
import { useList } from '../../api/queries';
import type { Column } from '../../components/data-table';
import { askedOf } from '../../components/filter-bar';
import { FormModal } from '../../components/form-modal';
import { ListView } from '../../components/list-view';
import { PageBody, PageHead } from '../../components/page-head';
import { When } from '../../components/when';
import { useAddress } from '../../state/address';
import { useMay } from '../../state/session';
import { commandLine } from '../../state/words';

const PATH = '/api/v1/evolutions';

const COLUMNS: readonly Column<Evolution>[] = [
  { head: 'Application', cell: ({ app }) => app },
  { head: 'Leads', cell: ({ from, to }) => `${from} → ${to}` },
  { head: 'Hash', cell: ({ hash }) => <code>{hash.slice(0, 19)}…</code> },
  { head: 'Uploaded by', cell: ({ addedBy }) => addedBy },
  { head: 'Uploaded', cell: ({ addedAt }) => <When at={addedAt} /> },
];

export function BundlesPage() {
  const address = useAddress();
  const mayWrite = useMay('cluster:write');
  const query = useList<Evolution>(PATH, askedOf(address, []));
  return (
    <>
      <PageHead
        title="Bundles"
        about="What leads an application from one release to the next, as halflap build writes it."
        up={{ path: '/clusters', text: 'Clusters' }}
        cli={commandLine('clusters', 'bundles', 'list')}
        actions={mayWrite && <Upload />}
      />
      <PageBody>
        <ListView
          label="Bundles"
          query={query}
          columns={COLUMNS}
          keyOf={({ hash }) => hash}
          empty="No bundle was uploaded yet."
        />
      </PageBody>
    </>
  );
}

function Upload() {
  const [name, setName] = useState('');
  const [text, setText] = useState('');
  return (
    <FormModal
      text="Upload a bundle"
      title="Upload a bundle"
      submit="Upload"
      act={async () => ask('POST', PATH, { body: { bundle: JSON.parse(text) } })}
    >
      <FormGroup label="The file that halflap build has written" fieldId="bundle">
        <FileUpload
          id="bundle"
          type="text"
          hideDefaultPreview
          filename={name}
          value={text}
          browseButtonText="Choose"
          onFileInputChange={(_, file) => setName(file.name)}
          onDataChange={(_, data) => setText(data)}
          onClearClick={() => {
            setName('');
            setText('');
          }}
        />
      </FormGroup>
    </FormModal>
  );
}
