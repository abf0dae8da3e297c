// Users and what they may do.

import type { User } from '@halflap/server';
import { Link } from 'wouter';
import { ask } from '../../api/client';
import { useList } from '../../api/queries';
import type { Column } from '../../components/data-table';
import { TextField } from '../../components/fields';
import { askedOf } from '../../components/filter-bar';
import { FormModal } from '../../components/form-modal';
import { ListView } from '../../components/list-view';
import { PageBody, PageHead } from '../../components/page-head';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { useAddress } from '../../state/address';
import { textOf } from '../../state/field-values';
import { useMay } from '../../state/session';
import { commandLine } from '../../state/words';
import { GrantLabels, GrantsField, grantsIn } from './grants';

const PATH = '/api/v1/users';

const COLUMNS: readonly Column<User>[] = [
  { head: 'Name', cell: ({ id, name }) => <Link href={`/users/${id}`}>{name}</Link> },
  { head: 'State', isNarrow: true, cell: ({ state }) => <StateLabel state={state} /> },
  { head: 'Who it is', cell: ({ displayName }) => displayName ?? '–' },
  { head: 'Mail', cell: ({ email }) => email ?? '–' },
  { head: 'Signs in by', cell: ({ signsInBy }) => signsInBy },
  { head: 'Roles', cell: ({ grants }) => <GrantLabels grants={grants} /> },
  { head: 'Signed in', cell: ({ signedInAt }) => <When at={signedInAt} never="never" /> },
];

export function UsersPage() {
  const address = useAddress();
  const mayWrite = useMay('users:write');
  const query = useList<User>(PATH, askedOf(address, []));
  return (
    <>
      <PageHead
        title="Users and roles"
        cli={commandLine('users', 'list')}
        actions={mayWrite && <NewUser />}
      />
      <PageBody>
        <ListView
          label="Users"
          query={query}
          columns={COLUMNS}
          keyOf={({ id }) => id}
          empty="There is no user."
        />
      </PageBody>
    </>
  );
}

function NewUser() {
  const act = (fields: FormData) => {
    const password = String(fields.get('password') ?? '');
    const body = {
      name: textOf(fields, 'name'),
      displayName: textOf(fields, 'displayName') || null,
      email: textOf(fields, 'email') || null,
      ...(password === '' ? {} : { password }),
      grants: grantsIn(fields),
    };
    return ask('POST', PATH, { body });
  };
  return (
    <FormModal text="New user" title="New user" submit="Make the user" act={act}>
      <TextField name="name" label="Name" isRequired />
      <TextField name="displayName" label="Who it is" />
      <TextField name="email" label="Mail" type="email" />
      <TextField
        name="password"
        label="Password"
        type="password"
        autoComplete="new-password"
        help="At least 12 letters; empty for who signs in by a provider."
      />
      <GrantsField />
    </FormModal>
  );
}
