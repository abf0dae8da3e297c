// Names with what they stand for.

import {
  DescriptionList,
  DescriptionListDescription,
  DescriptionListGroup,
  DescriptionListTerm,
} from '@patternfly/react-core';
import type { ReactNode } from 'react';

const WIDE = { default: '1Col', md: '2Col', xl: '3Col' } as const;
const NARROW = { default: '1Col' } as const;

interface Props {
  /** What is undefined is left out. */
  readonly of: Readonly<Record<string, ReactNode>>;
  /** In a part of the page, where one stands below the other. */
  readonly isNarrow?: boolean;
}

export function Facts({ of, isNarrow = false }: Props) {
  return (
    <DescriptionList isCompact columnModifier={isNarrow ? NARROW : WIDE} className="hf-facts">
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
