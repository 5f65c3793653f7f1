// Answers: how are bytes, digests and times shown to people.

const units = ['B', 'kB', 'MB', 'GB'];

/** `17.4 kB`: with a decimal below ten of a unit, decimal units as registries use them. */
export function sizeText(sizeBytes: number): string {
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** The first twelve digits, as other tools shorten digests. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}
