// Enrolment tokens: with one of them a host becomes known.

import type { ClusterAuthority, EnrolmentToken, MadeToken } from '@halflap/server';
import { ask } from '../../api/client';
import { useList, useRead } from '../../api/queries';
import { ActButton } from '../../components/act-button';
import type { Column } from '../../components/data-table';
import { CheckField, TextField } from '../../components/fields';
import { askedOf } from '../../components/filter-bar';
import { FormModal } from '../../components/form-modal';
import { Labels, labelsOf } from '../../components/labels';
import { ListView } from '../../components/list-view';
import { PageBody, PageHead } from '../../components/page-head';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { useAddress } from '../../state/address';
import { numberOf, textOf } from '../../state/field-values';
import { useMay } from '../../state/session';
import { commandLine, numberText } from '../../state/words';
import { CommandToType, NewToken } from './new-token';

const PATH = '/api/v1/enrolment-tokens';
const HOUR_SECONDS = 3600;
/** Where agents come, unless a server says otherwise. */
const AGENTS_PORT = 8441;

const COLUMNS: readonly Column<EnrolmentToken>[] = [
  { head: 'Token', cell: ({ name }) => name },
  { head: 'State', isNarrow: true, cell: ({ state }) => <StateLabel state={state} /> },
  { head: 'Begins with', cell: ({ prefix }) => <code>{prefix}…</code> },
  {
    head: 'Used',
    cell: ({ uses, maxUses }) => `${numberText(uses)} of ${numberText(maxUses)}`,
  },
  { head: 'Labels', cell: ({ labels }) => <Labels labels={labels} /> },
  { head: 'Approval', cell: ({ needsApproval }) => (needsApproval ? 'needed' : 'not needed') },
  { head: 'Made by', cell: ({ madeBy }) => madeBy },
  { head: 'Expires', cell: ({ expiresAt }) => <When at={expiresAt} /> },
];

const ACTIONS: Column<EnrolmentToken> = {
  head: '',
  cell: ({ id, name, state }) =>
    state !== 'revoked' && (
      <ActButton
        size="sm"
        variant="secondary"
        text="Revoke"
        label={`Revoke ${name}`}
        question={`Revoke ${name}?`}
        act={() => ask('DELETE', `${PATH}/${id}`)}
      >
        Hosts that have used it stay.
      </ActButton>
    ),
};

export function EnrolmentTokensPage() {
  const address = useAddress();
  const mayWrite = useMay('tokens:write');
  const query = useList<EnrolmentToken>(PATH, askedOf(address, []));
  return (
    <>
      <PageHead
        title="Enrolment tokens"
        about="With one of them an agent makes its host known."
        cli={commandLine('tokens', 'list')}
        actions={mayWrite && <NewEnrolmentToken />}
      />
      <PageBody>
        <ListView
          label="Enrolment tokens"
          query={query}
          columns={mayWrite ? [...COLUMNS, ACTIONS] : COLUMNS}
          keyOf={({ id }) => id}
          empty="There is none. Make one to add hosts."
        />
      </PageBody>
    </>
  );
}

function NewEnrolmentToken() {
  const { data: authority } = useRead<ClusterAuthority>('/api/v1/authority', {}, { every: false });
  const act = (fields: FormData) => {
    const hours = numberOf(fields, 'hours');
    const body = {
      name: textOf(fields, 'name'),
      labels: labelsOf(textOf(fields, 'labels')) ?? { '=': '' },
      needsApproval: fields.has('needsApproval'),
      maxUses: numberOf(fields, 'maxUses'),
      expiresInSeconds: hours === undefined ? undefined : hours * HOUR_SECONDS,
    };
    return ask<MadeToken>('POST', PATH, { body });
  };
  return (
    <FormModal
      text="New token"
      title="New enrolment token"
      submit="Make it"
      act={act}
      answered={({ token }) => (
        <NewToken token={token}>
          <p>On each host put it into a file named token, and start the agent:</p>
          <CommandToType line={agentLine(authority)} />
        </NewToken>
      )}
    >
      <TextField name="name" label="Name" isRequired />
      <TextField name="labels" label="Labels that hosts get" help="env=prod site=eu1" />
      <TextField name="maxUses" label="For how many hosts" type="number" start="1" />
      <TextField name="hours" label="Hours until it expires" type="number" start="24" />
      <CheckField name="needsApproval" label="Hosts wait until somebody lets them in" />
    </FormModal>
  );
}

function agentLine(authority: ClusterAuthority | undefined): string {
  return commandLine(
    ...['agent', '--server', `${location.hostname}:${AGENTS_PORT}`, '--enrol-file', 'token'],
    ...(authority === undefined ? [] : ['--ca-pin', authority.pin]),
  );
}
