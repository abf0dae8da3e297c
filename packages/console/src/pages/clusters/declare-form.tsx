// The text that declares a cluster: pasted, or from a file; faults are told at their lines.

import { ActionGroup, Alert, Button, FileUpload, Form, FormGroup } from '@patternfly/react-core';
import { type FormEvent, useId, useRef, useState } from 'react';
import { ApiError } from '../../api/client';
import { useAct } from '../../api/queries';
import { ProblemAlert } from '../../components/problem-alert';
import { type Fault, readDeclaration } from './declaration';

interface Props {
  readonly start: string;
  readonly submit: string;
  act(body: object): Promise<unknown>;
}

export function DeclareForm({ start, submit, act }: Props) {
  const id = useId();
  const area = useRef<HTMLDivElement>(null);
  const [text, setText] = useState(start);
  const [fileName, setFileName] = useState('');
  const [faults, setFaults] = useState<readonly Fault[]>([]);
  const acting = useAct(act);
  const isTold = faults.length > 0;
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    const written = readDeclaration(text);
    setFaults(written.faults);
    if (written.body === undefined) return;
    acting.mutate(written.body, {
      onError: (error) => {
        const fields = error instanceof ApiError ? (error.problem.fields ?? []) : [];
        setFaults(fields.map(written.faultOf));
      },
    });
  };
  const goTo = (line: number) => {
    const field = area.current?.querySelector('textarea');
    if (field !== null && field !== undefined) select(field, line);
  };
  return (
    <Form onSubmit={onSubmit} className="hf-declare">
      <FormGroup label="Declaration, YAML or JSON" fieldId={id} isRequired>
        <div ref={area}>
          <FileUpload
            id={id}
            type="text"
            className="hf-code-field"
            value={text}
            filename={fileName}
            filenamePlaceholder="or from a file"
            browseButtonText="Choose a file"
            aria-label="Declaration, YAML or JSON"
            allowEditingUploadedText
            validated={isTold ? 'error' : 'default'}
            onFileInputChange={(_, file) => setFileName(file.name)}
            onDataChange={(_, data) => setText(data)}
            onTextChange={(_, value) => setText(value)}
            onClearClick={() => {
              setFileName('');
              setText('');
            }}
          />
        </div>
      </FormGroup>
      {isTold ? <Faults faults={faults} goTo={goTo} /> : <ProblemAlert error={acting.error} />}
      <ActionGroup>
        <Button type="submit" isLoading={acting.isPending} isDisabled={acting.isPending}>
          {submit}
        </Button>
      </ActionGroup>
    </Form>
  );
}

interface FaultsProps {
  readonly faults: readonly Fault[];
  goTo(line: number): void;
}

function Faults({ faults, goTo }: FaultsProps) {
  return (
    <Alert component="p" isInline variant="danger" title="The declaration has faults">
      <ul className="hf-plain-list">
        {faults.map(({ line, field, rule }) => (
          <li key={`${line} ${field} ${rule}`} className="hf-line">
            {line !== null && (
              <Button variant="link" isInline onClick={() => goTo(line)}>
                {`line ${line}`}
              </Button>
            )}
            {field !== '' && <strong>{field}</strong>}
            <span>{rule}</span>
          </li>
        ))}
      </ul>
    </Alert>
  );
}

function select(field: HTMLTextAreaElement, line: number): void {
  const lines = field.value.split('\n');
  const start = lines.slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0);
  field.focus();
  field.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
}
