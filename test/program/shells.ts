import { existsSync } from 'node:fs';

/** Whether this machine has a shell: bash it always has. */
export const isInstalled = (shell: string): boolean =>
  ['/bin', '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'].some((folder) =>
    existsSync(`${folder}/${shell}`),
  );
