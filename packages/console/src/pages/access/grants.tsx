// Roles that users and tokens have, each for all hosts or for some.

import type { User } from '@halflap/server';
import { ROLE_NAMES, type Role } from '@halflap/server/permissions';
import { Label, LabelGroup } from '@patternfly/react-core';
import { TextField } from '../../components/fields';
import { textOf } from '../../state/field-values';

type Grants = User['grants'];

export function GrantLabels({ grants }: { readonly grants: Grants }) {
  if (grants.length === 0) return <span className="hf-quiet">none</span>;
  return (
    <LabelGroup aria-label="Roles">
      {grants.map(({ role, selector }) => (
        <Label key={`${role} ${selector}`} isCompact>
          {selector === null ? role : `${role} of ${selector}`}
        </Label>
      ))}
    </LabelGroup>
  );
}

/** As the command line has them: `operator:env=prod`. */
export function grantsText(grants: Grants): string {
  return grants
    .map(({ role, selector }) => (selector === null ? role : `${role}:${selector}`))
    .join(' ');
}

export function GrantsField({ start = [] }: { readonly start?: Grants }) {
  return (
    <TextField
      name="grants"
      label="Roles"
      start={grantsText(start)}
      help={`${ROLE_NAMES.join(', ')}; for some hosts: operator:env=prod`}
    />
  );
}

/** What is no role is refused by the server, which says what the roles are. */
export function grantsIn(fields: FormData): Grants {
  const words = textOf(fields, 'grants')
    .split(/\s+/)
    .filter((word) => word !== '');
  return words.map((word) => {
    const [role = '', ...selector] = word.split(':');
    return { role: role as Role, selector: selector.length === 0 ? null : selector.join(':') };
  });
}
