// What a tool needs to foretell how the client sends statements through a lens.
export { type Grammar, loadGrammar } from './grammar.js';
export { type LensRelations, readLensRelations } from './lens-relations.js';
export { type FoundUpsert, throughLens, upsertsIn } from './upsert.js';
