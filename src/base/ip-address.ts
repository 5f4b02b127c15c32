/** `::ffff:0:0/96`, under which a dual-stack socket shows IPv4 peers (RFC 4291, 2.5.5.2). */
const MAPPED_PREFIX_BYTES = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/**
 * The 4 or 16 bytes of a numeric address; 4 also for an IPv4 address mapped into IPv6. A zone (`%eth0`)
 * is left out. Undefined for anything else.
 */
export function parseIpAddress(text: string): Uint8Array | undefined {
  if (!text.includes(':')) return parseIpv4(text);
  const bytes = parseIpv6(text.split('%', 1)[0] ?? '');
  if (bytes === undefined) return undefined;
  return MAPPED_PREFIX_BYTES.every((byte, i) => bytes[i] === byte) ? bytes.slice(12) : bytes;
}

/** An IPv4 address mapped into IPv6 as plain IPv4, anything without its zone. */
export function plainHost(host: string): string {
  const bytes = parseIpAddress(host);
  return bytes?.length === 4 ? bytes.join('.') : (host.split('%', 1)[0] ?? host);
}

/**
 * The network that an address is in, as a key for rate limits: one host often has a whole prefix of IPv6.
 * Texts that are no numeric address are each a network of their own.
 */
export function networkOf(host: string, prefixBits: { v4: number; v6: number }): string {
  const bytes = parseIpAddress(host);
  if (bytes === undefined) return host;
  const bits = bytes.length === 4 ? prefixBits.v4 : prefixBits.v6;
  const masked = bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - i * 8))));
  return `${Buffer.from(masked).toString('hex')}/${bits}`;
}

/** In a network of its own: private (RFC 1918, RFC 4193) or of this host. False for what is no address. */
export function isPrivateHost(host: string): boolean {
  const address = parseIpAddress(host);
  if (address === undefined) return false;
  const [a = 0, b = 0] = address;
  if (address.length > 4) {
    return (a & 0xfe) === 0xfc || address.every((byte, i) => byte === (i === 15 ? 1 : 0));
  }
  if (a === 10 || a === 127) return true;
  return (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const isByte = (part: string): boolean => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255;
  return parts.every(isByte) ? Uint8Array.from(parts, Number) : undefined;
}

/** RFC 4291, 2.2: eight groups, `::` for a run of zeros, the last two groups perhaps as IPv4. */
function parseIpv6(text: string): Uint8Array | undefined {
  const [left = '', right, ...more] = text.split('::');
  if (more.length > 0) return undefined;
  const head = parseGroups(left, right === undefined);
  const tail = right === undefined ? [] : parseGroups(right, true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (right === undefined ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...head, ...new Uint8Array(missing), ...tail]);
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [i, group] of groups.entries()) {
    const isLast = i === groups.length - 1;
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    } else {
      const embedded = isLast && mayEndInIpv4 ? parseIpv4(group) : undefined;
      if (embedded === undefined) return undefined;
      bytes.push(...embedded);
    }
  }
  return bytes;
}
