// What a server process is told by its environment.
//
// INVENTORY_SERVER  its name
// INVENTORY_PORT    0 or nothing lets the system choose
// INVENTORY_SHARDS  {"eu1": "postgres://…", …}
// INVENTORY_BUNDLE  2.0 only: the bundle's file
// INVENTORY_SERVERS_FILE  2.0 only: the file that its servers agree upon

export interface ServiceConfig {
  readonly server: string;
  readonly port: number;
  readonly shards: Readonly<Record<string, string>>;
}

/** @throws TypeError that names the variable. */
export function readConfig(environment: NodeJS.ProcessEnv): ServiceConfig {
  const shards: unknown = JSON.parse(required(environment, 'INVENTORY_SHARDS'));
  if (typeof shards !== 'object' || shards === null || Object.keys(shards).length === 0) {
    throw new TypeError('INVENTORY_SHARDS: expected a JSON object of shard name to URL');
  }
  return {
    server: required(environment, 'INVENTORY_SERVER'),
    port: Number(environment.INVENTORY_PORT ?? '0'),
    shards: Object.fromEntries(Object.entries(shards).map(([name, url]) => [name, String(url)])),
  };
}

export function required(environment: NodeJS.ProcessEnv, variable: string): string {
  const value = environment[variable];
  if (value === undefined || value === '') throw new TypeError(`${variable} is not set`);
  return value;
}
