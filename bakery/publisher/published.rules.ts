import type { Digest } from '@ai-bakery/kernel/reference.ts';
import type { Move } from './need.rules.ts';
import type { BuildReport, ImageReport } from '../tester/report.rules.ts';
import type { ScanReport } from './scan.rules.ts';

/** What became of one image in a registry. */
export type PublishedImage = {
  /** `registry.example.com/ai/ai-claude:go` */
  readonly image: string;
  readonly key?: Digest;
  /** The index that it is now, or would have been. */
  readonly digest?: Digest;
  readonly outcome:
    | 'up to date'
    | 'staged'
    | 'tested'
    | 'signed'
    | 'promoted'
    | 'blocked'
    | 'failed';
  /** Why it was not up to date. */
  readonly changes: readonly string[];
  readonly moved: readonly Move[];
  /** Whether it was signed by this run or before; absent where no signature is asked for. */
  readonly signed?: 'now' | 'before';
  /** What went wrong. */
  readonly why?: string;
};

/** What `bakery publish --json` prints. */
export type PublishReport = {
  readonly registry: string;
  /** Builds and pushes of this run. */
  readonly layers: BuildReport['layers'];
  /** Ids of layers that the registry had, and that were not built. */
  readonly layersFromRegistry: readonly string[];
  readonly images: readonly PublishedImage[];
  /** Tests of this run; what was tested before is not in it. */
  readonly tests: readonly ImageReport[];
  /** Scans of this run; absent where there was none. */
  readonly scans?: readonly ScanReport[];
  readonly leftOut: BuildReport['leftOut'];
  /** File that says what was moved; absent where nothing was. */
  readonly journal?: string;
  readonly milliseconds: number;
  readonly ok: boolean;
};
