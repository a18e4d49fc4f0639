/** The rules for folders that are shared with an agent, and the list ~/.ai-workspaces. */

import { formatCommand } from '@ai-bakery/kernel/command.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { isMountable } from '@ai-bakery/kernel/launch.ts';
import { home as containerHome } from '@ai-bakery/kernel/policy.ts';
import { printable } from '@ai-bakery/kernel/text.ts';

/** A folder to share with an agent, as the user names it. */
export type WorkspaceRequest = { readonly folder: string; readonly readonly: boolean };

// With everything below them. The last four are macOS's.
const systemFolders = words(
  '/bin /boot /dev /etc /lib /lib64 /proc /root /run /sbin /sys /usr /var ' +
    '/Library /System /private/etc /private/var',
);

// Folders that are not a project themselves but contain projects.
const sharedFolders = words(
  '/home /media /mnt /opt /srv /tmp /Users /Volumes /private /private/tmp',
);

// Below the home: keys, logins, and the state of engines, which contains the files of every container.
const privateFolders = words(
  '.aws .azure .config .docker .gnupg .kube .mozilla .password-store .ssh Library ' +
    '.local/share/containers .local/share/docker .local/share/keyrings',
);

/** Whether a path is a folder or lies in it. Both absolute, without `..` and symlinks. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

/**
 * Refuses a folder that is more than one project. Both arguments are real paths.
 * @throws UserError E_WORKSPACE with the reason.
 */
export function checkFolder(folder: string, userHome: string): void {
  const reason = isMountable(folder)
    ? objection(folder, userHome)
    : 'docker cannot mount a path with quotes or line breaks';
  if (reason === undefined) return;
  // A line break in a name would look like the next line of the message.
  const shown = isMountable(folder) ? folder : JSON.stringify(folder);
  throw new UserError('E_WORKSPACE', `${printable(shown)} cannot be shared: ${reason}`, {
    hint: 'start ai-run in the folder of one project',
  });
}

/**
 * Parses `~/.ai-workspaces`: one absolute path per line, literally, without quotes; `#` starts a comment line.
 * @throws UserError E_WORKSPACES with the first line that is not an absolute path.
 */
export function parseWorkspaces(text: string): readonly string[] {
  return text.split('\n').flatMap((line, index) => {
    const path = line.replace(/\r$/, '');
    if (path.trim() === '' || path.startsWith('#')) return [];
    if (path.startsWith('/')) return [path];
    throw new UserError(
      'E_WORKSPACES',
      `~/.ai-workspaces, line ${index + 1}: not an absolute path: ${JSON.stringify(path)}`,
      { hint: 'write one path per line, like "/home/me/src/app", without quotes or ~' },
    );
  });
}

/** Returns the line to append to the text of `~/.ai-workspaces`. */
export function workspaceLine(text: string, folder: string): string {
  return `${text === '' || text.endsWith('\n') ? '' : '\n'}${folder}\n`;
}

/** The error for a folder that is not listed if no user can be asked. */
export function unlisted(folder: string): UserError {
  return new UserError(
    'E_WORKSPACE',
    `${printable(folder)} is not in ~/.ai-workspaces: no agent may work there yet`,
    {
      hint: `add it: ${printable(formatCommand({ file: 'printf', args: [String.raw`%s\n`, folder] }))} >> ~/.ai-workspaces`,
    },
  );
}

/** Parses the value of `--mount`: `PATH`, `PATH:ro` or `PATH:rw`. */
export function parseMount(text: string): WorkspaceRequest {
  const [, folder = text, mode] = /^(.*):(ro|rw)$/s.exec(text) ?? [];
  if (folder !== '') return { folder, readonly: mode === 'ro' };
  throw new UserError('E_USAGE', `not a folder to mount: ${JSON.stringify(text)}`, {
    hint: 'write --mount PATH or --mount PATH:ro',
  });
}

/** Returns the reason why a folder is never shared, even if the user lists it; undefined if it may be. */
function objection(folder: string, userHome: string): string | undefined {
  if (isWithin(userHome, folder)) return 'it is or contains your home folder';
  if (isWithin(folder, userHome)) {
    const below = folder.slice(userHome.length + 1);
    if (below.startsWith('.ai-')) return 'ai-run keeps its own files there';
    const found = privateFolders.find((one) => isWithin(below, one) || isWithin(one, below));
    return found === undefined ? undefined : `it is or contains ~/${found}, which holds secrets`;
  }
  const system = systemFolders.find((one) => isWithin(folder, one));
  if (system !== undefined) return `${system} belongs to the system`;
  if (sharedFolders.includes(folder)) return 'it contains more than one project';
  return isWithin(folder, '/opt/agent') || folder === containerHome
    ? 'the image has files of its own there'
    : undefined;
}

function words(text: string): readonly string[] {
  return text.split(' ');
}
