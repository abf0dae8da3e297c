// What the fields of a form hold.

/** The text of a field, without blanks around it. */
export function textOf(fields: FormData, name: string): string {
  return String(fields.get(name) ?? '').trim();
}

/** A number, or undefined where the field is empty. */
export function numberOf(fields: FormData, name: string): number | undefined {
  const text = textOf(fields, name);
  return text === '' ? undefined : Number(text);
}
