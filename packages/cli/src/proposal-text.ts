// A proposed evolution as a file: each change with the reason for it, each question with what it
// chooses from, commented out. The file parses as it is; what is open, only its author can say.

import {
  type Choose,
  changeText,
  type Fill,
  type Proposal,
  type Proposed,
  type Question,
} from '@halflap/engine';
import { stringify } from 'yaml';
import { wrapped } from './print.js';

export interface ProposedFile {
  readonly app: string;
  readonly from: string;
  readonly to: string;
}

const COLUMNS = 96;

const CAST =
  '? Another type may mean another unit or form: "up" and "down" are casts here; put them right.';

/** The whole text of evolution.yaml. */
export function proposalText({ app, from, to }: ProposedFile, proposal: Proposal): string {
  const { changes, questions, remarks } = proposal;
  const unsaid = remarks.filter((one) => one.kind === 'unsaid').map((one) => one.text);
  const lost = remarks.filter((one) => one.kind === 'lost').map((one) => one.text);
  const open =
    'Lines that begin with "?" ask what only its author knows: take the "#" from what is right, ' +
    'and put right what stands in it.';
  const head = [
    `How ${app} ${from} becomes ${to}, as halflap diff proposes it; above each change stands why.`,
    ...(questions.length === 0 ? [] : [open]),
    `Then: halflap check ${to}`,
  ];
  const blocks = [...changes.map(changeBlock), ...questionBlocks(questions)];
  const isEmpty = changes.length === 0 && questions.length === 0;
  return [
    '# yaml-language-server: $schema=./node_modules/@halflap/engine/schemas/evolution.schema.json',
    ...head.flatMap((line) => comment(line)),
    stringify({ from }, { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' }).trimEnd(),
    ...(isEmpty ? ['changes: []'] : ['changes:', blocks.join('\n\n')]),
    ...tail(
      'May be meant, and is not proposed; as it stands, what goes is lost at contract:',
      unsaid,
    ),
    ...tail('Follows from the schemas, and needs no statement; is it right?', lost),
    '',
  ].join('\n');
}

function tail(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  return ['', ...comment(title), ...lines.flatMap((line) => comment(`- ${line}`, 2))];
}

function changeBlock({ change, reason }: Proposed): string {
  return [...comment(sentence(reason)), changeText(change)].flatMap(indented).join('\n');
}

/** Questions that are answered by one change stand over it together. */
function questionBlocks(questions: readonly Question[]): string[] {
  const blocks: string[] = [];
  let before = '';
  for (const [index, question] of questions.entries()) {
    const shown = question.kind === 'fill' ? changeText(question.change) : '';
    const next = questions[index + 1];
    const isShared = next?.kind === 'fill' && shown !== '' && changeText(next.change) === shown;
    const asked = asking(question);
    if (isShared) {
      before = `${before}${asked}\n`;
      continue;
    }
    const answers = question.kind === 'choose' ? choosing(question) : filling(question);
    blocks.push(
      [`${before}${asked}`, ...answers].join('\n').split('\n').flatMap(indented).join('\n'),
    );
    before = '';
  }
  return blocks;
}

function asking({ id, about, ask }: Question): string {
  return comment(`? ${id}: ${sentence(about)} ${sentence(ask)}`, 2).join('\n');
}

function choosing({ choices, none }: Choose): string[] {
  const isCast = choices.some(({ change }) => change.kind === 'convert_column');
  return [
    ...(isCast ? comment(CAST, 2) : []),
    ...choices.map(({ change }) => commented(changeText(change))),
    ...comment(`? or none of them: ${sentence(none)}`, 2),
  ];
}

function filling({ change, suggestion }: Fill): string[] {
  const isPart = change.kind === 'split_table' || change.kind === 'merge_tables';
  const place = isPart ? [`? in place of the ${change.kind} above`] : [];
  const warning = suggestion === null ? [] : ['? for example'];
  const words = [...place, ...warning].join(', ').replace(', ?', ',');
  return [...(words === '' ? [] : comment(`${words}:`, 2)), commented(changeText(change))];
}

function comment(text: string, indent = 0): string[] {
  return wrapped(text, COLUMNS, indent).map((line) => `# ${line}`);
}

function commented(text: string): string {
  return text
    .split('\n')
    .map((line) => `# ${line}`)
    .join('\n');
}

function indented(text: string): string[] {
  return text.split('\n').map((line) => `  ${line}`);
}

/** The first letter stays: it may be the name of a column. */
function sentence(text: string): string {
  return /[.?:]$/.test(text) ? text : `${text}.`;
}
