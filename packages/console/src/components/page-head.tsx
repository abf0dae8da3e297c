// How every page begins: what it is, what can be done, and the same by command line.

import { PageSection, Title } from '@patternfly/react-core';
import { type ReactNode, useEffect, useRef } from 'react';
import { Link } from 'wouter';
import { CliLine } from './cli-line';

interface Props {
  readonly title: string;
  /** Null: the page shows nothing that a command could. */
  readonly cli: string | null;
  /** Beside the title: a state. */
  readonly beside?: ReactNode;
  readonly about?: ReactNode;
  readonly actions?: ReactNode;
  /** The list that this is one of. */
  readonly up?: { readonly path: string; readonly text: string };
}

export function PageHead({ title, cli, beside, about, actions, up }: Props) {
  useEffect(() => {
    document.title = `${title} – Halflap`;
  }, [title]);
  return (
    <PageSection className="hf-head" hasBodyWrapper={false}>
      {up !== undefined && (
        <Link href={up.path} className="hf-up">
          ← {up.text}
        </Link>
      )}
      <div className="hf-head-row">
        <Title headingLevel="h1" size="2xl" tabIndex={-1}>
          {title}
        </Title>
        <Late title={title} />
        {beside}
        {actions !== undefined && <div className="hf-actions">{actions}</div>}
      </div>
      {about !== undefined && <p className="hf-about">{about}</p>}
      {cli !== null && <CliLine line={cli} />}
    </PageSection>
  );
}

/** What a page is called once that is known; its first title is said with its heading. */
function Late({ title }: Pick<Props, 'title'>) {
  const first = useRef(title);
  return (
    <span role="status" className="hf-unseen">
      {title === first.current ? '' : title}
    </span>
  );
}

interface BodyProps {
  readonly children: ReactNode;
  /** While what it is about is still to come. */
  readonly isBusy?: boolean;
}

export function PageBody({ children, isBusy = false }: BodyProps) {
  return (
    <PageSection isFilled hasBodyWrapper={false} className="hf-body" aria-busy={isBusy}>
      {children}
    </PageSection>
  );
}
