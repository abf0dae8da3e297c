// The vocabulary that every other package shares. Imports nothing.
export * from './binding.js';
export * from './bundle.js';
export * from './envelope.js';
export * from './errors.js';
export * from './phase.js';
export * from './servers.js';
export * from './session-name.js';
export * from './state.js';
