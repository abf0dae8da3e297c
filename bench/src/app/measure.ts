// The figures of the system management application, part by part.

import type { BenchOptions } from '../options.js';
import type { Bench } from '../shards.js';
import { type AgentLoadFigures, measureAgentLoad } from './agent-load.js';
import { type ConsoleFigures, measureConsole } from './console-hosts.js';
import { type HostListFigures, measureHostList } from './host-list.js';
import { type IdleAgentFigures, measureIdleAgent } from './idle-agent.js';
import { type JobFigures, measureJobs } from './job-time.js';
import { type MatrixFigures, measureMatrix } from './matrix.js';
import { measureReconnect, type ReconnectFigures } from './reconnect.js';

export interface AppFigures {
  readonly hosts: HostListFigures | null;
  readonly console: ConsoleFigures | null;
  readonly agents: AgentLoadFigures | null;
  readonly reconnect: ReconnectFigures | null;
  readonly jobs: JobFigures | null;
  readonly agent: IdleAgentFigures | null;
  readonly matrix: MatrixFigures | null;
}

export async function measureApp(
  bench: Bench,
  options: BenchOptions,
  tell: (line: string) => void,
): Promise<AppFigures> {
  const wants = (part: BenchOptions['parts'][number]) => options.parts.includes(part);
  return {
    hosts: wants('hosts') ? await measureHostList(options, tell) : null,
    console: wants('console') ? await measureConsole(options, tell) : null,
    agents: wants('agents') ? await measureAgentLoad(options, tell) : null,
    reconnect: wants('reconnect') ? await measureReconnect(options, tell) : null,
    jobs: wants('jobs') ? await measureJobs(options, tell) : null,
    agent: wants('agent') ? await measureIdleAgent(options, tell) : null,
    matrix: wants('matrix') ? await measureMatrix(bench, options, tell) : null,
  };
}
