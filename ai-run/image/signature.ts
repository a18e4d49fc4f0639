/** The verification of an image's signature by cosign; its result is kept by image id. */

import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, UserError } from '@ai-bakery/kernel/error.ts';
import type { Mount } from '@ai-bakery/kernel/policy.ts';
import { formatReference, parseReference } from '@ai-bakery/kernel/reference.ts';
import { printable } from '@ai-bakery/kernel/text.ts';
import { type Trust, trustWord, verifyCommand, verifyError } from '@ai-bakery/kernel/cosign.ts';
import type { Verify } from '@ai-bakery/kernel/trust.ts';
import { capture } from '../host/exec.ts';
import { longest } from '../host/read-user-file.ts';
import { writeAtomic } from '../host/write-atomic.ts';
import { folderOnTheWay } from '../host/places.ts';

/** Milliseconds to wait for cosign, which would wait minutes for a registry that does not answer. */
const patience = 60_000;

type Subject = {
  /** The engine's id of the image that will run. */
  readonly id: string;
  /** The name that it was found by, e.g. `registry.example.com/ai/ai-claude:go`. */
  readonly name: string;
  readonly userHome: string;
  /** Fulfilled when network requests may begin. */
  readonly agreed: Promise<void>;
};

/** @throws UserError E_VERIFY for a key that cannot be read, or that another user could have written. */
export function openTrust(verify: Verify, userHome: string): Trust {
  return {
    verify,
    key: verify.kind === 'key' ? readKey(keyPath(verify.path, userHome)) : undefined,
  };
}

/**
 * Refuses a key that a session could replace: its agent could then sign the next image.
 * @throws UserError E_VERIFY with the path.
 */
export function checkKeyPlace(verify: Verify, mounts: readonly Mount[], userHome: string): void {
  if (verify.kind !== 'key') return;
  const path = keyPath(verify.path, userHome);
  // The check includes missing files, because an agent could create them.
  const folder = folderOnTheWay(path, [
    ...mounts.map(({ target }) => target),
    ...['.ai-home', '.ai-cache'].map((name) => join(userHome, name)),
  ]);
  if (folder === undefined) return;
  throw refused(
    path,
    `is in a folder that the agent can change, or is reached through a symbolic link in one: ${printable(folder)}`,
    'move it elsewhere, e.g. to ~/.config',
  );
}

/** Whether an earlier verification of this digest by the same signer is recorded. */
export function wasVerified(userHome: string, digest: string, trust: Trust): boolean {
  try {
    return readFileSync(knownPath(userHome, digest), 'utf8') === trustWord(trust);
  } catch {
    return false;
  }
}

/**
 * Refuses an image whose digest the trusted signer has not signed. Runs cosign for the first start of an image only.
 * @throws UserError E_UNSIGNED, E_SIGNATURE, E_VERIFY; E_NO_PROGRAM if cosign is not installed.
 */
export async function verifyImage(verify: Verify, subject: Subject): Promise<void> {
  const { id, name, userHome, agreed } = subject;
  const trust = openTrust(verify, userHome);
  if (wasVerified(userHome, id, trust)) return;
  await agreed;
  const { tag: _tag, digest: _digest, ...place } = parseReference(name);
  const repository = formatReference(place);
  let failure: UserError | undefined;
  for (const digest of await digestsOf(id, repository)) {
    const image = `${repository}@${digest}`;
    // oxlint-disable-next-line no-await-in-loop -- one valid signature is enough, and more digests are rare
    const answer = await ask(trust, image);
    if (answer.code === 0) {
      keepVerified(userHome, id, trust);
      return;
    }
    failure ??= verifyError(trust, image, answer);
  }
  if (failure !== undefined) throw failure;
}

/** Reads a public key; refuses a file that another user could have written. */
function readKey(path: string): string {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw refused(
      path,
      `cannot be read: ${messageOf(error)}`,
      'name the public key for the signatures: cosign.pub, which `cosign generate-key-pair` writes',
    );
  }
  try {
    const { mode, uid, size } = fstatSync(file);
    if ((mode & 0o022) !== 0 || (uid !== 0 && uid !== process.getuid?.()))
      throw refused(
        path,
        'is writable by other users',
        'check its content, then run chmod go-w on it',
      );
    const text = size <= longest ? readFileSync(file, 'utf8') : '';
    if (/^-----BEGIN PUBLIC KEY-----$/m.test(text)) return text;
  } finally {
    closeSync(file);
  }
  throw refused(path, 'is not a public key', 'a public key begins with -----BEGIN PUBLIC KEY-----');
}

function keyPath(path: string, userHome: string): string {
  return path.startsWith('~/') ? join(userHome, path.slice(2)) : path;
}

function refused(path: string, what: string, hint: string): UserError {
  return new UserError('E_VERIFY', `AI_IMAGE_VERIFY: ${printable(path)} ${what}`, { hint });
}

function knownPath(userHome: string, digest: string): string {
  return join(userHome, '.ai-run/verified', digest.replace(/^sha256:/, ''));
}

/**
 * Returns the image's digests in this repository. With the containerd image store the digest is the engine's own id; other
 * stores give each image an id of their own and record its digests in the repositories it came from.
 */
async function digestsOf(id: string, repository: string): Promise<readonly string[]> {
  const { code, stdout } = await capture({
    file: 'docker',
    args: ['image', 'inspect', '--format={{range .RepoDigests}}{{println .}}{{end}}', id],
  });
  const noted = (code === 0 ? stdout : '')
    .split('\n')
    .flatMap((line) =>
      line.startsWith(`${repository}@`) ? [line.slice(repository.length + 1)] : [],
    );
  return noted.length === 0 || noted.includes(id) ? [id] : noted;
}

async function ask(trust: Trust, image: string): ReturnType<typeof capture> {
  try {
    return await capture(verifyCommand(trust, image), undefined, patience);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.code, `AI_IMAGE_VERIFY is set: ${error.message}`, {
      hint: 'install cosign, version 2 or 3, which verifies signatures; or remove AI_IMAGE_VERIFY',
      cause: error,
    });
  }
}

/** Records a verification. Best effort, because the next start can verify again. */
function keepVerified(userHome: string, digest: string, trust: Trust): void {
  const path = knownPath(userHome, digest);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeAtomic(path, trustWord(trust));
  } catch {
    // Other code reports a full disk.
  }
}
