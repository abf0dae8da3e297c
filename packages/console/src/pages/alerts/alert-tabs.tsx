// What every page of alerts has in common: the way to the others.

import { TabBar } from '../../components/tab-bar';
import { useMay } from '../../state/session';

const TABS = [
  { path: '/alerts', text: 'Alerts' },
  { path: '/alerts/rules', text: 'Rules' },
  { path: '/alerts/targets', text: 'Who is told' },
  { path: '/alerts/deliveries', text: 'Deliveries' },
] as const;

export function AlertTabs({ current }: { readonly current: (typeof TABS)[number]['path'] }) {
  if (!useMay('cluster:read')) return null;
  return <TabBar label="Parts of alerts" tabs={TABS} current={current} />;
}

export const SEVERITIES = ['info', 'warning', 'error'] as const;
export const RULE_KINDS = [
  'host_offline',
  'service_failed',
  'security_updates',
  'reboot_needed',
  'disk_full',
  'shard_unreachable',
  'job_failed',
  'campaign_waits',
] as const;
