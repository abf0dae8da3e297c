// A command about one cluster: the server it asks, and the cluster that was named.

import type { Command } from 'commander';
import type { Printer } from '../print.js';
import type { ApiClient } from './client.js';
import { withServer } from './connect.js';
import { findCluster } from './find-campaign.js';

export interface OfCluster {
  readonly client: ApiClient;
  readonly printer: Printer;
  /** Of the cluster. */
  readonly id: string;
}

/** @param name the cluster's, or its id @throws as `findCluster`, and what `body` throws */
export async function withCluster(
  command: Command,
  name: string,
  body: (on: OfCluster) => Promise<void>,
): Promise<void> {
  await withServer(command, async (client, printer) => {
    const { id } = await findCluster(client, name);
    await body({ client, printer, id });
  });
}
