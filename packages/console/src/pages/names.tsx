// Packages and services over all hosts: which there are, and how many hosts have each version or
// state of them.

import type { PackageName, ServiceName } from '@halflap/server';
import { Label, LabelGroup } from '@patternfly/react-core';
import { Link } from 'wouter';
import { useList } from '../api/queries';
import type { Column } from '../components/data-table';
import { askedOf, type Filter, FilterBar } from '../components/filter-bar';
import { ListView } from '../components/list-view';
import { PageBody, PageHead } from '../components/page-head';
import { StateLabel } from '../components/state-label';
import { useAddress } from '../state/address';
import { commandLine, numberText } from '../state/words';

const FILTERS: readonly Filter[] = [{ kind: 'text', name: 'search', label: 'Name' }];
const PAGE_SIZE = 25;

const hostsWith = (query: Readonly<Record<string, string>>) =>
  `/hosts?${new URLSearchParams(query)}`;

const PACKAGES: readonly Column<PackageName>[] = [
  {
    head: 'Package',
    cell: ({ name }) => <Link href={hostsWith({ package: name })}>{name}</Link>,
  },
  {
    head: 'Hosts',
    cell: ({ versions }) => numberText(versions.reduce((sum, { hosts }) => sum + hosts, 0)),
  },
  {
    head: 'Versions',
    cell: ({ name, versions }) => (
      <LabelGroup numLabels={4} aria-label={`Versions of ${name}`}>
        {versions.map(({ version, hosts }) => (
          <Label
            key={version}
            isCompact
            variant="outline"
            render={({ className, content }) => (
              <Link
                className={className}
                href={hostsWith({ package: name, packageVersion: version })}
              >
                {content}
              </Link>
            )}
          >
            {`${version} on ${numberText(hosts)}`}
          </Label>
        ))}
      </LabelGroup>
    ),
  },
];

const SERVICES: readonly Column<ServiceName>[] = [
  {
    head: 'Service',
    cell: ({ name }) => <Link href={hostsWith({ service: name })}>{name}</Link>,
  },
  {
    head: 'Hosts',
    cell: ({ states }) => numberText(states.reduce((sum, { hosts }) => sum + hosts, 0)),
  },
  {
    head: 'States',
    cell: ({ name, states }) => (
      <span className="hf-line">
        {states.map(({ state, hosts }) => (
          <Link key={state} href={hostsWith({ service: name, serviceState: state })}>
            <StateLabel state={state} text={`${state} on ${numberText(hosts)}`} />
          </Link>
        ))}
      </span>
    ),
  },
];

export function PackagesPage() {
  return <Names title="Packages" path="/api/v1/packages" noun="packages" columns={PACKAGES} />;
}

export function ServicesPage() {
  return <Names title="Services" path="/api/v1/services" noun="services" columns={SERVICES} />;
}

interface Props<Item> {
  readonly title: string;
  readonly path: string;
  readonly noun: 'packages' | 'services';
  readonly columns: readonly Column<Item>[];
}

function Names<Item extends { readonly name: string }>({
  title,
  path,
  noun,
  columns,
}: Props<Item>) {
  const address = useAddress();
  // Each name costs every shard: it is not asked again by itself.
  const query = useList<Item>(path, askedOf(address, FILTERS), { every: 60_000 });
  const search = address.get('search');
  return (
    <>
      <PageHead
        title={title}
        about={`Which ${noun} there are on all hosts. A version or state leads to its hosts.`}
        cli={commandLine(noun, 'list', ...(search === '' ? [] : ['--search', search]))}
      />
      <PageBody>
        <div>
          <FilterBar filters={FILTERS} />
          <ListView
            label={title}
            query={query}
            columns={columns}
            keyOf={({ name }) => name}
            pageSize={PAGE_SIZE}
            empty="Nothing is called so on any host."
          />
        </div>
      </PageBody>
    </>
  );
}
