/** Who must have signed an image of a registry before it runs: `AI_IMAGE_VERIFY`, as it was written. */
export type Verify =
  | {
      readonly kind: 'key';
      /** A public key, PEM: absolute, or below the home with `~/`. */
      readonly path: string;
    }
  | {
      readonly kind: 'identity';
      /** Whom the certificate must name, and who has vouched for that. */
      readonly identity: Match;
      readonly issuer: Match;
    };

type Match = {
  readonly text: string;
  /** A regular expression (RE2), where it is not the text itself. */
  readonly isPattern: boolean;
};

// A comma within a regular expression is no end of it: only a name and = after it are.
const item =
  /((?:identity|issuer)(?:-regexp)?)=(.*?)(?:,(?=(?:identity|issuer)(?:-regexp)?=)|$)/gsy;

/**
 * Reads `/path/of/cosign.pub`, `~/cosign.pub`, or `identity=<…>,issuer=<…>`, each also with `-regexp` behind its name.
 * @returns undefined for anything else. A relative path is: it would name a file of the project, which is the agent's to write.
 */
export function parseVerify(text: string): Verify | undefined {
  if (/^~?\/./s.test(text)) return { kind: 'key', path: text };
  const items = readItems(text);
  const match = (name: 'identity' | 'issuer'): Match | undefined => {
    const [exact, pattern] = [items?.get(name), items?.get(`${name}-regexp`)];
    if ((exact === undefined) === (pattern === undefined)) return undefined;
    const value = exact ?? pattern ?? '';
    return value === '' ? undefined : { text: value, isPattern: exact === undefined };
  };
  const [identity, issuer] = [match('identity'), match('issuer')];
  return identity === undefined || issuer === undefined
    ? undefined
    : { kind: 'identity', identity, issuer };
}

function readItems(text: string): ReadonlyMap<string, string> | undefined {
  const found = [...text.matchAll(item)];
  const items = new Map(found.map(([, name = '', value = '']) => [name, value]));
  const isWhole = found.reduce((length, [whole]) => length + whole.length, 0) === text.length;
  return isWhole && items.size === found.length ? items : undefined;
}
