// A token that has just been made: the only time that it is shown.

import { Alert } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { CliLine } from '../../components/cli-line';

interface Props {
  readonly token: string;
  readonly children?: ReactNode;
}

export function NewToken({ token, children }: Props) {
  return (
    <div className="hf-body">
      <Alert component="p" isInline variant="success" title="It is made">
        This is the only time that it is shown.
      </Alert>
      <p className="hf-token" data-token={token}>
        <code>{token}</code>
      </p>
      {children}
    </div>
  );
}

export function CommandToType({ line }: { readonly line: string }) {
  return <CliLine line={line} label="What to type" />;
}
