/** The oldest Node that runs the programs, and the message for an older one. */

/** The oldest Node that runs the programs: `engines` in their package.json. */
const oldest = '22.18';

/** Returns a one-line error if the given version is older than the one that a program needs; else undefined. */
export function nodeProblem(program: string, version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [needed = 0, since = 0] = oldest.split('.').map(Number);
  if (major > needed || (major === needed && minor >= since)) return undefined;
  return `error[E_NODE]: ${program} needs Node ${oldest} or newer, and this is Node ${version}: install a newer one (https://nodejs.org)`;
}
