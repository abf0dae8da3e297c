// The history of a campaign: what was seen, decided and done, and the matrix as it was at any
// moment of it.

import type { Campaign, CampaignEvent, Matrix as Seen } from '@halflap/server';
import { Button, Title } from '@patternfly/react-core';
import { useId, useMemo } from 'react';
import { useRead } from '../../api/queries';
import { CliLine } from '../../components/cli-line';
import { Matrix } from '../../components/matrix/matrix';
import { ProblemAlert } from '../../components/problem-alert';
import { When } from '../../components/when';
import { useAddress } from '../../state/address';
import { absolute, commandLine } from '../../state/words';
import { matrixDataOf } from '../clusters/matrix-data';
import { shortId, stepIdText } from './words';

/** The last ones; older ones are shown when the moment is among them. */
const SHOWN = 200;

interface Props {
  readonly campaign: Campaign;
  readonly events: readonly CampaignEvent[];
}

export function HistoryPart({ campaign, events }: Props) {
  const address = useAddress();
  const at = address.get('at');
  const moments = useMemo(() => events.filter(({ looksOther }) => looksOther), [events]);
  const matrix = useRead<Seen>(`/api/v1/campaigns/${campaign.id}/matrix`, at === '' ? {} : { at }, {
    every: false,
  });
  const data = useMemo(
    () => (matrix.data === undefined ? undefined : matrixDataOf(matrix.data, campaign.cluster.id)),
    [matrix.data, campaign.cluster.id],
  );
  return (
    <div
      className="hf-stack"
      aria-busy={matrix.isPlaceholderData || (data === undefined && matrix.error === null)}
    >
      <Scrubber moments={moments} at={at} onMove={(number) => address.change({ at: number })} />
      {at !== '' && (
        <CliLine line={commandLine('campaign', 'history', shortId(campaign.id), '--at', at)} />
      )}
      <CliLine
        line={commandLine('campaign', 'report', shortId(campaign.id))}
        label="The report by command line"
      />
      <ProblemAlert error={matrix.error} />
      {data !== undefined && <Matrix label={`Cluster ${campaign.cluster.name}`} data={data} />}
      <Events events={events} at={at} onChoose={(number) => address.change({ at: number })} />
    </div>
  );
}

interface ScrubberProps {
  readonly moments: readonly CampaignEvent[];
  readonly at: string;
  onMove(number: string | null): void;
}

/** From the first moment to now, which is the one after the last. */
function Scrubber({ moments, at, onMove }: ScrubberProps) {
  const id = useId();
  const last = moments.length;
  const place = at === '' ? last : placeOf(moments, at);
  const moment = place === last ? undefined : moments[place];
  const text = moment === undefined ? 'now' : absolute(moment.at);
  const go = (to: number) => onMove(moments[to]?.number ?? null);
  return (
    <div className="hf-scrubber">
      <label htmlFor={id}>Moment</label>
      <input
        id={id}
        type="range"
        min={0}
        max={last}
        value={place}
        aria-valuetext={text}
        onChange={(event) => go(Number(event.currentTarget.value))}
      />
      <Button size="sm" variant="secondary" isDisabled={place === 0} onClick={() => go(place - 1)}>
        Before
      </Button>
      <Button
        size="sm"
        variant="secondary"
        isDisabled={place === last}
        onClick={() => go(place + 1)}
      >
        After
      </Button>
      <Button
        size="sm"
        variant="secondary"
        isDisabled={place === last}
        onClick={() => onMove(null)}
      >
        Now
      </Button>
      <span aria-live="polite">{text}</span>
    </div>
  );
}

/** The last moment that is not after an event. */
function placeOf(moments: readonly CampaignEvent[], at: string): number {
  const after = moments.findIndex(({ number }) => BigInt(number) > BigInt(at));
  return Math.max(0, (after === -1 ? moments.length : after) - 1);
}

interface EventsProps {
  readonly events: readonly CampaignEvent[];
  readonly at: string;
  onChoose(number: string): void;
}

function Events({ events, at, onChoose }: EventsProps) {
  const end = at === '' ? -1 : events.findIndex(({ number }) => number === at);
  const until = end === -1 ? events.length : end + 1;
  const shown = events.slice(Math.max(0, until - SHOWN), until).reverse();
  return (
    <section>
      <Title headingLevel="h2" size="lg">
        {at === '' ? 'History, the newest first' : 'History up to then, the newest first'}
      </Title>
      <ol className="hf-events" reversed>
        {shown.map(({ number, at: time, kind, step, by, message }) => (
          <li key={number} className="hf-line">
            <Button variant="link" isInline onClick={() => onChoose(number)}>
              <When at={time} />
              <span className="hf-unseen">{`, the matrix at event ${number}`}</span>
            </Button>
            <strong>{kind}</strong>
            {step !== null && <span>{stepIdText(step)}</span>}
            <span>{message}</span>
            {by !== null && <span className="hf-quiet">by {by}</span>}
          </li>
        ))}
      </ol>
    </section>
  );
}
