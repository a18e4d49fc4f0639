/** What a registry asks for before it answers: `WWW-Authenticate`. RFC 9110, 11.6.1 */
export type Challenge = {
  readonly scheme: 'basic' | 'bearer';
  /** `realm`, `service`, `scope`. distribution.github.io/distribution/spec/auth/token */
  readonly parameters: Readonly<Record<string, string>>;
};

const longest = 60_000;

/** Words for too much at once and for a bad line. Where a registry explains itself, BuildKit prints that, and no status. */
const passing = [
  /\b(?:408|429|50[0234])\b/,
  /: unavailable\b|service unavailable|unknown error|internal server error|bad gateway|gateway time-?out/i,
  /connection reset|broken pipe|(?:unexpected |: )EOF\b|i\/o timeout|handshake timeout/i,
];

/** @returns undefined for a scheme that registries do not use. */
export function parseChallenge(header: string | null): Challenge | undefined {
  const match = /^\s*(basic|bearer)\b(.*)$/is.exec(header ?? '');
  if (match === null) return undefined;
  const [, scheme = '', rest = ''] = match;
  const parameters = [...rest.matchAll(/([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))/g)].map(
    ([, name = '', quoted, plain]) => [name.toLowerCase(), quoted ?? plain ?? ''],
  );
  return {
    scheme: scheme.toLowerCase() === 'basic' ? 'basic' : 'bearer',
    parameters: Object.fromEntries(parameters),
  };
}

/**
 * How long to wait before trying again, in milliseconds: what the registry asked for, otherwise twice as long each
 * time, with chance in it so that parallel clients do not come back together. Never longer than a minute.
 * @param asked milliseconds; undefined where it asked for nothing.
 * @param tries how often it was tried, from 1.
 * @param chance from 0 to 1.
 */
export function retryDelay(asked: number | undefined, tries: number, chance: number): number {
  return Math.min(Math.max(asked ?? 250 * 2 ** (tries - 1) * (0.5 + chance), 0), longest);
}

/** Some registries answer 403 to who asks too often, and only their words tell that from a refusal: GitHub's do. */
export function isRateLimit(said: string): boolean {
  return /\brate.?limit|too ?many ?requests/i.test(said);
}

/** Whether what docker or BuildKit say of a registry may be otherwise in a while. */
export function isPassing(said: string): boolean {
  return isRateLimit(said) || passing.some((words) => words.test(said));
}

/**
 * Whether a registry does not know what it was sent a moment ago: some show late what was written, and distribution's file
 * storage reads an empty link while somebody else writes the same one. Distribution spec, "error codes"
 */
export function isUnseen(said: string): boolean {
  return /blob unknown|BLOB_UNKNOWN/i.test(said);
}

/**
 * Whether an upload lost something on its way: the registry has other bytes than were sent, or does not know what it was sent
 * before. Digests are computed by who sends, so what is sent is right, and sending again brings what is missing.
 * Distribution spec, "error codes"; the words are those of distribution and of registries made of it.
 */
export function isTorn(said: string): boolean {
  return (
    isUnseen(said) ||
    /digest did not match|length did not match|blob (?:upload unknown|(?:upload )?invalid)|(?:DIGEST|SIZE|BLOB_UPLOAD)_INVALID|BLOB_UPLOAD_UNKNOWN/i.test(
      said,
    )
  );
}
