// Answers to the questions of a proposal: as given on the command line, `hosts.owner=team`.

import {
  type Answers,
  didYouMean,
  NONE,
  type Proposal,
  type Question,
  readExpression,
} from '@halflap/engine';
import { HalflapError } from '@halflap/protocol';

/** @throws COMMAND_INVALID for what is no answer, or no expression where one is asked for. */
export function readAnswers(given: readonly string[]): Answers {
  const answers = new Map<string, string>();
  for (const one of given) {
    const [, id, word] = /^([^=]+)=([\s\S]+)$/.exec(one) ?? [];
    if (id === undefined || word === undefined) {
      throw invalid(`--answer: ${one} is no answer`, '--answer QUESTION=ANSWER: hosts.owner=team');
    }
    if (answers.has(id)) {
      throw invalid(`--answer: ${id} is answered twice`, `answer ${id} once`);
    }
    answers.set(id, word.trim());
  }
  return answers;
}

/** @throws COMMAND_INVALID for an answer that answers nothing. */
export function assertUsed(answers: Answers, { answered, questions }: Proposal): void {
  for (const [id, word] of answers) {
    const open = questions.find((one) => one.id === id);
    if (open !== undefined) throw invalid(`--answer: ${problemWith(open, word)}`, takes(open));
    if (answered.includes(id)) continue;
    const advice = didYouMean(
      id,
      questions.map((one) => one.id),
    );
    throw invalid(`--answer: there is no question ${id}${advice}`, 'leave it out');
  }
}

/** What is wrong with an answer; null when it is one. */
export function refusalOf(question: Question, word: string): string | null {
  const isAnswer =
    question.kind === 'choose'
      ? word === NONE || question.choices.some((one) => one.word === word)
      : 'node' in readExpression(word);
  return isAnswer ? null : problemWith(question, word);
}

/** `team, or none`. */
export function takes(question: Question): string {
  if (question.kind === 'fill') return `${question.id} takes an SQL expression`;
  const words = question.choices.map((one) => one.word).join(', ');
  return `${question.id} takes ${words}, or ${NONE}`;
}

function problemWith(question: Question, word: string): string {
  const reading = question.kind === 'fill' ? readExpression(word) : null;
  const why = reading !== null && 'problem' in reading ? `: ${reading.problem.message}` : '';
  return `${word} does not answer ${question.id}${why}`;
}

function invalid(problem: string, hint: string): HalflapError {
  return new HalflapError('COMMAND_INVALID', problem, { hint });
}
