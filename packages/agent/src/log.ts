// What every long-lived part of an agent logs to.

/** A line is a sentence for people, and what it is about. Never holds a token or a key. */
export interface Log {
  debug(detail: object, message: string): void;
  info(detail: object, message: string): void;
  warn(detail: object, message: string): void;
  error(detail: object, message: string): void;
}
