/** The setting AI_IMAGE_VERIFY: the signer that images of a registry must have. */

/** The signer that an image of a registry must have before it runs: `AI_IMAGE_VERIFY`, as it was written. */
export type Verify =
  | {
      readonly kind: 'key';
      /** The path of a public key in PEM: absolute, or below the home with `~/`. */
      readonly path: string;
    }
  | {
      readonly kind: 'identity';
      /** The subject that the certificate must name, and the issuer that vouched for it. */
      readonly identity: Match;
      readonly issuer: Match;
    };

type Match = {
  readonly text: string;
  /** Whether `text` is a regular expression (RE2) rather than the exact text. */
  readonly isPattern: boolean;
};

// A comma may be part of a regular expression: an item ends only at a comma that a name and = follow.
const item =
  /((?:identity|issuer)(?:-regexp)?)=(.*?)(?:,(?=(?:identity|issuer)(?:-regexp)?=)|$)/gsy;

/**
 * Parses `/path/of/cosign.pub`, `~/cosign.pub`, or `identity=<…>,issuer=<…>`, each also with `-regexp` after its name.
 * @returns undefined for anything else. A relative path is refused: it would name a file in the project, which agents can write.
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
