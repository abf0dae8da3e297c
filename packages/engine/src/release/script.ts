// schema.sql as statements with their lines: whatever `pg_dump` or a person writes.
// PostgreSQL's own parser finds where statements end, so strings and bodies may hold anything.
//
// Lines for psql (`\restrict`, `\connect`) are found where the parser stumbles over their
// backslash; those without a meaning for one empty database are left out, others are refused. Rows
// below a COPY are found in the same way (copied-rows.ts).

import { HalflapError } from '@halflap/protocol';
import { hasSqlDetails, type Node, parseSync } from 'libpg-query';
import { type CopiedRows, type Copy, copiedRowsAt, insertsOf } from './copied-rows.js';
import { contentOf } from './expression-tree.js';

export interface ScriptStatement {
  readonly text: string;
  /** Of its first character, counted from 1. */
  readonly line: number;
  /** The parser's name for it: `CreateStmt`. */
  readonly kind: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** Lines for psql that change nothing about what the schema is. */
const IGNORED_COMMANDS = new Set(
  'c connect conninfo echo encoding pset qecho restrict set timing unrestrict unset warn'.split(
    ' ',
  ),
);

/** @throws RELEASE_UNREADABLE with the line that does not parse. */
export function readScript(text: string, file: string): ScriptStatement[] {
  // A byte order mark is no SQL.
  let rest = text.replace(/^\uFEFF/, '');
  const copied = new Map<number, CopiedRows>();
  for (;;) {
    const outcome = tryParse(rest);
    if ('statements' in outcome) return withRows(outcome.statements, copied, file);
    const { offset, message } = outcome;
    const line = lineAt(rest, offset);
    const rows = copiedRowsAt(rest, offset, endsInCopy);
    if (rows !== null) {
      copied.set(lineAt(rest, rows.statement), rows);
      const blank = rest.slice(rows.start, rows.end).replace(/[^\n]/g, ' ');
      rest = rest.slice(0, rows.start) + blank + rest.slice(rows.end);
      continue;
    }
    const start = rest.lastIndexOf('\n', offset - 1) + 1;
    const command = /^\s*\\(\S*).*/.exec(rest.slice(start));
    if (command === null || rest[offset] !== '\\') throw unreadable(file, line, message);
    if (!IGNORED_COMMANDS.has(command[1] ?? '')) {
      throw unreadable(file, line, `\\${command[1]} is a command of psql that is not carried out`);
    }
    rest =
      rest.slice(0, start) + ' '.repeat(command[0].length) + rest.slice(start + command[0].length);
  }
}

function endsInCopy(text: string): boolean {
  const outcome = tryParse(text);
  return 'statements' in outcome && outcome.statements.at(-1)?.kind === 'CopyStmt';
}

/** Each COPY with rows below it as statements that a driver can send. */
function withRows(
  statements: readonly ScriptStatement[],
  copied: ReadonlyMap<number, CopiedRows>,
  file: string,
): ScriptStatement[] {
  return statements.flatMap((statement): ScriptStatement[] => {
    const rows = copied.get(statement.line);
    if (statement.kind !== 'CopyStmt' || rows === undefined) return [statement];
    const { content, line } = statement;
    if (content.options !== undefined) {
      throw unreadable(file, line, 'COPY takes no options here: rows are read in its text format');
    }
    const copy = copyOf(content);
    const cols = copy.columns.map((name) => ({ ResTarget: { name } }));
    return insertsOf(copy, rows.lines).map((text) => ({
      text,
      line,
      kind: 'InsertStmt',
      content: { relation: content.relation, cols },
    }));
  });
}

function copyOf(content: ScriptStatement['content']): Copy {
  const relation = content.relation as { schemaname?: string; relname?: string };
  const columns = Array.isArray(content.attlist) ? content.attlist : [];
  return {
    schema: relation.schemaname ?? null,
    table: relation.relname ?? '',
    columns: columns.map((one) => String(one?.String?.sval ?? '')),
  };
}

/** The line of the character at `offset`, counted from 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** The error for a schema.sql that cannot be read, with its place. */
export function unreadable(
  file: string,
  line: number,
  message: string,
  cause?: unknown,
): HalflapError {
  return new HalflapError('RELEASE_UNREADABLE', `${file}:${line}: ${message}`, {
    detail: { file, line },
    hint: `Run the file on an empty database: psql --set ON_ERROR_STOP=1 --file ${file}`,
    cause,
  });
}

type Outcome =
  | { readonly statements: ScriptStatement[] }
  | { readonly offset: number; readonly message: string };

function tryParse(text: string): Outcome {
  if (text.trim() === '') return { statements: [] };
  try {
    return { statements: statementsOf(text) };
  } catch (error) {
    if (!hasSqlDetails(error)) throw error;
    // The parser counts characters, JavaScript UTF-16 units.
    const before = [...text].slice(0, error.sqlDetails?.cursorPosition ?? 0).join('');
    return { offset: before.length, message: error.message };
  }
}

function statementsOf(text: string): ScriptStatement[] {
  const bytes = Buffer.from(text);
  const statements: ScriptStatement[] = [];
  let line = 1;
  let counted = 0;
  for (const raw of parseSync(text).stmts ?? []) {
    const start = raw.stmt_location ?? 0;
    const end = raw.stmt_len === undefined ? bytes.length : start + raw.stmt_len;
    line += linesIn(bytes.subarray(counted, start));
    counted = start;
    const slice = bytes.subarray(start, end).toString();
    const { kind, content } = contentOf(raw.stmt ?? ({} as Node));
    const skipped = slice.length - slice.trimStart().length;
    statements.push({
      text: slice.trim(),
      line: line + linesIn(Buffer.from(slice.slice(0, skipped))),
      kind,
      content,
    });
  }
  return statements;
}

function linesIn(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === 0x0a) lines++;
  return lines;
}
