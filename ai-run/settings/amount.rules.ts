/** The values of limits: memory, CPUs and processes, on the command line and in a project's file. */

/** The syntax of a limit. */
export type Amount = {
  /** The end of messages that begin with `expected`. */
  readonly expected: string;
  /** @returns undefined for an invalid value. */
  readonly read: (text: string) => number | undefined;
};

const units: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Bytes, written like `512m` or `8g`, with docker's units and minimum. */
export const memory: Amount = {
  expected: '6m or more, like 512m or 8g',
  read: (text) => {
    const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([kmg]?)b?$/i.exec(text) ?? [];
    const bytes = Math.floor(Number(number) * (units[unit.toLowerCase()] ?? 1));
    return bytes >= 6 * 2 ** 20 ? bytes : undefined;
  },
};

export const cpus: Amount = { expected: 'a number above 0', read: positive };

export const pids: Amount = {
  expected: 'a whole number above 0',
  read: (text) => {
    const number = positive(text);
    return Number.isInteger(number) ? number : undefined;
  },
};

function positive(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) && Number(text) > 0 ? Number(text) : undefined;
}
