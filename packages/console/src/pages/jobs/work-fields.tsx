// The fields of a job's work, for each kind of it.

import { CheckField, ChoiceField, TextField } from '../../components/fields';
import type { Address } from '../../state/address';
import { PACKAGE_ACTIONS, SERVICE_ACTIONS, type WorkKind } from './work';

interface Props {
  readonly kind: WorkKind;
  /** What another page has begun the form with. */
  readonly start: Address;
}

export function WorkFields({ kind, start }: Props) {
  const action = start.get('action');
  switch (kind) {
    case 'packages':
      return (
        <>
          <ChoiceField
            name="action"
            label="Action"
            options={PACKAGE_ACTIONS}
            start={action || 'upgrade'}
          />
          <TextField
            name="packages"
            label="Packages"
            start={start.get('packages')}
            help="openssl nginx=1.24.0-1; none with upgrade: all that can be upgraded"
          />
          <CheckField
            name="onlySecurity"
            label="Only security fixes"
            help="With upgrade and no packages."
            start={start.has('onlySecurity')}
          />
          <CheckField
            name="simulate"
            label="Simulate"
            help="The package manager says what it would do, and does nothing."
            start={start.has('simulate')}
          />
        </>
      );
    case 'service':
      return (
        <>
          <ChoiceField
            name="action"
            label="Action"
            options={SERVICE_ACTIONS}
            start={action || 'restart'}
          />
          <TextField name="service" label="Service" help="nginx.service" isRequired />
        </>
      );
    case 'command':
      return (
        <>
          <TextField
            name="command"
            label="Program and arguments"
            help="No shell reads it: quotes keep blanks together, and nothing else is special."
            isRequired
          />
          <TextField name="user" label="User" help="Empty: the agent’s own." />
          <TextField name="directory" label="Directory" help="Empty: the root directory." />
        </>
      );
    case 'file':
      return (
        <>
          <TextField name="path" label="Path" help="/etc/hosts; it must exist" isRequired />
          <TextField name="contains" label="Contains" />
          <TextField name="sha256" label="SHA-256" />
          <TextField name="mode" label="Mode" help="0644" />
          <TextField name="owner" label="Owner" />
        </>
      );
    default:
      return kind satisfies never;
  }
}
