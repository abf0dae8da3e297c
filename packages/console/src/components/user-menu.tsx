// Who is signed in, with which roles, and the way out.

import { Divider, Dropdown, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core';
import { UserIcon } from '@patternfly/react-icons';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { ask } from '../api/client';
import { SESSION_KEY } from '../api/queries';
import { useWho } from '../state/session';

export function UserMenu() {
  const who = useWho();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [isOpen, setOpen] = useState(false);
  const signOut = async () => {
    await ask('DELETE', '/api/v1/session').catch(() => undefined);
    // Nothing that was shown to one is to be seen by the next.
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION_KEY[0] });
    await client.invalidateQueries({ queryKey: SESSION_KEY });
  };
  const roles = who.grants.map(({ role, selector }) =>
    selector === null ? role : `${role} of ${selector}`,
  );
  return (
    <Dropdown
      isOpen={isOpen}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: 'end' }}
      toggle={(ref) => (
        <MenuToggle
          ref={ref}
          variant="plainText"
          className="hf-user-toggle"
          aria-label={`Signed in as ${who.name}`}
          isExpanded={isOpen}
          onClick={() => setOpen(!isOpen)}
          icon={<UserIcon />}
        >
          <span className="hf-user-name">{who.name}</span>
        </MenuToggle>
      )}
    >
      <DropdownList>
        <DropdownItem
          description={roles.join(', ') || 'no role'}
          onClick={() => navigate('/settings')}
        >
          {who.name}
        </DropdownItem>
        <Divider component="li" />
        <DropdownItem onClick={signOut}>Sign out</DropdownItem>
      </DropdownList>
    </Dropdown>
  );
}
