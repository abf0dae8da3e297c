// The condition of a statement, put together from parts, with its values beside it.
//
// Invariant: text that comes from outside becomes a parameter and never part of the statement.

/** Numbers the values of one statement in the order in which its parts ask for a place. */
export class Conditions {
  readonly values: unknown[] = [];
  readonly #parts: string[] = [];

  /** The place of a value: `$3`. */
  place(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }

  /** One more thing that must hold. */
  add(condition: string): void {
    this.#parts.push(`(${condition})`);
  }

  /** What the statement has after `where`; all rows where nothing was added. */
  get text(): string {
    return this.#parts.length === 0 ? 'true' : this.#parts.join('\n and ');
  }
}
