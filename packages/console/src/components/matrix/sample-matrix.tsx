// A matrix of made-up data, as large as one likes: by it a test measures how long a matrix takes,
// and looks at it. No page has it.

import '@patternfly/react-core/dist/styles/base.css';
import '../../console.css';
import './matrix.css';
import { createRoot } from 'react-dom/client';
import { Matrix } from './matrix';
import { CELL_STATES, type MatrixCell, type MatrixData, type MatrixHead } from './model';

declare global {
  interface Window {
    /** Shows one. @returns after the browser has drawn it: how long that took, in ms. */
    showMatrix?: (size: Size) => Promise<number>;
  }
}

interface Size {
  readonly servers: number;
  readonly shards: number;
  /** Another one: all cells and heads are others. */
  readonly turn: number;
}

const root = createRoot(document.getElementById('root') as HTMLElement);

window.showMatrix = async (size) => {
  const start = performance.now();
  const data = sampleData(size);
  root.render(
    <main>
      <h1>Matrix</h1>
      <Matrix label="Cluster shop" data={data} />
    </main>,
  );
  // The first frame begins with what React has done, the second after that was drawn.
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  return performance.now() - start;
};

function sampleData({ servers, shards, turn }: Size): MatrixData {
  const headsOf = (name: string, count: number): MatrixHead[] =>
    Array.from({ length: count }, (_, at) => {
      const phase = name === 'shard' ? (PHASES[(at + turn) % PHASES.length] ?? null) : 'serving';
      return {
        id: `${name}-${at}`,
        name: `${name}-${at + 1}`,
        release: isOfOne(phase) ? ((at + turn) % 3 === 0 ? '2.0' : '1.0') : '1.0 and 2.0',
        phase,
        ...((at + turn) % 7 === 1 ? { blocked: BLOCKED } : {}),
      };
    });
  const cells = new Map<string, MatrixCell>();
  for (let row = 0; row < servers; row += 1) {
    for (let column = 0; column < shards; column += 1) {
      const state = CELL_STATES[(row * 3 + column + turn) % CELL_STATES.length] ?? 'native';
      const blocked = state === 'refused' ? { blocked: BLOCKED } : {};
      cells.set(`server-${row} shard-${column}`, { state, ...blocked });
    }
  }
  return {
    servers: headsOf('server', servers),
    shards: headsOf('shard', shards),
    cellOf: (server, shard) => cells.get(`${server} ${shard}`),
  };
}

const isOfOne = (phase: string | null) => phase === 'settled' || phase === 'serving';

const PHASES = ['settled', 'prepared', 'expanding', 'contracting'];
const BLOCKED = {
  why: 'server-4 of release 1.0 still uses the old layout',
  unblock: 'upgrade server-4, or stop it',
};
