// What a release states for its servers (servers.yaml): the features that they support, the
// messages that they send each other, and the behaviours that it changed and keeps.
//
// Naming rule, as in an evolution: `message` and `field` name things of the OLD release, `to` and
// `into` things of the NEW one; `add_field` names the new release's message. `up` expressions see
// the old message's fields, `down` expressions the new one's.

import type { BehaviourDeclaration, FeatureDeclaration, RecordShape } from '@halflap/protocol';
import type { Expression, Position } from './evolution.js';

export interface DeclaredServers {
  readonly version: string;
  /** Path of the file, for messages; null when there is none and nothing is stated. */
  readonly file: string | null;
  readonly features: Readonly<Record<string, FeatureDeclaration>>;
  readonly behaviours: Readonly<Record<string, BehaviourDeclaration>>;
  readonly messages: Readonly<Record<string, DeclaredMessage>>;
  /** How the messages of the release before become these. */
  readonly changes: readonly MessageChange[];
}

export interface DeclaredMessage {
  readonly at: Position;
  readonly shape: RecordShape;
}

export type MessageChange =
  | RenameMessage
  | SplitMessage
  | RenameField
  | ConvertField
  | AddField
  | DropField
  | NestFields
  | UnnestField;

/** Changes of fields within one message. */
export type FieldChange = Exclude<MessageChange, RenameMessage | SplitMessage>;

interface Stated {
  readonly at: Position;
  readonly message: string;
}

export interface RenameMessage extends Stated {
  readonly kind: 'rename_message';
  readonly to: string;
}

/** One message becomes several, each with some of its fields. */
export interface SplitMessage extends Stated {
  readonly kind: 'split_message';
  readonly into: readonly MessagePart[];
}

export interface MessagePart {
  readonly at: Position;
  readonly message: string;
  /** Over the old fields: which old messages have this part; null for all. */
  readonly when: Expression | null;
  /** Old field → what the old release reads where this part has no such field. */
  readonly otherwise: Readonly<Record<string, Expression>>;
}

export interface RenameField extends Stated {
  readonly kind: 'rename_field';
  readonly field: string;
  readonly to: string;
}

export interface ConvertField extends Stated {
  readonly kind: 'convert_field';
  readonly fields: readonly string[];
  readonly to: readonly string[];
  readonly up: Readonly<Record<string, Expression>>;
  readonly down: Readonly<Record<string, Expression>>;
}

export interface AddField extends Stated {
  readonly kind: 'add_field';
  readonly field: string;
  readonly up: Expression;
}

export interface DropField extends Stated {
  readonly kind: 'drop_field';
  readonly field: string;
  readonly down: Expression;
}

/** Fields become those of a record. */
export interface NestFields extends Stated {
  readonly kind: 'nest_fields';
  readonly fields: readonly string[];
  readonly into: string;
}

/** The fields of a record become fields of the message. */
export interface UnnestField extends Stated {
  readonly kind: 'unnest_field';
  readonly field: string;
  readonly into: readonly string[];
}
