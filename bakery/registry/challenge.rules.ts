/** Parses the challenge of a registry that wants credentials: `WWW-Authenticate`. RFC 9110, 11.6.1 */

export type Challenge = {
  readonly scheme: 'basic' | 'bearer';
  /** `realm`, `service`, `scope`. distribution.github.io/distribution/spec/auth/token */
  readonly parameters: Readonly<Record<string, string>>;
};

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
