// A button that does something at once, and one that asks before; both say why it failed.

import {
  Button,
  type ButtonProps,
  Modal,
  ModalBody,
  ModalFooter,
  ModalHeader,
} from '@patternfly/react-core';
import { type ReactNode, useState } from 'react';
import { useAct } from '../api/queries';
import { ProblemAlert } from './problem-alert';

interface Props {
  readonly text: string;
  readonly variant?: NonNullable<ButtonProps['variant']>;
  readonly size?: 'sm';
  readonly isDisabled?: boolean;
  act(): Promise<unknown>;
  /** What is asked before; without it nothing is. */
  readonly question?: string;
  readonly children?: ReactNode;
  /** What screen readers say, where the text is the same in every row. */
  readonly label?: string;
}

export function ActButton({ text, act, question, children, label, ...button }: Props) {
  const [isOpen, setOpen] = useState(false);
  const acting = useAct(act);
  const close = () => {
    setOpen(false);
    acting.reset();
  };
  const go = () => acting.mutate(undefined, { onSuccess: close, onError: () => setOpen(true) });
  return (
    <>
      <Button
        {...button}
        {...(label === undefined ? {} : { 'aria-label': label })}
        {...(acting.isPending && !isOpen ? { isLoading: true } : {})}
        onClick={() => (question === undefined ? go() : setOpen(true))}
      >
        {text}
      </Button>
      {isOpen && (
        <Modal isOpen variant="small" onClose={close} aria-label={question ?? text}>
          <ModalHeader title={question ?? text} />
          <ModalBody>
            {children}
            <ProblemAlert error={acting.error} />
          </ModalBody>
          <ModalFooter>
            <Button
              variant={button.variant === 'danger' ? 'danger' : 'primary'}
              isLoading={acting.isPending}
              isDisabled={acting.isPending}
              onClick={go}
            >
              {text}
            </Button>
            <Button variant="link" onClick={close}>
              Close
            </Button>
          </ModalFooter>
        </Modal>
      )}
    </>
  );
}
