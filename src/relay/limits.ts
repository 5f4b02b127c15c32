import { FRAME_LIMIT } from './protocol.ts';

interface Bound {
  readonly value: number;
  /** With less, nodes would not get through with what the protocol allows them. Default: 1. */
  readonly min?: number;
  /** With more, nodes would be sent what they do not take. */
  readonly max?: number;
  /** What it bounds, for `--help`; the comment above each says where the number comes from. */
  readonly about: string;
}

const MIB = 2 ** 20;

/** How much of a rate may be saved up: a burst of this many seconds' worth. */
export const BURST_SECONDS = 4;

/** Everything a stranger could fill. Each is an option of `pilot-relay` under its name in kebab case. */
const BOUNDS = {
  // The largest payload a node may send is 1 MiB (`max_payload_kb`); the rest is for what wraps it.
  maxFrameBytes: {
    value: 1.5 * MIB,
    ...FRAME_LIMIT,
    about: 'size of one WebSocket message',
  },
  // One core forwards some 100,000 small frames a second; one node may use a fifth of it.
  maxFramesPerSecond: { value: 20_000, about: 'frames per second from one connection' },
  // A quarter of a gigabit: bulk belongs on direct paths.
  maxBytesPerSecond: { value: 32 * MIB, about: 'bytes per second from one connection' },
  // A lookup takes some 20 µs: a hundredth of a core.
  maxRequestsPerSecond: { value: 500, about: 'lookups and pings per second from one node' },
  // A publication is an fsync and up to 8 ms of signatures, and news only when a node changes.
  maxPublicationsPerSecond: { value: 2, about: 'publications per second from one node' },
  // 8 MiB of frames unread is about a second of a slow line; more would only grow our memory.
  maxSendBufferBytes: {
    value: 8 * MIB,
    // One large frame, and one more behind it.
    min: 2 * FRAME_LIMIT.max,
    about: 'bytes waiting for one receiver before it is cut off',
  },
  // 32 B and a hash table entry each: 1.5 MiB for a node that uses all of it.
  maxWatch: { value: 10_000, about: 'peers that one node can watch' },
  // At some 20 KiB each: 320 MiB.
  maxConnections: { value: 16_384, about: 'connections in all' },
  // An office behind one address.
  maxConnectionsPerIp: { value: 256, about: 'connections from one IP address' },
  // Each may hold 96 KiB before it has logged in: 48 MiB.
  maxUnauthenticated: { value: 512, about: 'connections that have not logged in yet' },
  maxUnauthenticatedPerIp: {
    value: 64,
    about: 'connections from one IP address that have not logged in yet',
  },
  // Two round trips of the slowest satellite line and a TLS handshake.
  maxLoginSeconds: { value: 5, about: 'seconds to log in, or to send an HTTP request' },
  // A login takes 1 ms (8 with a key chain of 64): a prefix may use a tenth of a core.
  maxLoginsPerSecondPerPrefix: { value: 100, about: 'logins per second from one /24 or /48' },
  // Three times the nodes' keep-alive of 20 s.
  maxSilenceSeconds: { value: 60, about: 'seconds without a byte before a connection is closed' },
  maxDrainSeconds: { value: 5, about: 'seconds that a stopping relay waits for its connections' },
  // An fsync serves many puts at once; this keeps one sender from owning the disk.
  maxPutsPerSecond: { value: 100, about: 'envelopes per second from one node' },
  maxPutsPerSecondPerPrefix: { value: 400, about: 'envelopes per second from one /24 or /48' },
  maxPutBytesPerSecondPerPrefix: {
    value: 8 * MIB,
    // The largest envelope has to fit into what is saved up.
    min: FRAME_LIMIT.max / BURST_SECONDS,
    about: 'envelope bytes per second from one /24 or /48',
  },
  maxPendingRequests: { value: 64, about: 'requests of one connection being worked on' },
  maxPendingBytes: { value: 8 * MIB, about: 'bytes of those requests' },
  maxMailboxEnvelopes: { value: 10_000, about: 'envelopes waiting for one node' },
  maxMailboxBytes: { value: 64 * MIB, about: 'bytes waiting for one node' },
  // A tenth and a quarter of a mailbox: one sender cannot fill it for the others.
  maxPairEnvelopes: { value: 1000, about: 'envelopes waiting from one node for one other' },
  maxPairBytes: { value: 16 * MIB, about: 'bytes waiting from one node for one other' },
  // Sixteen and more recipients: an identity costs nothing, a place in the store should.
  maxSenderEnvelopes: { value: 20_000, about: 'envelopes waiting from one node for all others' },
  maxSenderBytes: { value: 256 * MIB, about: 'bytes waiting from one node for all others' },
  maxStoreBytes: { value: 4096 * MIB, about: 'bytes waiting in all mailboxes' },
  maxExpiryDays: { value: 30, about: 'days that an envelope is kept' },
  // Sent and not yet taken: enough to keep a line busy, little enough to lose and send again.
  maxUntakenEnvelopes: { value: 64, about: 'envelopes on their way to one node at a time' },
  maxUntakenBytes: { value: 4 * MIB, about: 'bytes of those envelopes' },
  // About a kilobyte each: a gigabyte of disk.
  maxRecords: { value: 1_000_000, about: 'node records in the directory' },
  maxNameIdleDays: {
    value: 90,
    about: 'days without a login after which names are free for others',
  },
} as const satisfies Record<string, Bound>;

export type LimitName = keyof typeof BOUNDS;
export type RelayLimits = Readonly<Record<LimitName, number>>;

export const LIMIT_NAMES = Object.keys(BOUNDS) as readonly LimitName[];

export const DEFAULT_LIMITS = Object.fromEntries(
  LIMIT_NAMES.map((name) => [name, BOUNDS[name].value]),
) as RelayLimits;

/** What an operator may choose from. */
export function rangeOfLimit(name: LimitName): { readonly min: number; readonly max: number } {
  const { min = 1, max = Number.MAX_SAFE_INTEGER }: Bound = BOUNDS[name];
  return { min, max };
}

export function aboutLimit(name: LimitName): string {
  return BOUNDS[name].about;
}

/** What a `put` needs around its body: keys, id, numbers and names. */
const PUT_OVERHEAD_BYTES = 512;

export function maxBodyBytes(limits: RelayLimits): number {
  return limits.maxFrameBytes - PUT_OVERHEAD_BYTES;
}

/** Envelopes leave together: with one more, however large, they have to fit into what may wait for a receiver. */
export function maxUntakenBytes(limits: RelayLimits): number {
  return Math.min(limits.maxUntakenBytes, limits.maxSendBufferBytes - FRAME_LIMIT.max);
}
