// Filters of a list, kept in the address. The server filters; here is only what it is asked.

import {
  Button,
  FormSelect,
  FormSelectOption,
  TextInput,
  ToggleGroup,
  ToggleGroupItem,
} from '@patternfly/react-core';
import { useEffect, useState } from 'react';
import { type Address, useAddress } from '../state/address';
import { spoken } from '../state/words';

export type Filter =
  | {
      readonly kind: 'text';
      readonly name: string;
      readonly label: string;
      readonly example?: string;
    }
  | {
      readonly kind: 'choice';
      readonly name: string;
      readonly label: string;
      readonly options: readonly string[];
    }
  /** Present with `true`, or with another value. */
  | {
      readonly kind: 'flag';
      readonly name: string;
      readonly label: string;
      readonly value?: string;
    };

/** How long somebody types on before the list follows, in ms. */
const TYPING_MS = 300;

export function FilterBar({ filters }: { readonly filters: readonly Filter[] }) {
  const address = useAddress();
  const given = filters.filter(({ name }) => address.has(name)).length;
  const [isOpen, setOpen] = useState(given > 0);
  const flags = filters.filter((one) => one.kind === 'flag');
  const isLong = filters.length > 2;
  const clear = () => address.change(Object.fromEntries(filters.map(({ name }) => [name, null])));
  return (
    <search
      className={`hf-filters ${isLong && !isOpen ? 'hf-filters-closed' : ''}`}
      aria-label="Filters"
    >
      {filters.map((filter) => (
        <FieldOf
          key={`${filter.kind} ${filter.name} ${'value' in filter ? filter.value : ''}`}
          filter={filter}
          address={address}
        />
      ))}
      {flags.length > 0 && <Flags flags={flags} address={address} />}
      {isLong && (
        // On a phone alone, where all of them would fill the page.
        <Button
          variant="link"
          className="hf-filters-toggle"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? 'Fewer filters' : 'More filters'}
        </Button>
      )}
      {given > 0 && (
        <Button variant="link" onClick={clear}>
          Clear filters
        </Button>
      )}
    </search>
  );
}

function FieldOf({ filter, address }: { readonly filter: Filter; readonly address: Address }) {
  if (filter.kind === 'text') return <TextFilter filter={filter} address={address} />;
  if (filter.kind === 'choice') return <ChoiceFilter filter={filter} address={address} />;
  return null;
}

interface Of<Kind extends Filter['kind']> {
  readonly filter: Extract<Filter, { kind: Kind }>;
  readonly address: Address;
}

function TextFilter({ filter: { name, label, example }, address }: Of<'text'>) {
  const current = address.get(name);
  const [text, setText] = useState(current);
  useEffect(() => setText(current), [current]);
  useEffect(() => {
    if (text === current) return;
    const late = setTimeout(() => address.change({ [name]: text.trim() }), TYPING_MS);
    return () => clearTimeout(late);
  }, [text, current, name, address]);
  return (
    <TextInput
      className="hf-filter"
      type="search"
      aria-label={label}
      placeholder={example === undefined ? label : `${label}: ${example}`}
      value={text}
      onChange={(_, value) => setText(value)}
    />
  );
}

function ChoiceFilter({ filter: { name, label, options }, address }: Of<'choice'>) {
  return (
    <FormSelect
      className="hf-filter"
      aria-label={label}
      value={address.get(name)}
      onChange={(_, value) => address.change({ [name]: value })}
    >
      <FormSelectOption value="" label={`${label}: any`} />
      {options.map((option) => (
        <FormSelectOption key={option} value={option} label={spoken(option)} />
      ))}
    </FormSelect>
  );
}

interface FlagsProps {
  readonly flags: readonly Extract<Filter, { kind: 'flag' }>[];
  readonly address: Address;
}

function Flags({ flags, address }: FlagsProps) {
  return (
    <ToggleGroup aria-label="Only those" className="hf-flags">
      {flags.map(({ name, label, value = 'true' }) => {
        const isOn = address.get(name) === value;
        return (
          <ToggleGroupItem
            key={`${name} ${value}`}
            text={label}
            isSelected={isOn}
            onChange={() => address.change({ [name]: isOn ? null : value })}
          />
        );
      })}
    </ToggleGroup>
  );
}

/** What of the address is asked of the server, by the names of the filters. */
export function askedOf(address: Address, filters: readonly Filter[]): Record<string, string> {
  const names = new Set(filters.map(({ name }) => name));
  const given = [...names, 'cursor'].filter((name) => address.has(name));
  return Object.fromEntries(given.map((name) => [name, address.get(name)]));
}
