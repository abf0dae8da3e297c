// Names with what they stand for.

import {
  DescriptionList,
  DescriptionListDescription,
  DescriptionListGroup,
  DescriptionListTerm,
} from '@patternfly/react-core';
import type { ReactNode } from 'react';

/** What is undefined is left out. */
export function Facts({ of }: { readonly of: Readonly<Record<string, ReactNode>> }) {
  return (
    <DescriptionList
      isCompact
      columnModifier={{ default: '1Col', md: '2Col', xl: '3Col' }}
      className="hf-facts"
    >
      {Object.entries(of).map(([name, value]) =>
        value === undefined ? null : (
          <DescriptionListGroup key={name}>
            <DescriptionListTerm>{name}</DescriptionListTerm>
            <DescriptionListDescription>
              {value === null || value === '' ? <span className="hf-quiet">–</span> : value}
            </DescriptionListDescription>
          </DescriptionListGroup>
        ),
      )}
    </DescriptionList>
  );
}
