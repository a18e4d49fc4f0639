/** The time of every file in a layer. */

/**
 * In seconds since 1970, for every file and every image, so that the same inputs give the same digests: 1985-10-26, which npm
 * gives the files of its packages for the same reason. Not 0, because zip begins with 1980. It never changes, because
 * another time would change the digest of every layer. reproducible-builds.org/specs/source-date-epoch
 */
export const sourceDate = 499_162_500;
