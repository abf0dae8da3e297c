// What a request cost: how many SQL statements ran on which shard, and how its tables were seen
// there.
//
// Sent back in headers, so that a client can tell from outside which release worked in which way.

export type Mode = 'native' | 'lens';

export class Tally {
  readonly #byShard = new Map<string, { mode: Mode; statements: number }>();

  add(shard: string, mode: Mode): void {
    const entry = this.#byShard.get(shard);
    if (entry === undefined) this.#byShard.set(shard, { mode, statements: 1 });
    else entry.statements += 1;
  }

  /** `eu1/native/2,us1/lens/1` */
  header(): string {
    return [...this.#byShard]
      .map(([shard, { mode, statements }]) => `${shard}/${mode}/${statements}`)
      .join(',');
  }
}
