// The line of the command line that does the same as what is shown.

import { Button, Tooltip } from '@patternfly/react-core';
import { CopyIcon } from '@patternfly/react-icons';
import { useState } from 'react';

interface Props {
  readonly line: string;
  /** What it does, where that is not the page. */
  readonly label?: string;
}

export function CliLine({ line, label = 'The same by command line' }: Props) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(line);
    setCopied(true);
  };
  return (
    <div className="hf-cli" data-cli={line}>
      <code title={label}>
        <span className="hf-prompt">$ </span>
        {line}
      </code>
      {/* Browsers give it to secure pages alone; there the text can be selected. */}
      {navigator.clipboard !== undefined && (
        <Tooltip content={isCopied ? 'Copied' : 'Copy'} aria="none">
          <Button
            variant="plain"
            size="sm"
            icon={<CopyIcon />}
            aria-label={`Copy: ${line}`}
            onClick={copy}
            onMouseLeave={() => setCopied(false)}
          />
        </Tooltip>
      )}
    </div>
  );
}
