// API tokens: with them programs ask as somebody.

import type { ApiToken, MadeToken } from '@halflap/server';
import { ask } from '../../api/client';
import { useList } from '../../api/queries';
import { ActButton } from '../../components/act-button';
import type { Column } from '../../components/data-table';
import { TextField } from '../../components/fields';
import { askedOf } from '../../components/filter-bar';
import { FormModal } from '../../components/form-modal';
import { ListView } from '../../components/list-view';
import { PageBody, PageHead } from '../../components/page-head';
import { When } from '../../components/when';
import { useAddress } from '../../state/address';
import { numberOf, textOf } from '../../state/field-values';
import { useWho } from '../../state/session';
import { commandLine } from '../../state/words';
import { GrantLabels, GrantsField, grantsIn } from './grants';
import { CommandToType, NewToken } from './new-token';

const PATH = '/api/v1/api-tokens';
const DAY_SECONDS = 86_400;

const COLUMNS: readonly Column<ApiToken>[] = [
  { head: 'Token', cell: ({ name }) => name },
  { head: 'Of', cell: ({ user }) => user },
  { head: 'Begins with', cell: ({ prefix }) => <code>{prefix}…</code> },
  { head: 'Roles', cell: ({ grants }) => <GrantLabels grants={grants} /> },
  { head: 'Used', cell: ({ usedAt }) => <When at={usedAt} never="never" /> },
  { head: 'Expires', cell: ({ expiresAt }) => <When at={expiresAt} /> },
  {
    head: 'Revoked',
    cell: ({ revokedAt }) => <When at={revokedAt} never="no" />,
  },
  {
    head: '',
    cell: ({ id, name, revokedAt }) =>
      revokedAt === null && (
        <ActButton
          size="sm"
          variant="secondary"
          text="Revoke"
          label={`Revoke ${name}`}
          question={`Revoke ${name}?`}
          act={() => ask('DELETE', `${PATH}/${id}`)}
        >
          Programs that have it are refused from now on.
        </ActButton>
      ),
  },
];

export function ApiTokensPage() {
  const address = useAddress();
  const query = useList<ApiToken>(PATH, askedOf(address, []));
  return (
    <>
      <PageHead
        title="API tokens"
        about="With them programs ask as you, and never may more than you."
        cli={commandLine('api-tokens', 'list')}
        actions={<NewApiToken />}
      />
      <PageBody>
        <ListView
          label="API tokens"
          query={query}
          columns={COLUMNS}
          keyOf={({ id }) => id}
          empty="There is none."
        />
      </PageBody>
    </>
  );
}

function NewApiToken() {
  const { grants } = useWho();
  const act = (fields: FormData) => {
    const body = {
      name: textOf(fields, 'name'),
      grants: grantsIn(fields),
      expiresInSeconds: (numberOf(fields, 'days') ?? 30) * DAY_SECONDS,
    };
    return ask<MadeToken>('POST', PATH, { body });
  };
  return (
    <FormModal
      text="New token"
      title="New API token"
      submit="Make it"
      act={act}
      answered={({ token }) => (
        <NewToken token={token}>
          <p>For the command line put it into a file named token:</p>
          <CommandToType
            line={commandLine('login', '--server', location.origin, '--token-file', 'token')}
          />
        </NewToken>
      )}
    >
      <TextField name="name" label="Name" isRequired />
      <GrantsField start={grants} />
      <TextField name="days" label="Days until it expires" type="number" start="30" />
    </FormModal>
  );
}
