// An act on a campaign that is asked before it is done: what it means, a reason, and the same by
// command line.

import type { ButtonProps } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { CliLine } from '../../components/cli-line';
import { TextField } from '../../components/fields';
import { FormModal } from '../../components/form-modal';
import { textOf } from '../../state/field-values';
import { commandLine } from '../../state/words';

interface Props {
  readonly text: string;
  readonly label?: string;
  readonly variant?: NonNullable<ButtonProps['variant']>;
  readonly size?: 'sm';
  readonly title: string;
  readonly submit: string;
  /** Words after `halflap campaign`. */
  readonly words: readonly string[];
  readonly reason: 'none' | 'asked' | 'required';
  act(reason: string): Promise<unknown>;
  /** What it means. */
  readonly children: ReactNode;
}

export function ReasonModal({ words, reason, act, children, ...form }: Props) {
  const withReason = reason === 'required' ? ['--reason', 'WHY'] : [];
  return (
    <FormModal {...form} act={(fields) => act(textOf(fields, 'reason'))}>
      <div>{children}</div>
      {reason !== 'none' && (
        <TextField
          name="reason"
          label="Why"
          help="For its history and the audit log."
          isRequired={reason === 'required'}
        />
      )}
      <CliLine line={commandLine('campaign', ...words, ...withReason)} />
    </FormModal>
  );
}
