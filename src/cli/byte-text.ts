const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** A count of bytes for people, in powers of ten: `850 B`, `12.5 MB`. */
export function byteText(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  // What would be rounded up to the next unit is written in that.
  while (Math.round(amount * 10) / 10 >= 1000 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || amount >= 99.95 ? 0 : 1;
  return `${amount.toFixed(digits)} ${UNITS[unit] ?? ''}`;
}
