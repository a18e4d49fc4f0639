/** Copies the user's own configuration of an agent into its home, for `--with-config`. */

import { lstatSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Contract } from '@ai-bakery/kernel/contract.ts';
import { parseJson } from '@ai-bakery/kernel/json.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import {
  carryText,
  carryValues,
  type HostConfig,
  isOwnFile,
  isValues,
  pick,
  type Values,
} from './carried.rules.ts';
import type { Part } from '../part.rules.ts';
import type { Policy } from '@ai-bakery/kernel/policy.ts';
import { holdFolder, makeFolder } from '../host/folder.ts';
import { readRegularFile } from '../host/read-regular-file.ts';
import { longest, readUserFile } from '../host/read-user-file.ts';
import { writeAtomic } from '../host/write-atomic.ts';

/** The values or text that earlier sessions carried, by file. */
type Memory = Record<string, Values | string>;

type HostConfigOptions = {
  /** The caller's home folder, as a real path. */
  readonly userHome: string;
  /** The home of the agent's sessions in this project: `openHome`. */
  readonly home: string;
  /** The agent that the user named; the image's own name is not trusted. */
  readonly agent: string;
  readonly contract: Pick<Contract, 'hostConfig'>;
  /** The user of the container: `containerUser`. */
  readonly user: Policy['user'];
};

/**
 * Copies the parts of the user's own configuration that the contract lists into the agent's home. The agent's own changes take
 * precedence, then the files of `~/.ai-home/<agent>/global`, which the home started with.
 * @throws UserError E_CONTRACT for a contract that lists files of other programs; E_FOLDER if a folder cannot be used.
 */
export async function openHostConfig(options: HostConfigOptions): Promise<Part> {
  const { home, agent, contract } = options;
  const foreign = contract.hostConfig.find((one) => !isOwnFile(agent, one));
  if (foreign !== undefined) {
    throw new UserError(
      'E_CONTRACT',
      `the image asks for ~/${foreign.path}, which does not belong to ${agent}`,
      {
        hint: 'leave out --with-config, or use an image that bakery made',
      },
    );
  }
  const memoryFile = `${home}.host-config`;
  const memory = readMemory(memoryFile);
  const carried: string[] = [];
  const notes: string[] = [];
  for (const file of contract.hostConfig) {
    // oxlint-disable-next-line no-await-in-loop -- few and small files
    const one = await carry(options, file, memory);
    if (one.carried !== undefined) carried.push(one.carried);
    if (one.note !== undefined) notes.push(one.note);
  }
  writeAtomic(memoryFile, JSON.stringify(memory));
  const summary =
    carried.length === 0
      ? `--with-config: your home has no settings of ${agent} that may be copied`
      : `--with-config: the agent gets copies of ${carried.join('; ')}`;
  return { notes: [summary, ...notes] };
}

function readMemory(path: string): Memory {
  try {
    return parseJson(readFileSync(path, 'utf8'), memoryOf) ?? {};
  } catch {
    // The first session, or a damaged file: existing values of the agent are not changed.
    return {};
  }
}

/** Leaves out damaged entries: their files are copied as in the first session. */
function memoryOf(value: unknown): Memory | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const entries: [string, unknown][] = Object.entries(value);
  return Object.fromEntries(
    entries.filter(
      (entry): entry is [string, Values | string] =>
        typeof entry[1] === 'string' || isValues(entry[1]),
    ),
  );
}

/**
 * Copies one file or its values, and updates the memory.
 * @returns a description of the copy, or the reason why the file was not copied.
 */
async function carry(
  { userHome, home, user }: HostConfigOptions,
  { path, format, keys }: HostConfig,
  memory: Memory,
): Promise<{ readonly carried?: string; readonly note?: string }> {
  const text = readUserFile(join(userHome, path));
  if (text === undefined) return {};
  const stays = (why: string) => ({ note: `--with-config: ~/${path} is not copied: ${why}` });
  if (format !== 'json' && format !== 'text') return stays(`ai-run does not read ${format}`);
  const values = format === 'json' ? pick(text, keys) : {};
  if (values === undefined) return stays('it is not plain JSON');
  const folder = dirname(path);
  const held = holdFolder(folder === '.' ? home : makeFolder(home, folder, { owner: user }));
  try {
    const target = `${held.path}/${path.slice(path.lastIndexOf('/') + 1)}`;
    const isThere = lstatSync(target, { throwIfNoEntry: false }) !== undefined;
    const file = await readRegularFile(target, longest);
    if (isThere && file === undefined) return stays('the agent has no regular file there');
    const before = memory[path];
    const result =
      format === 'text'
        ? carryText(file, before, text)
        : carryValues(file, typeof before === 'object' ? before : {}, values);
    if (result === undefined) return stays("the agent's file is not plain JSON");
    if (result.text !== file) writeAtomic(target, result.text, { owner: user });
    if (result.carried !== undefined) memory[path] = result.carried;
    const names = Object.keys(values).join(', ');
    if (format === 'text') return { carried: `~/${path}` };
    return names === '' ? {} : { carried: `${names} of ~/${path}` };
  } finally {
    held.close();
  }
}
