// Parts of a page, each with an address of its own.

import { Nav, NavItem, NavList } from '@patternfly/react-core';
import { Link } from 'wouter';

interface Tab {
  readonly path: string;
  readonly text: string;
}

interface Props {
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly current: string;
}

export function TabBar({ label, tabs, current }: Props) {
  return (
    <Nav variant="horizontal-subnav" aria-label={label} className="hf-tabs">
      <NavList>
        {tabs.map(({ path, text }) => (
          <NavItem key={path} isActive={path === current}>
            <Link href={path}>{text}</Link>
          </NavItem>
        ))}
      </NavList>
    </Nav>
  );
}
