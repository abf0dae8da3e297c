// A form over the page: a button that opens it, its fields, what it answers.

import {
  Button,
  type ButtonProps,
  Form,
  Modal,
  ModalBody,
  ModalFooter,
  ModalHeader,
} from '@patternfly/react-core';
import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { useAct } from '../api/queries';
import { ProblemAlert } from './problem-alert';

interface Props<Answer> {
  /** Of the button that opens it. */
  readonly text: string;
  readonly label?: string;
  readonly variant?: NonNullable<ButtonProps['variant']>;
  readonly size?: 'sm';
  readonly title: string;
  readonly submit: string;
  /** Gets what the fields with names hold. */
  act(fields: FormData): Promise<Answer>;
  readonly children: ReactNode;
  /** What is shown in place of the fields afterwards; without it the form closes. */
  answered?(answer: Answer): ReactNode;
}

export function FormModal<Answer>(props: Props<Answer>) {
  const { text, label, variant = 'primary', size } = props;
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button
        variant={variant}
        {...(size === undefined ? {} : { size })}
        {...(label === undefined ? {} : { 'aria-label': label })}
        onClick={() => setOpen(true)}
      >
        {text}
      </Button>
      {isOpen && <OpenForm {...props} close={() => setOpen(false)} />}
    </>
  );
}

function OpenForm<Answer>(props: Props<Answer> & { close(): void }) {
  const { title, submit, act, children, answered, close } = props;
  const id = useId();
  const acting = useAct(act);
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    acting.mutate(fields, answered === undefined ? { onSuccess: close } : {});
  };
  const answer = acting.isSuccess && answered !== undefined ? answered(acting.data) : undefined;
  return (
    <Modal isOpen variant="medium" onClose={close} aria-label={title}>
      <ModalHeader title={title} />
      <ModalBody>
        {answer ?? (
          <Form id={id} onSubmit={onSubmit}>
            {children}
            <ProblemAlert error={acting.error} />
          </Form>
        )}
      </ModalBody>
      <ModalFooter>
        {answer === undefined && (
          <Button
            type="submit"
            form={id}
            isLoading={acting.isPending}
            isDisabled={acting.isPending}
          >
            {submit}
          </Button>
        )}
        <Button variant={answer === undefined ? 'link' : 'primary'} onClick={close}>
          {answer === undefined ? 'Cancel' : 'Done'}
        </Button>
      </ModalFooter>
    </Modal>
  );
}
