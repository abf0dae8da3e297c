// Asks on a terminal, one question at a time, what only the author of an evolution knows. Prompts
// go to stderr: stdout is for the file. Ctrl-D leaves the rest open, Ctrl-C ends the command.

import { createInterface } from 'node:readline';
import { type Answers, NONE, type Proposal, type Question } from '@halflap/engine';
import { HalflapError } from '@halflap/protocol';
import { refusalOf } from './answers.js';

/** Stands for: this one stays open. */
const LEAVE = '-';

/**
 * Asks until nothing is open that the user wants to answer; each answer may raise other questions.
 * @throws INTERRUPTED
 */
export async function askAll(
  given: Answers,
  proposed: (answers: Answers) => Proposal,
): Promise<Answers> {
  const answers = new Map(given);
  const left = new Set<string>();
  const terminal = openTerminal();
  try {
    for (;;) {
      const question = proposed(answers).questions.find((one) => !left.has(one.id));
      if (question === undefined) return answers;
      const word = await askOne(question, terminal);
      if (word === undefined) return answers;
      if (word === LEAVE) left.add(question.id);
      else answers.set(question.id, word);
    }
  } finally {
    terminal.close();
  }
}

/** The answer; undefined when there will be no more. */
async function askOne(question: Question, terminal: Terminal): Promise<string | undefined> {
  terminal.say(textOf(question));
  for (;;) {
    const line = (await terminal.ask(promptOf(question)))?.trim();
    if (line === undefined) return undefined;
    const word = wordOf(question, line);
    const problem = word === LEAVE ? null : refusalOf(question, word);
    if (problem === null) return word;
    terminal.say(`  ${problem}`);
  }
}

function textOf(question: Question): string {
  const { about, ask } = question;
  const lines = ['', `? ${about}.`, `  ${ask}${ask.endsWith('?') ? '' : '.'}`];
  if (question.kind === 'choose') {
    const width = String(question.choices.length).length;
    const isOnly = question.choices.length === 1;
    const choices = question.choices.map(({ word, about: found }, index) => {
      const number = String(index + 1).padStart(width);
      return `  ${number}  ${word}${isOnly ? '' : `: ${found}`}`;
    });
    lines.push(...choices, `  ${'n'.padStart(width)}  none: ${question.none}`);
  }
  return lines.join('\n');
}

function promptOf(question: Question): string {
  if (question.kind === 'choose') {
    const numbers = question.choices.length === 1 ? '1' : `1-${question.choices.length}`;
    return `  ${numbers}, n, or Enter to leave it open: `;
  }
  return question.suggestion === null
    ? '  an SQL expression, or Enter to leave it open: '
    : `  an SQL expression, Enter for ${question.suggestion}, ${LEAVE} to leave it open: `;
}

function wordOf(question: Question, line: string): string {
  if (question.kind === 'fill') return line === '' ? (question.suggestion ?? LEAVE) : line;
  if (line === '') return LEAVE;
  if (line === 'n') return NONE;
  return question.choices[Number(line) - 1]?.word ?? line;
}

interface Terminal {
  say(text: string): void;
  /** A line; undefined when the user has closed the input. */
  ask(prompt: string): Promise<string | undefined>;
  close(): void;
}

function openTerminal(): Terminal {
  const { stdin, stderr } = process;
  const lines = createInterface({ input: stdin, output: stderr });
  // What is typed before it is asked for counts as well.
  const typed: string[] = [];
  let wake = () => {};
  const nextLine = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  lines.on('line', (line) => {
    typed.push(line);
    wake();
  });
  const ended = new Promise<void>((resolve, reject) => {
    lines.once('close', resolve);
    lines.once('SIGINT', () => reject(interrupted()));
  });
  // Whoever asks meets the error; where nobody asks any more, nobody need.
  ended.catch(() => {});
  return {
    say: (text) => void stderr.write(`${text}\n`),
    async ask(prompt) {
      lines.setPrompt(prompt);
      lines.prompt();
      if (typed.length === 0) await Promise.race([nextLine(), ended]);
      return typed.shift();
    },
    close: () => lines.close(),
  };
}

function interrupted(): HalflapError {
  return new HalflapError('INTERRUPTED', 'diff was stopped; nothing was written', {
    hint: 'run it again; answers can be given with --answer',
  });
}
