// What a host tells of itself, and what people have written on it.

import type { Host } from '@halflap/server';
import { Button, Title } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useState } from 'react';
import { ask } from '../../api/client';
import { Facts } from '../../components/facts';
import { TextField } from '../../components/fields';
import { FormModal } from '../../components/form-modal';
import { Labels, labelsOf } from '../../components/labels';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { textOf } from '../../state/field-values';
import { useMay } from '../../state/session';
import { bytesText, numberText } from '../../state/words';

export function HostFacts({ host }: { readonly host: Host }) {
  const { os, cpu, packages } = host;
  const reboot = host.rebootReasons.join(', ');
  return (
    <>
      <Facts
        of={{
          System: os.name,
          Kernel: host.kernel,
          Architecture: host.architecture,
          Processor: cpu.model === null ? null : `${cpu.model}, ${cpu.cores} cores`,
          Memory: host.memoryBytes === null ? null : bytesText(host.memoryBytes),
          Swap: host.swapBytes === null ? null : bytesText(host.swapBytes),
          Virtualisation: host.virtualization,
          'Time zone': host.timezone,
          Booted: <When at={host.bootedAt} />,
          Reboot:
            reboot === '' ? 'not needed' : <StateLabel state="warning" text={`for ${reboot}`} />,
          Packages: `${numberText(packages.installed)} installed`,
          Upgrades: numberText(packages.upgradable),
          'Security fixes': numberText(packages.security),
          Seen: <When at={host.lastSeenAt} never="never" />,
          'Last report': <When at={host.reportedAt} never="never" />,
          Server: host.server,
          Agent: host.agentVersion,
          'Its policy allows': host.allowed.join(', '),
          Enrolled: <When at={host.enrolledAt} />,
          'Let in by': host.approvedBy,
          'Machine id': host.machineId,
          Labels: <Labels labels={host.labels} />,
          Notes: host.notes,
        }}
      />
      <Editing host={host} />
      <Things label="Disks" rows={host.disks} />
      <Things label="Networks" rows={host.networks} />
    </>
  );
}

function Editing({ host: { id, labels, notes } }: { readonly host: Host }) {
  const start = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  if (!useMay('hosts:write')) return null;
  return (
    <div>
      <FormModal
        text="Edit labels and notes"
        variant="secondary"
        title="Labels and notes"
        submit="Save"
        act={(fields) =>
          ask('PATCH', `/api/v1/hosts/${id}`, {
            body: {
              labels: labelsOf(textOf(fields, 'labels')) ?? { '=': '' },
              notes: textOf(fields, 'notes') || null,
            },
          })
        }
      >
        <TextField name="labels" label="Labels" start={start.join(' ')} help="env=prod site=eu1" />
        <TextField name="notes" label="Notes" start={notes ?? ''} lines={4} />
      </FormModal>
    </div>
  );
}

/** Rows of which the agent says what they have: the console knows no fields of later releases. */
function Things({ label, rows }: { readonly label: string; readonly rows: readonly object[] }) {
  const [isWhole, setWhole] = useState(false);
  if (rows.length === 0) return null;
  const shown = isWhole ? rows : rows.slice(0, MOST);
  const heads = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return (
    <section>
      <Title headingLevel="h2" size="lg">
        {label}
      </Title>
      <Table aria-label={label} variant="compact" gridBreakPoint="grid-md">
        <Thead>
          <Tr>
            {heads.map((head) => (
              <Th key={head}>{headText(head)}</Th>
            ))}
          </Tr>
        </Thead>
        <Tbody>
          {shown.map((row) => (
            <Tr key={JSON.stringify(row)}>
              {heads.map((head) => (
                <Td key={head} dataLabel={headText(head)}>
                  {cellText(head, (row as Record<string, unknown>)[head])}
                </Td>
              ))}
            </Tr>
          ))}
        </Tbody>
      </Table>
      {rows.length > shown.length && (
        <Button variant="link" onClick={() => setWhole(true)}>{`All ${rows.length}`}</Button>
      )}
    </section>
  );
}

const MOST = 20;

/** `sizeBytes` as `Size`. */
function headText(name: string): string {
  const words = name.replace(/Bytes$/, '').replace(/([A-Z])/g, ' $1');
  return words.charAt(0).toUpperCase() + words.slice(1).toLowerCase();
}

function cellText(name: string, value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'number' && name.endsWith('Bytes')) return bytesText(value);
  if (Array.isArray(value)) return value.map((one) => cellText(name, one)).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
