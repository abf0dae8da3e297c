// HTML out of text: what is put into a template is escaped, unless it is markup itself.
//
// Invariant: nothing else makes markup, so no text of a host, a shard or a person becomes any.

export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Hole = Markup | string | number | null | readonly Hole[];

export function html(parts: TemplateStringsArray, ...holes: readonly Hole[]): Markup {
  const text = parts.map((part, at) => part + (at < holes.length ? textOf(holes[at] ?? null) : ''));
  return new Markup(text.join(''));
}

function textOf(hole: Hole): string {
  if (hole === null) return '';
  if (hole instanceof Markup) return hole.text;
  if (typeof hole === 'object') return hole.map(textOf).join('');
  return String(hole).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
