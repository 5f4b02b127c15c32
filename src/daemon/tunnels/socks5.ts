/**
 * SOCKS5 (RFC 1928), the part that a proxy by name needs: no authentication, CONNECT, domain names.
 *
 *     greeting    version 5, count 1, methods          ──>
 *                                    <──               version 5, method
 *     request     version 5, command 1, 0, kind 1, host, port 2    ──>
 *                                    <──               version 5, reply, 0, kind 1, address 4, port 2
 */
import type { ErrorCode, PilotError } from '../../base/pilot-error.ts';
import { WireError } from '../../base/wire-error.ts';

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const CONNECT = 1;
const KIND = { v4: 1, domain: 3, v6: 4 } as const;

/** `REP` of RFC 1928, 6. */
const REPLY = {
  succeeded: 0,
  general_failure: 1,
  not_allowed: 2,
  host_unreachable: 4,
  connection_refused: 5,
  command_not_supported: 7,
  kind_not_supported: 8,
} as const;

type Reply = keyof typeof REPLY;

/** What a client is told before its connection is closed. */
export class SocksRefusal extends Error {
  override readonly name = 'SocksRefusal';
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    super('refused');
    this.bytes = bytes;
  }
}

/** Exactly so many bytes of what the client sends. */
export type Take = (count: number) => Promise<Buffer>;

/** Our answer to the greeting; SocksRefusal where the client wants to authenticate. */
export async function takeGreeting(take: Take): Promise<Uint8Array> {
  const head = await take(2);
  if (head[0] !== VERSION) throw new WireError('not SOCKS5');
  const methods = head[1] === 0 ? Buffer.alloc(0) : await take(head[1] ?? 0);
  if (methods.includes(NO_AUTHENTICATION)) return Uint8Array.of(VERSION, NO_AUTHENTICATION);
  throw new SocksRefusal(Uint8Array.of(VERSION, 0xff));
}

/** Where the client wants to go. */
export async function takeRequest(take: Take): Promise<{ host: string; port: number }> {
  const head = await take(4);
  if (head[0] !== VERSION) throw new WireError('not SOCKS5');
  if (head[1] !== CONNECT) throw new SocksRefusal(socksReply('command_not_supported'));
  switch (head.readUInt8(3)) {
    case KIND.domain: {
      const length = (await take(1))[0] ?? 0;
      if (length === 0) throw new WireError('an empty name');
      const host = (await take(length)).toString('latin1');
      return { host, port: (await take(2)).readUInt16BE() };
    }
    case KIND.v4:
    case KIND.v6:
      // An address of the internet: not of this network, and what is behind a name is not ours to look up.
      throw new SocksRefusal(socksReply('not_allowed'));
    default:
      throw new SocksRefusal(socksReply('kind_not_supported'));
  }
}

export function socksReply(reply: Reply): Uint8Array {
  return Uint8Array.of(VERSION, REPLY[reply], 0, KIND.v4, 0, 0, 0, 0, 0, 0);
}

const BY_CODE: Readonly<Partial<Record<ErrorCode, Reply>>> = {
  connection_refused: 'connection_refused',
  permission_denied: 'not_allowed',
  trust_required: 'not_allowed',
  connection_failed: 'host_unreachable',
  not_found: 'host_unreachable',
  timeout: 'host_unreachable',
};

export function socksFailure({ code }: PilotError): Uint8Array {
  return socksReply(BY_CODE[code] ?? 'general_failure');
}
