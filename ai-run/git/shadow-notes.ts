/** Describes to the user what shadows cannot protect or carry. */

import { join, relative, resolve } from 'node:path';
import { printable } from '@ai-bakery/kernel/text.ts';
import { maskedNotes } from './modes.rules.ts';
import type { Shadow } from './shadow.ts';

export function shadowNotes(project: string, shadows: readonly Shadow[]): string[] {
  return shadows.flatMap(({ folder, commonDir, objects, lfs, hooksPath, masked }) => {
    const at = folder === '' ? '' : `${printable(folder)}: `;
    const borrowed = objects.filter(
      (path) => path !== join(commonDir, 'objects') && isOutside(project, path),
    );
    return [
      ...borrowedNote(at, borrowed),
      ...maskedNotes(folder, masked.tracked, masked.skipped),
      ...(lfs
        ? [
            `git: ${at}the agent commits Git LFS files as they are, not as pointers: commit those files yourself`,
          ]
        : []),
      ...hooksNote(at, project, folder, hooksPath),
    ];
  });
}

function borrowedNote(at: string, borrowed: readonly string[]): string[] {
  if (borrowed.length === 0) return [];
  const names = borrowed.map(printable).join(', ');
  return [`git: ${at}the agent can read the folders that it borrows objects from: ${names}`];
}

function hooksNote(
  at: string,
  project: string,
  folder: string,
  hooksPath: string | undefined,
): string[] {
  if (hooksPath === undefined || isOutside(project, resolve(project, folder, hooksPath))) return [];
  return [
    `git: ${at}your hooks are files of the project (core.hooksPath ${printable(hooksPath)}): the agent can write them and your next commit runs them`,
  ];
}

function isOutside(project: string, path: string): boolean {
  return relative(project, path).startsWith('..');
}
