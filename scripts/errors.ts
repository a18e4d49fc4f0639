/** Writes docs/errors.md from the table of error codes; a test compares the two. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCodes } from '../kernel/error-codes.ts';
import type { ErrorEntry } from '../kernel/error-codes.ts';

const programs = { both: 'ai-run, bakery', 'ai-run': 'ai-run', bakery: 'bakery' } as const;

/** docs/errors.md. */
export function errorsPage(): string {
  return `${introduction}\n${Object.entries(errorCodes).map(section).join('\n')}`;
}

const introduction = `# Error codes

<!-- npm run errors writes this page from kernel/error-codes.ts. -->

ai-run and bakery print an error as a code, a message and, usually, a hint on standard error:

\`\`\`text
error[E_NO_SESSION]: unknown session "nope"
hint: no session is running
\`\`\`

Codes are stable; messages and hints may change. The exit code of bakery is 2 after E_USAGE and E_UNKNOWN, 130 after an
interruption, 70 after a bug, and 1 after any other error. The exit code of ai-run is 2 after E_USAGE and 1 after any
other error of its own; otherwise it is the exit code of the agent.
`;

function section([code, { program, meaning, remedy }]: [string, ErrorEntry]): string {
  const advice = remedy === undefined ? '' : `\n\nRemedy: ${remedy}`;
  return `## ${code}\n\n${meaning} (${programs[program]})${advice}\n`;
}

if (import.meta.main) await writeFile(join(import.meta.dirname, '../docs/errors.md'), errorsPage());
