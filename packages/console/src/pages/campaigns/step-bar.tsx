// How far a campaign is: a bar, and the same as a text.

import { numberText } from '../../state/words';

interface Props {
  readonly done: number;
  readonly steps: number;
}

export function StepBar({ done, steps }: Props) {
  const text = `${numberText(done)} of ${numberText(steps)} steps`;
  return (
    <div className="hf-job-hosts">
      <FilledBar text={text} part={steps === 0 ? 0 : done / steps} fill="good" />
      <span className="hf-quiet">{text}</span>
    </div>
  );
}

interface BarProps {
  readonly text: string;
  /** From 0 to 1. */
  readonly part: number;
  readonly fill: 'good' | 'work';
}

export function FilledBar({ text, part, fill }: BarProps) {
  const width = 100 * Math.min(1, Math.max(0, part));
  return (
    <div className="hf-progress">
      <svg viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label={text}>
        <title>{text}</title>
        <rect x={0} y={0} width={100} height={1} className="hf-fill-rest" />
        <rect x={0} y={0} width={width} height={1} className={`hf-fill-${fill}`} />
      </svg>
    </div>
  );
}
