import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The kernel's register of interpreters for foreign programs. docs.kernel.org/admin-guide/binfmt-misc.html */
const register = '/proc/sys/fs/binfmt_misc';

const qemu = async (): Promise<string[]> =>
  (await readdir(register))
    .filter((name) => name.startsWith('qemu-'))
    .map((name) => join(register, name));

const set = async (state: '0' | '1'): Promise<void> => {
  for (const entry of await qemu()) await writeFile(entry, state);
};

/** Switches the emulation of foreign programs off and on again, for the whole machine; needs root. */
export const emulation = {
  off: (): Promise<void> => set('0'),
  on: (): Promise<void> => set('1'),
  isOn: async (): Promise<boolean> => {
    const states = await Promise.all((await qemu()).map((entry) => readFile(entry, 'utf8')));
    return states.length > 0 && states.every((state) => state.startsWith('enabled'));
  },
};
