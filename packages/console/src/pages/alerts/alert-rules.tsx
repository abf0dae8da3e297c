// When something is an alert.

import type { AlertRule } from '@halflap/server';
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
import { numberOf, textOf } from '../../state/field-values';
import { useMay } from '../../state/session';
import { commandLine, spoken } from '../../state/words';
import { AlertTabs, RULE_KINDS, SEVERITIES } from './alert-tabs';

const PATH = '/api/v1/alert-rules';

const COLUMNS: readonly Column<AlertRule>[] = [
  { head: 'Rule', cell: ({ id }) => id },
  {
    head: 'State',
    isNarrow: true,
    cell: ({ enabled }) => <StateLabel state={enabled ? 'enabled' : 'disabled'} />,
  },
  { head: 'Looks at', cell: ({ kind }) => spoken(kind) },
  { head: 'From', cell: ({ threshold, unit }) => `${threshold} ${unit}` },
  { head: 'Severity', isNarrow: true, cell: ({ severity }) => <StateLabel state={severity} /> },
  { head: 'Hosts', cell: ({ selector }) => selector ?? 'all' },
];

const ACTIONS: Column<AlertRule> = {
  head: '',
  cell: (rule) => (
    <div className="hf-row-actions">
      <EditRule rule={rule} />
      <ActButton
        size="sm"
        variant="secondary"
        text={rule.enabled ? 'Switch off' : 'Switch on'}
        label={`Switch ${rule.enabled ? 'off' : 'on'} ${rule.id}`}
        act={() => ask('PATCH', `${PATH}/${rule.id}`, { body: { enabled: !rule.enabled } })}
      />
      <ActButton
        size="sm"
        variant="secondary"
        text="Remove"
        label={`Remove ${rule.id}`}
        question={`Remove ${rule.id}?`}
        act={() => ask('DELETE', `${PATH}/${rule.id}`)}
      >
        Its open alerts are resolved.
      </ActButton>
    </div>
  ),
};

export function AlertRulesPage() {
  const address = useAddress();
  const mayWrite = useMay('cluster:write');
  const query = useList<AlertRule>(PATH, askedOf(address, []));
  return (
    <>
      <PageHead
        title="Rules of alerts"
        cli={commandLine('alerts', 'rules', 'list')}
        actions={mayWrite && <NewRule />}
      />
      <PageBody>
        <AlertTabs current="/alerts/rules" />
        <ListView
          label="Rules"
          query={query}
          columns={mayWrite ? [...COLUMNS, ACTIONS] : COLUMNS}
          keyOf={({ id }) => id}
          empty="There is none."
        />
      </PageBody>
    </>
  );
}

function settingsOf(fields: FormData): object {
  return {
    threshold: numberOf(fields, 'threshold'),
    severity: textOf(fields, 'severity'),
    selector: textOf(fields, 'selector') || null,
  };
}

function Settings({ rule }: { readonly rule?: AlertRule }) {
  return (
    <>
      <TextField
        name="threshold"
        label="From what on it is an alert"
        type="number"
        start={String(rule?.threshold ?? 1)}
        {...(rule === undefined ? {} : { help: rule.unit })}
        isRequired
      />
      <ChoiceField
        name="severity"
        label="Severity"
        options={SEVERITIES}
        start={rule?.severity ?? 'warning'}
      />
      <TextField
        name="selector"
        label="Only hosts with these labels"
        start={rule?.selector ?? ''}
        help="env=prod,!edge; empty: all hosts"
      />
    </>
  );
}

function EditRule({ rule }: { readonly rule: AlertRule }) {
  return (
    <FormModal
      size="sm"
      variant="secondary"
      text="Edit"
      label={`Edit ${rule.id}`}
      title={`Rule ${rule.id}`}
      submit="Save"
      act={(fields) => ask('PATCH', `${PATH}/${rule.id}`, { body: settingsOf(fields) })}
    >
      <Settings rule={rule} />
    </FormModal>
  );
}

function NewRule() {
  const act = (fields: FormData) => {
    const body = {
      id: textOf(fields, 'id'),
      kind: textOf(fields, 'kind'),
      ...settingsOf(fields),
    };
    return ask('POST', PATH, { body });
  };
  return (
    <FormModal text="New rule" title="New rule" submit="Make it" act={act}>
      <TextField name="id" label="Name" help="disk-nearly-full; it stays" isRequired />
      <ChoiceField name="kind" label="Looks at" options={RULE_KINDS} />
      <Settings />
    </FormModal>
  );
}
