/** ai-run setup: aliases and completion in the user's shell, and the images of the agents. */

import type { Shell } from '@ai-bakery/kernel/completion-script.ts';
import { usage } from '../settings/options.rules.ts';
import { readAgents, readShell } from './setup-flags.rules.ts';
import { type Settings, settle } from '../settings/settings.rules.ts';
import { addLine, aliasFile, aliasText, startLine } from './shell.rules.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { listImages } from '../image/listed.ts';
import { findImage } from '../image/image.ts';
import { findUserHome } from '../project/workspace.ts';
import { readEnvFile } from '../settings/read-env-file.ts';
import { askLine, confirm } from './confirm.ts';
import { rcFile, readBytes, replaceFile, short } from './shell-files.ts';
import { findProgram } from './program.ts';

export type SetupFlags = {
  readonly agents?: string | undefined;
  readonly shell?: string | undefined;
  readonly yes?: boolean | undefined;
  readonly 'no-pull'?: boolean | undefined;
};

type Change = {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
  readonly plan: string;
};

/**
 * Makes `claude` an alias of `ai-run claude` in the user's shell, and pulls the agents' images.
 * @throws UserError E_USAGE, E_SETUP, and the errors of {@link findImage} for an image that is not available.
 */
export async function setup(flags: SetupFlags): Promise<number> {
  const home = findUserHome();
  const shell = readShell(flags.shell, process.env['SHELL']);
  const settings = settle({
    flags: {},
    env: process.env,
    file: readEnvFile(),
    machine: process.arch,
  });
  const agents = flags.agents === undefined ? await choose(settings) : readAgents(flags.agents);
  const prefix = settings.source === 'registry' ? `${settings.registry}/` : '';
  const images =
    flags['no-pull'] === true ? [] : agents.map((agent) => `${prefix}ai-${agent}:base`);
  const changes = changesFor(shell, agents, home);
  const plan = [
    ...images.map((image) => `${settings.source === 'registry' ? 'pull' : 'look for'} ${image}`),
    ...changes.map((change) => change.plan),
  ];
  if (plan.length === 0) {
    process.stderr.write('nothing to do: all of it is set up already\n');
    return 0;
  }
  if (!(await confirm(plan, flags.yes === true))) return 1;
  const agreed = Promise.resolve();
  for (const reference of images) {
    // oxlint-disable-next-line no-await-in-loop -- docker shows the progress of one at a time
    await findImage({ ...settings, reference, env: process.env, userHome: home, agreed });
  }
  for (const { path, text, mode } of changes) replaceFile(path, text, mode);
  const aliases = short(`${home}/${aliasFile(shell)}`, home);
  process.stderr.write(
    `done: open a new shell, or run \`${shell === 'fish' ? 'source' : '.'} ${aliases}\`; \`ai-run uninstall\` reverts it\n`,
  );
  return 0;
}

async function choose(settings: Settings): Promise<readonly string[]> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw usage('without a terminal, name the agents with --agents');
  const here = [...new Set((await listImages()).map(({ agent }) => agent))];
  const more =
    settings.source === 'registry'
      ? `any agent of ${settings.registry}`
      : 'agents that you have built';
  process.stderr.write(
    `Images here: ${here.join(', ') || 'none'}. You can name ${printable(more)}.\n`,
  );
  return readAgents((await askLine('Agents to make aliases for, separated by spaces:')) ?? '');
}

/** Returns the files to change, with their new text; files that are up to date are left out. */
function changesFor(shell: Shell, agents: readonly string[], home: string): readonly Change[] {
  const aliases = `${home}/${aliasFile(shell)}`;
  const rc = rcFile(shell, home);
  const old = readBytes(rc);
  const all: readonly Change[] = [
    {
      path: aliases,
      text: Buffer.from(aliasText(shell, agents, findProgram())).toString('latin1'),
      mode: 0o600,
      plan: `write ${short(aliases, home)}: ${agents.length === 0 ? '' : `aliases ${agents.join(', ')}, and `}completion of ai-run`,
    },
    {
      path: rc,
      text: addLine(old, shell),
      mode: 0o644,
      plan: `add to ${short(rc, home)}: ${startLine(shell)}`,
    },
  ];
  return all.filter(({ path, text }) => readBytes(path) !== text);
}
