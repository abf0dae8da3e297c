// Which labels of an enum go on under another name: asked where one goes and one comes. Pure.

import { labelPairs, typesOfBoth } from '../compile/taken-over.js';
import type { Enum } from '../release/catalog.js';
import type { RenameLabel } from '../release/evolution.js';
import { isApart, plainType, printed } from '../release/types-apart.js';
import {
  type Choose,
  type Found,
  NONE,
  NOWHERE,
  type Proposed,
  type Question,
  type Sight,
} from './proposal.js';

export function proposeLabels(sight: Sight): Found {
  const types = typesOfBoth(sight.from, sight.to, sight.evolution);
  const changes: Proposed[] = [];
  const questions: Question[] = [];
  for (const old of sight.from.enums.filter(({ name }) => isApart(name))) {
    const enums = { old: old.name, new: plainType(old.name) };
    const come = sight.to.enums.find(({ name }) => printed(name) === enums.new);
    const { onlyOld, onlyNew } = labelPairs(enums, types);
    const [label, to] = [onlyOld[0], onlyNew[0]];
    if (onlyOld.length !== 1 || onlyNew.length !== 1 || come === undefined) continue;
    if (label === undefined || to === undefined) continue;
    const question = questionOf(come, label, to);
    const answer = sight.answer(question.id);
    const chosen = question.choices.find((one) => one.word === answer);
    if (chosen !== undefined) {
      changes.push({ change: chosen.change, reason: `${chosen.about}: so its author says` });
    } else if (answer !== NONE) questions.push(question);
  }
  return { changes, held: [], questions };
}

function questionOf({ name: type }: Enum, label: string, to: string): Choose {
  const about = `label ${label} of ${type} goes and label ${to} of ${type} comes`;
  const change: RenameLabel = { kind: 'rename_label', at: NOWHERE, type, label, to };
  return {
    kind: 'choose',
    id: `${type}.${label}`,
    about,
    ask: `Which label is ${label} of ${type} from now on?`,
    choices: [{ word: to, about, change }],
    none:
      `rows of the old release with the label ${label} go to quarantine, ` +
      `and ${to} is refused until contract`,
  };
}
