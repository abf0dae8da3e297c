// Proposes the evolution file of a release from its schema and its predecessor's, and asks its
// author where the schemas do not tell.

import { join } from 'node:path';
import { changeText, type Differing, type Proposal, propose, type Question } from '@halflap/engine';
import { HalflapError } from '@halflap/protocol';
import type { Command } from 'commander';
import { assertUsed, readAnswers, takes } from '../answers.js';
import { askAll } from '../ask.js';
import { contextOf } from '../context.js';
import { interruptible } from '../interrupt.js';
import { fileExists, shown, textIn, writeNew } from '../new-file.js';
import type { ScratchOptions } from '../options.js';
import type { Printer } from '../print.js';
import { proposalText } from '../proposal-text.js';
import { type Releases, withReleases } from '../releases.js';

interface DiffOptions extends ScratchOptions {
  readonly write?: boolean;
  readonly answer?: readonly string[];
}

export async function run(version: string | undefined, options: DiffOptions, command: Command) {
  const { printer, config: load } = contextOf(command);
  const config = load();
  await interruptible(printer.note, (signal) =>
    withReleases({ config, options, signal }, async (releases) => {
      const differing = await loadBoth(releases, version);
      const file = join(config.releases, differing.to.version, 'evolution.yaml');
      const given = readAnswers(options.answer ?? []);
      assertUsed(given, propose(differing, given));
      const answers = canAsk(printer)
        ? await askAll(given, (all) => propose(differing, all))
        : given;
      const names = {
        app: config.app,
        from: differing.from.version,
        to: differing.to.version,
      };
      const proposal = propose(differing, answers);
      const text = proposalText(names, proposal);
      const isOpen = proposal.questions.length > 0;
      const refusal = isOpen ? null : await releases.refusal({ ...names, text, file });
      const isWritten = options.write === true && write(file, text);
      printer.json({ ...names, file, isWritten, text, ...forPrograms(proposal), refusal });
      if (options.write !== true) printer.line(text.trimEnd());
      else printer.line(`${shown(file)}: ${isWritten ? 'written' : 'there already, the same'}`);
      for (const { text: remark } of proposal.remarks) printer.note(`note: ${remark}`);
      if (refusal !== null) printer.note(`warning: check will refuse it: ${refusal}`);
      if (isOpen) throw answersNeeded(proposal.questions, names.to);
      const place =
        options.write === true ? '' : `put it into ${shown(file)}, as --write does; then `;
      printer.note(`next: ${place}halflap check ${names.to}`);
    }),
  );
}

async function loadBoth(
  releases: Releases,
  version: string | undefined,
): Promise<Required<Pick<Differing, 'from' | 'to'>>> {
  const versions = await releases.versions();
  const to = version ?? versions.at(-1) ?? '';
  const newer = await releases.load(to);
  const from = versions[versions.indexOf(to) - 1];
  if (from !== undefined) return { from: await releases.load(from), to: newer };
  throw new HalflapError('COMMAND_INVALID', `${to} is the first release: it comes from nothing`, {
    hint: 'put schema.sql of the next release beside it; then halflap diff',
  });
}

/** Only where a person sits at both ends. */
function canAsk({ isInteractive }: Printer): boolean {
  return isInteractive && process.stdin.isTTY === true;
}

/** Whether it was written; a file that says the same is left alone. @throws FILE_EXISTS */
function write(file: string, text: string): boolean {
  const present = textIn(file);
  if (present === undefined) writeNew(file, text);
  else if (present !== text)
    throw fileExists(file, `leave out --write to see what would stand there`);
  return present === undefined;
}

function forPrograms({ changes, questions, remarks }: Proposal) {
  return {
    changes: changes.map(({ change, reason }) => ({ change: changeText(change), reason })),
    questions: questions.map((question) => ({
      id: question.id,
      kind: question.kind,
      about: question.about,
      ask: question.ask,
      takes: takes(question),
      ...(question.kind === 'choose'
        ? {
            choices: question.choices.map(({ word, about, change }) => ({
              word,
              about,
              change: changeText(change),
            })),
            suggestion: null,
          }
        : { choices: [], suggestion: question.suggestion }),
    })),
    remarks,
  };
}

function answersNeeded(questions: readonly Question[], version: string): HalflapError {
  const [first] = questions;
  const count = questions.length === 1 ? '1 question is' : `${questions.length} questions are`;
  const word = first?.kind === 'choose' ? first.choices[0]?.word : "'EXPRESSION'";
  return new HalflapError('ANSWERS_NEEDED', `${count} open before ${version} can be checked`, {
    detail: { evidence: questions.map((one) => `${one.ask} (${takes(one)})`) },
    hint:
      `choose in the file, or answer: halflap diff ${version} --answer ${first?.id}=${word}; ` +
      'on a terminal you are asked',
  });
}
