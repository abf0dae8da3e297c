// Text that came from hosts and people, made harmless for a terminal: what moves its cursor,
// changes its colours or turns the direction of writing could show something else than what is
// there. For programs it stays as it is: JSON has its own way of writing such characters.

const HARMFUL = /(?![\n\t])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

export function harmless(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(HARMFUL, '\ufffd');
}
