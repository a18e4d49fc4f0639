import { candidates } from './candidates.rules.ts';
import { completionScript, shells } from '@ai-bakery/kernel/completion-script.ts';
import { contractLabel } from '@ai-bakery/kernel/image.ts';
import { splitName } from '../image/image-list.rules.ts';
import { usage } from '../settings/options.rules.ts';
import { sessionLabel } from '../session/labels.rules.ts';
import { capture } from '../host/exec.ts';

/** Milliseconds: whoever pressed Tab waits. */
const patience = 2000;

/** `ai-run completion <shell>` prints a script; the script asks `ai-run completion --words -- …` what could follow. */
export async function completion(words: readonly string[]): Promise<number> {
  const [first, ...rest] = words;
  if (first === '--words') {
    const typed = rest[0] === '--' ? rest.slice(1) : rest;
    const found = await candidates(typed, { images, sessions });
    if (found.length > 0) process.stdout.write(`${found.join('\n')}\n`);
    return 0;
  }
  const shell = shells.find((one) => one === first);
  if (shell === undefined || rest.length > 0)
    throw usage(
      `completion is there for ${shells.join(', ')}, got ${JSON.stringify(words.join(' '))}`,
    );
  process.stdout.write(`${completionScript(shell)}\n`);
  return 0;
}

async function images() {
  return (
    await ask('image', 'ls', `--filter=label=${contractLabel}`, '--format={{.Repository}}:{{.Tag}}')
  ).flatMap((name) => splitName(name) ?? []);
}

function sessions() {
  return ask('ps', `--filter=label=${sessionLabel}`, `--format={{.Label "${sessionLabel}"}}`);
}

/** Lines that docker prints; none where it does not answer. */
async function ask(...args: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await capture({ file: 'docker', args }, undefined, patience).catch(() => ({
    stdout: '',
  }));
  return stdout.split('\n').filter((line) => line !== '');
}
