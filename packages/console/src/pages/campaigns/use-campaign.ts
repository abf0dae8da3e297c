// A campaign as it goes on: the server tells it, its cluster, its history from the beginning, and
// that its application has said more.

import type { Campaign, CampaignEvent } from '@halflap/server';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useLive } from '../../api/live';
import { useRead } from '../../api/queries';

/** How long events are gathered before the page is drawn anew, in ms: a history comes at once. */
const GATHER_MS = 100;

export function useCampaign(id: string) {
  const path = `/api/v1/campaigns/${id}`;
  const client = useQueryClient();
  const { data: campaign, error } = useRead<Campaign>(path, {}, { every: false });
  const { events, add } = useEvents(id);
  const [isOver, setOver] = useState(false);
  useLive({
    address: campaign === undefined || isOver ? null : `${path}/live`,
    events: ['campaign', 'matrix', 'event', 'signals'],
    onEvent: (event, data) => {
      if (event === 'signals') void client.invalidateQueries({ queryKey: [`${path}/signals`] });
      if (event === 'event') add(data as CampaignEvent);
      if (event === 'matrix') client.setQueryData([`${path}/matrix`, {}], data);
      if (event !== 'campaign') return true;
      client.setQueryData([path, {}], data);
      const hasEnded = (data as Campaign).endedAt !== null;
      setOver(hasEnded);
      return !hasEnded;
    },
  });
  return { campaign, error, events };
}

/** Each once: a view that is opened again tells from the beginning. */
function useEvents(id: string) {
  const [events, setEvents] = useState<readonly CampaignEvent[]>([]);
  const gathered = useRef(new Map<string, CampaignEvent>());
  const due = useRef<ReturnType<typeof setTimeout>>(undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another campaign has other events
  useEffect(() => {
    gathered.current.clear();
    setEvents([]);
    return () => {
      clearTimeout(due.current);
      due.current = undefined;
    };
  }, [id]);
  const add = (event: CampaignEvent) => {
    gathered.current.set(event.number, event);
    due.current ??= setTimeout(() => {
      due.current = undefined;
      setEvents([...gathered.current.values()]);
    }, GATHER_MS);
  };
  return { events, add };
}
