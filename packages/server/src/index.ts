// The system management application, as a program starts it.
export * from './bus/index.js';
