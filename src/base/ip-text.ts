/** 4 or 16 bytes as systems print them (RFC 5952 for IPv6); undefined for another length. */
export function formatIpAddress(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return undefined;
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  const zeros = longestZeros(groups);
  if (zeros === undefined) return groups.join(':');
  const [head, tail] = [groups.slice(0, zeros.from), groups.slice(zeros.to)];
  return `${head.join(':')}::${tail.join(':')}`;
}

/** The first of the longest runs, of two groups at least (RFC 5952, 4.2). */
function longestZeros(groups: readonly string[]): { from: number; to: number } | undefined {
  let best = { from: 0, to: 0 };
  let from = 0;
  for (const [i, group] of groups.entries()) {
    if (group !== '0') from = i + 1;
    else if (i + 1 - from > best.to - best.from) best = { from, to: i + 1 };
  }
  return best.to - best.from < 2 ? undefined : best;
}
