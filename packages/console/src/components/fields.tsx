// Fields of forms: each keeps its own text, and the form reads them by their names.

import {
  Checkbox,
  FormGroup,
  FormHelperText,
  FormSelect,
  FormSelectOption,
  HelperText,
  HelperTextItem,
  TextArea,
  TextInput,
} from '@patternfly/react-core';
import { useId, useState } from 'react';
import { spoken } from '../state/words';

interface Common {
  readonly name: string;
  readonly label: string;
  readonly help?: string;
}

interface TextProps extends Common {
  readonly start?: string;
  readonly type?: 'text' | 'password' | 'number' | 'url' | 'email';
  readonly isRequired?: boolean;
  readonly autoComplete?: string;
  readonly lines?: number;
}

export function TextField({ name, label, help, start = '', lines, ...rest }: TextProps) {
  const id = useId();
  const [text, setText] = useState(start);
  const isRequired = rest.isRequired ?? false;
  return (
    <FormGroup label={label} fieldId={id} isRequired={isRequired}>
      {lines === undefined ? (
        <TextInput
          {...{ id, name, isRequired, value: text, type: rest.type ?? 'text' }}
          autoComplete={rest.autoComplete ?? 'off'}
          onChange={(_, value) => setText(value)}
        />
      ) : (
        <TextArea
          {...{ id, name, isRequired, value: text, rows: lines, resizeOrientation: 'vertical' }}
          onChange={(_, value) => setText(value)}
        />
      )}
      <Help text={help} />
    </FormGroup>
  );
}

interface ChoiceProps extends Common {
  readonly options: readonly string[];
  readonly start?: string;
  onChange?(value: string): void;
}

export function ChoiceField({ name, label, help, options, start, onChange }: ChoiceProps) {
  const id = useId();
  const [chosen, setChosen] = useState(start ?? options[0] ?? '');
  const choose = (value: string) => {
    setChosen(value);
    onChange?.(value);
  };
  return (
    <FormGroup label={label} fieldId={id}>
      <FormSelect id={id} name={name} value={chosen} onChange={(_, value) => choose(value)}>
        {options.map((option) => (
          <FormSelectOption
            key={option}
            value={option}
            label={option === '' ? 'any' : spoken(option)}
          />
        ))}
      </FormSelect>
      <Help text={help} />
    </FormGroup>
  );
}

export function CheckField({ name, label, help, start = false }: Common & { start?: boolean }) {
  const id = useId();
  const [isChecked, setChecked] = useState(start);
  return (
    <Checkbox
      {...{ id, name, label, isChecked }}
      {...(help === undefined ? {} : { description: help })}
      onChange={(_, value) => setChecked(value)}
    />
  );
}

function Help({ text }: { readonly text: string | undefined }) {
  if (text === undefined) return null;
  return (
    <FormHelperText>
      <HelperText>
        <HelperTextItem>{text}</HelperTextItem>
      </HelperText>
    </FormHelperText>
  );
}
