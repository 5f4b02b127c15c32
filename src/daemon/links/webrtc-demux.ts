/** Whose are the datagrams of DTLS that come in on the node's UDP sockets? */
import type { Cancel } from '../../base/clock.ts';
import type { Endpoint } from '../../base/endpoint.ts';
import { endpointKey } from '../../ice/endpoint-key.ts';

export type DtlsHandler = (bytes: Uint8Array) => void;

/** RFC 7983, 7: by the first byte. STUN has 0 to 3, UDX 255. */
export function isDtls(bytes: Uint8Array): boolean {
  const first = bytes[0] ?? 0;
  return first >= 20 && first <= 63;
}

/**
 * Two channels may run over one pair for a while: a new one is tried beside the one in use, and given up again
 * when it is no better. Nothing in a datagram says whose it is, so both get it: DTLS drops what its keys do not fit.
 */
export class WebRtcDemux {
  /** As many as there are channels of ours: a stranger cannot add one. */
  readonly #handlers = new Map<string, Set<DtlsHandler>>();

  /** From there to this socket, until cancelled. */
  register(base: string, from: Endpoint, handler: DtlsHandler): Cancel {
    const key = keyOf(base, from);
    const handlers = this.#handlers.get(key) ?? new Set();
    this.#handlers.set(key, handlers.add(handler));
    return () => {
      handlers.delete(handler);
      if (handlers.size === 0 && this.#handlers.get(key) === handlers) this.#handlers.delete(key);
    };
  }

  /** False: it is not DTLS. What is nobody's is dropped. */
  receive(bytes: Uint8Array, base: string, from: Endpoint): boolean {
    if (!isDtls(bytes)) return false;
    for (const handler of this.#handlers.get(keyOf(base, from)) ?? []) handler(bytes);
    return true;
  }
}

function keyOf(base: string, from: Endpoint): string {
  return `${base} ${endpointKey(from)}`;
}
