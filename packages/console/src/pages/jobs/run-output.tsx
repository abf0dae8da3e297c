// What a job writes on one host, as it comes.

import type { JobOutput, JobRun } from '@halflap/server';
import { Button } from '@patternfly/react-core';
import { useEffect, useRef, useState } from 'react';
import { useLive } from '../../api/live';
import { useRead } from '../../api/queries';
import { CliLine } from '../../components/cli-line';
import { StateLabel } from '../../components/state-label';
import { bytesText, commandLine } from '../../state/words';

type Piece = JobOutput['pieces'][number];

/** Pieces that a page holds; the command line prints all. */
const MOST_PIECES = 2000;
const OPEN: readonly string[] = ['waiting', 'released', 'sent', 'running'];

interface Props {
  readonly job: string;
  readonly host: string;
  onClose(): void;
}

/** A view of its own for each host: `key` keeps the output of one from another. */
export function RunOutput(props: Props) {
  return <OutputOf key={`${props.job} ${props.host}`} {...props} />;
}

function OutputOf({ job, host, onClose }: Props) {
  const run = useRead<JobRun>(`/api/v1/jobs/${job}/runs/${host}`, {}, { every: false }).data;
  const { pieces, state, droppedBytes } = useOutput(job, host);
  const box = useRef<HTMLPreElement>(null);
  const isAtEnd = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is new is scrolled to
  useEffect(() => {
    if (isAtEnd.current) box.current?.scrollTo(0, box.current.scrollHeight);
  }, [pieces]);
  const name = run?.hostname ?? host;
  const silent = state === undefined || OPEN.includes(state) ? 'Waiting for output…' : 'No output.';
  return (
    <section className="hf-output-of" aria-label={`Output of ${name}`}>
      <div className="hf-section-head">
        <strong className="hf-line">
          Output of {name} {state !== undefined && <StateLabel state={state} />}
        </strong>
        <Button variant="link" onClick={onClose}>
          Close the output
        </Button>
      </div>
      <CliLine line={commandLine('jobs', 'output', job, name)} />
      <pre
        ref={box}
        className="hf-output"
        role="log"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by key
        tabIndex={0}
        aria-label={`What ${name} writes`}
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          isAtEnd.current = scrollTop + clientHeight >= scrollHeight - 8;
        }}
      >
        {pieces.length === 0 && silent}
        {pieces.map(({ number, stream, text }) => (
          <span key={number} className={`hf-${stream}`}>
            {text}
          </span>
        ))}
      </pre>
      {droppedBytes > 0 && (
        <p className="hf-quiet">{bytesText(droppedBytes)} more were left out by the host.</p>
      )}
    </section>
  );
}

interface Output {
  readonly pieces: readonly Piece[];
  readonly state: JobOutput['state'] | undefined;
  readonly droppedBytes: number;
}

function useOutput(job: string, host: string): Output {
  const [output, setOutput] = useState<Output>({
    pieces: [],
    state: undefined,
    droppedBytes: 0,
  });
  const [isOver, setOver] = useState(false);
  useLive({
    address: isOver ? null : `/api/v1/jobs/${job}/runs/${host}/output/live`,
    events: ['output'],
    onEvent: (_, data) => {
      const { state, pieces, droppedBytes, more } = data as JobOutput;
      setOutput((before) => ({
        state,
        droppedBytes,
        pieces: joined(before.pieces, pieces),
      }));
      const isLast = !OPEN.includes(state) && !more;
      if (isLast) setOver(true);
      return !isLast;
    },
  });
  return output;
}

/** A view that was opened again tells what it has told: numbers tell that apart. */
function joined(before: readonly Piece[], pieces: readonly Piece[]): readonly Piece[] {
  const last = before.at(-1)?.number ?? -1;
  return [...before, ...pieces.filter(({ number }) => number > last)].slice(-MOST_PIECES);
}
