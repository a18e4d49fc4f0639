/** The mounts of a shadow and of the object folders that it borrows. */

import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Mount } from '@ai-bakery/kernel/policy.ts';
import type { Repository } from './locate.ts';

export function shadowMounts(
  project: string,
  repository: Repository,
  shadow: {
    readonly store: string;
    readonly number: number;
    readonly objects: readonly string[];
  },
): Mount[] {
  const { store, number } = shadow;
  const source = join(store, 'shadow');
  const dotGit = join(project, repository.folder, '.git');
  const pointer = join(store, 'pointer');
  return [
    ...(repository.pointer
      ? [
          { type: 'bind', source: pointer, target: dotGit, readonly: true } as const,
          {
            type: 'bind',
            source,
            target: containerPath(number, 'git'),
            readonly: false,
          } as const,
        ]
      : [{ type: 'bind', source, target: dotGit, readonly: false } as const]),
    ...shadow.objects.flatMap((folder, at) =>
      objectMounts(folder, `${containerPath(number, 'objects')}/${at}`),
    ),
  ];
}

/** The path in the container of the n-th repository's borrowed objects or, if its `.git` is a file, of the shadow itself. */
export function containerPath(number: number, part: 'objects' | 'git'): string {
  return `/run/ai-run/${part}/${number}`;
}

/** An object folder, without its own alternates: the shadow lists the whole chain, by paths that exist in the container. */
function objectMounts(source: string, target: string): Mount[] {
  const mount = { type: 'bind', source, target, readonly: true } as const;
  return lstatSync(join(source, 'info/alternates'), { throwIfNoEntry: false }) === undefined
    ? [mount]
    : [mount, { ...mount, source: '/dev/null', target: `${target}/info/alternates` }];
}
