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
  const flags = filters.filter((one) => one.kind === 'flag');
  const isFiltered = filters.some(({ name }) => address.has(name));
  return (
    <search className="hf-filters" aria-label="Filters">
      {filters.map((filter) =>
        filter.kind === 'text' ? (
          <TextFilter key={filter.name} filter={filter} address={address} />
        ) : filter.kind === 'choice' ? (
          <ChoiceFilter key={filter.name} filter={filter} address={address} />
        ) : null,
      )}
      {flags.length > 0 && <Flags flags={flags} address={address} />}
      {isFiltered && (
        <Button
          variant="link"
          onClick={() =>
            address.change(Object.fromEntries(filters.map(({ name }) => [name, null])))
          }
        >
          Clear filters
        </Button>
      )}
    </search>
  );
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
