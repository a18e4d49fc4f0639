import { formatCommand } from '@ai-bakery/kernel/command.ts';
import { UserError } from '@ai-bakery/kernel/error.ts';
import { isMountable } from '@ai-bakery/kernel/launch.ts';
import { home as containerHome } from '@ai-bakery/kernel/policy.ts';
import { printable } from '@ai-bakery/kernel/text.ts';

/** One folder that is to be shared with an agent, as the user names it. */
export type WorkspaceRequest = { readonly folder: string; readonly readonly: boolean };

// With everything below them. The last four are macOS's.
const systemFolders = words(
  '/bin /boot /dev /etc /lib /lib64 /proc /root /run /sbin /sys /usr /var ' +
    '/Library /System /private/etc /private/var',
);

// They are not one project, but projects lie below them.
const sharedFolders = words(
  '/home /media /mnt /opt /srv /tmp /Users /Volumes /private /private/tmp',
);

// Below the home: keys, logins, and the state of engines, whose files are those of every container.
const privateFolders = words(
  '.aws .azure .config .docker .gnupg .kube .mozilla .password-store .ssh Library ' +
    '.local/share/containers .local/share/docker .local/share/keyrings',
);

/** Whether a path is a folder or lies in it. Both absolute, without `..` and symlinks. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

/**
 * Refuses a folder that is more than a project. Both are real paths.
 * @throws UserError E_WORKSPACE with the reason.
 */
export function checkFolder(folder: string, userHome: string): void {
  const reason = isMountable(folder)
    ? objection(folder, userHome)
    : 'docker cannot mount a path with quotes or line breaks';
  if (reason === undefined) return;
  // A line break in a name would be read as the next line of the message.
  const shown = isMountable(folder) ? folder : JSON.stringify(folder);
  throw new UserError('E_WORKSPACE', `${printable(shown)} is not shared with an agent: ${reason}`, {
    hint: 'start ai-run in the folder of one project',
  });
}

/**
 * The folders of `~/.ai-workspaces`: one absolute path per line, as it is, without quotes; `#` starts a comment line.
 * @throws UserError E_WORKSPACES with the line that is none.
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

/** A line to append to `~/.ai-workspaces`, after the text that is there. */
export function workspaceLine(text: string, folder: string): string {
  return `${text === '' || text.endsWith('\n') ? '' : '\n'}${folder}\n`;
}

/** What is said where a folder is not listed and nobody can be asked. */
export function unlisted(folder: string): UserError {
  return new UserError(
    'E_WORKSPACE',
    `${printable(folder)} is not in ~/.ai-workspaces: no agent may work there yet`,
    {
      hint: `add it: ${printable(formatCommand({ file: 'printf', args: [String.raw`%s\n`, folder] }))} >> ~/.ai-workspaces`,
    },
  );
}

/** Reads what follows `--mount`: `PATH`, `PATH:ro` or `PATH:rw`. */
export function parseMount(text: string): WorkspaceRequest {
  const [, folder = text, mode] = /^(.*):(ro|rw)$/s.exec(text) ?? [];
  if (folder !== '') return { folder, readonly: mode === 'ro' };
  throw new UserError('E_USAGE', `not a folder to mount: ${JSON.stringify(text)}`, {
    hint: 'write --mount PATH or --mount PATH:ro',
  });
}

/** Why a folder is never shared with an agent, whatever the user lists; nothing where it may be. */
function objection(folder: string, userHome: string): string | undefined {
  if (isWithin(userHome, folder)) return 'it is or holds your home folder';
  if (isWithin(folder, userHome)) {
    const below = folder.slice(userHome.length + 1);
    if (below.startsWith('.ai-')) return 'it is where ai-run keeps its own files';
    const found = privateFolders.find((one) => isWithin(below, one) || isWithin(one, below));
    return found === undefined ? undefined : `it is or holds ~/${found}, where secrets are kept`;
  }
  const system = systemFolders.find((one) => isWithin(folder, one));
  if (system !== undefined) return `${system} belongs to the system`;
  if (sharedFolders.includes(folder)) return 'it holds more than one project';
  // The container has its own files there.
  return isWithin(folder, '/opt/agent') || folder === containerHome
    ? 'the image has files of its own there'
    : undefined;
}

function words(text: string): readonly string[] {
  return text.split(' ');
}
