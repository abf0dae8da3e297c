// What every command starts from: the options that stand before or behind any command, and what
// follows from them.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Config, loadConfig } from './config.js';
import { createPrinter, type Printer } from './print.js';

export interface Context {
  readonly printer: Printer;
  /** Reads halflap.yaml. @throws CONFIG_INVALID */
  config(): Config;
}

export interface GlobalOptions {
  readonly config: string;
  readonly json?: boolean;
}

export function contextOf(command: Command): Context {
  const options = command.optsWithGlobals<GlobalOptions>();
  return {
    printer: createPrinter(options.json === true),
    config: () => loadConfig(resolve(options.config)),
  };
}
