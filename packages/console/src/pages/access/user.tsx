// One user: roles, password, whether he may sign in.

import type { User } from '@halflap/server';
import { ROLES, type Role } from '@halflap/server/permissions';
import { useLocation } from 'wouter';
import { ask } from '../../api/client';
import { useRead } from '../../api/queries';
import { ActButton } from '../../components/act-button';
import { Facts } from '../../components/facts';
import { TextField } from '../../components/fields';
import { FormModal } from '../../components/form-modal';
import { PageBody, PageHead } from '../../components/page-head';
import { ProblemAlert } from '../../components/problem-alert';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { useMay } from '../../state/session';
import { commandLine } from '../../state/words';
import { GrantLabels, GrantsField, grantsIn } from './grants';

export function UserPage({ id }: { readonly id: string }) {
  const path = `/api/v1/users/${id}`;
  const { data: user, error } = useRead<User>(path);
  const mayWrite = useMay('users:write');
  const name = user?.name ?? id;
  return (
    <>
      <PageHead
        title={name}
        up={{ path: '/users', text: 'Users and roles' }}
        cli={commandLine('users', 'show', name)}
        beside={user !== undefined && <StateLabel state={user.state} />}
        actions={user !== undefined && mayWrite && <UserActions user={user} path={path} />}
      />
      <PageBody isBusy={user === undefined && error === null}>
        <ProblemAlert error={error} />
        {user !== undefined && (
          <Facts
            of={{
              'Who it is': user.displayName,
              Mail: user.email,
              'Signs in by': user.signsInBy,
              Made: <When at={user.madeAt} />,
              'Signed in': <When at={user.signedInAt} never="never" />,
              Roles: <GrantLabels grants={user.grants} />,
              'May do': permissionsOf(user).join(', ') || 'nothing',
            }}
          />
        )}
      </PageBody>
    </>
  );
}

/** Of all roles together, whatever hosts they are for. */
function permissionsOf({ grants }: User): string[] {
  const all = grants.flatMap(({ role }) => [...(ROLES[role as Role] ?? [])]);
  return [...new Set(all)].sort();
}

function UserActions({ user, path }: { readonly user: User; readonly path: string }) {
  const [, navigate] = useLocation();
  const isActive = user.state === 'active';
  return (
    <>
      <FormModal
        text="Change roles"
        title={`Roles of ${user.name}`}
        submit="Save"
        act={(fields) => ask('PUT', `${path}/grants`, { body: { grants: grantsIn(fields) } })}
      >
        <GrantsField start={user.grants} />
      </FormModal>
      <FormModal
        text="Set password"
        variant="secondary"
        title={`A new password for ${user.name}`}
        submit="Set it"
        act={(fields) =>
          ask('PUT', `${path}/password`, { body: { password: fields.get('password') } })
        }
      >
        <TextField
          name="password"
          label="Password"
          type="password"
          autoComplete="new-password"
          isRequired
          help="At least 12 letters. All sessions of the user end."
        />
      </FormModal>
      <ActButton
        text={isActive ? 'Disable' : 'Enable'}
        variant="secondary"
        question={`${isActive ? 'Disable' : 'Enable'} ${user.name}?`}
        act={() => ask('PATCH', path, { body: { state: isActive ? 'disabled' : 'active' } })}
      >
        {isActive && 'All sessions and tokens of the user end at once.'}
      </ActButton>
      <ActButton
        text="Remove"
        variant="danger"
        question={`Remove ${user.name}?`}
        act={async () => {
          await ask('DELETE', path);
          navigate('/users');
        }}
      >
        With all sessions and API tokens.
      </ActButton>
    </>
  );
}
