// Who is told of alerts: people by mail, programs by webhooks.

import type { AlertTarget } from '@halflap/server';
import { ask } from '../../api/client';
import { useList } from '../../api/queries';
import { ActButton } from '../../components/act-button';
import type { Column } from '../../components/data-table';
import { ChoiceField, TextField } from '../../components/fields';
import { askedOf } from '../../components/filter-bar';
import { FormModal } from '../../components/form-modal';
import { ListView } from '../../components/list-view';
import { PageBody, PageHead } from '../../components/page-head';
import { StateLabel } from '../../components/state-label';
import { useAddress } from '../../state/address';
import { textOf } from '../../state/field-values';
import { useMay } from '../../state/session';
import { commandLine, spoken } from '../../state/words';
import { NewToken } from '../access/new-token';
import { AlertTabs, SEVERITIES } from './alert-tabs';

const PATH = '/api/v1/alert-targets';

const COLUMNS: readonly Column<AlertTarget>[] = [
  { head: 'Name', cell: ({ name }) => name },
  {
    head: 'State',
    isNarrow: true,
    cell: ({ enabled }) => <StateLabel state={enabled ? 'enabled' : 'disabled'} />,
  },
  { head: 'By', cell: ({ kind }) => kind },
  { head: 'Where', cell: ({ place }) => place },
  { head: 'Of', cell: ({ kinds }) => kinds?.map(spoken).join(', ') ?? 'every kind' },
  {
    head: 'From',
    isNarrow: true,
    cell: ({ minimumSeverity }) => <StateLabel state={minimumSeverity} />,
  },
  { head: 'Made by', cell: ({ madeBy }) => madeBy },
];

const ACTIONS: Column<AlertTarget> = {
  head: '',
  cell: ({ id, name, enabled }) => (
    <div className="hf-row-actions">
      <ActButton
        size="sm"
        variant="secondary"
        text="Test"
        label={`Test ${name}`}
        act={() => ask('POST', `${PATH}/${id}/test`, { body: {} })}
      />
      <ActButton
        size="sm"
        variant="secondary"
        text={enabled ? 'Switch off' : 'Switch on'}
        label={`Switch ${enabled ? 'off' : 'on'} ${name}`}
        act={() => ask('PATCH', `${PATH}/${id}`, { body: { enabled: !enabled } })}
      />
      <ActButton
        size="sm"
        variant="secondary"
        text="Remove"
        label={`Remove ${name}`}
        question={`Remove ${name}?`}
        act={() => ask('DELETE', `${PATH}/${id}`)}
      >
        With the log of what it was told.
      </ActButton>
    </div>
  ),
};

export function AlertTargetsPage() {
  const address = useAddress();
  const mayWrite = useMay('cluster:write');
  const query = useList<AlertTarget>(PATH, askedOf(address, []));
  return (
    <>
      <PageHead
        title="Who is told of alerts"
        cli={commandLine('alerts', 'targets', 'list')}
        actions={mayWrite && <NewTarget />}
      />
      <PageBody>
        <AlertTabs current="/alerts/targets" />
        <ListView
          label="Who is told"
          query={query}
          columns={mayWrite ? [...COLUMNS, ACTIONS] : COLUMNS}
          keyOf={({ id }) => id}
          empty="Nobody is told: alerts are seen here only."
        />
      </PageBody>
    </>
  );
}

interface MadeTarget {
  readonly id: string;
  readonly secret: string | null;
}

function NewTarget() {
  const act = (fields: FormData) => {
    const recipients = textOf(fields, 'recipients')
      .split(/[\s,]+/)
      .filter((one) => one !== '');
    const body = {
      name: textOf(fields, 'name'),
      ...(recipients.length === 0 ? { url: textOf(fields, 'url') } : { recipients }),
      minimumSeverity: textOf(fields, 'minimumSeverity'),
    };
    return ask<MadeTarget>('POST', PATH, { body });
  };
  return (
    <FormModal
      text="New target"
      title="Who is to be told"
      submit="Make it"
      act={act}
      answered={({ secret }) =>
        secret === null ? (
          <p>It is made. Test it to see that mail comes.</p>
        ) : (
          <NewToken token={secret}>
            <p>By this its receiver knows that a request is genuine.</p>
          </NewToken>
        )
      }
    >
      <TextField name="name" label="Name" isRequired />
      <TextField name="recipients" label="Mail to" help="Empty for a webhook." />
      <TextField name="url" label="Address of a webhook" type="url" help="https://…" />
      <ChoiceField name="minimumSeverity" label="Of nothing milder than" options={SEVERITIES} />
    </FormModal>
  );
}
