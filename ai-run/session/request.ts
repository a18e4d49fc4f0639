/** The request of a session: the command line's options, the user's home, variables and settings. */

import type { RunOptions } from '../settings/options.rules.ts';
import { readEnvFile } from '../settings/read-env-file.ts';
import { type Settings, settle } from '../settings/settings.rules.ts';
import { findUserHome } from '../project/workspace.ts';
import type { Variables } from '@ai-bakery/kernel/variable.ts';

export type Request = {
  /** The options of the command line; the project's file may add others. */
  readonly said: RunOptions;
  /** The caller's home folder, as a real path. */
  readonly userHome: string;
  readonly env: NodeJS.ProcessEnv;
  /** The variables of `~/.ai-env`. */
  readonly file: Variables;
  readonly settings: Settings;
};

/** @throws UserError E_HOME, E_ENV_FILE, and E_USAGE or E_SETTING for wrong settings. */
export function readRequest(said: RunOptions): Request {
  const { env } = process;
  const userHome = findUserHome();
  const file = readEnvFile();
  const settings = settle({ flags: said.image, env, file, machine: process.arch });
  return { said, userHome, env, file, settings };
}
