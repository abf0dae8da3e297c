// What agents and servers of different releases must agree on.
export * from './enrolment.js';
export * from './facts.js';
export * from './frames.js';
export * from './orders.js';
export { type Checked, checkOf, MAX_NAME } from './shape.js';
export * from './snapshot.js';
export * from './trust.js';
