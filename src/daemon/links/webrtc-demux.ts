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

export class WebRtcDemux {
  /** As many as there are channels of ours: a stranger cannot add one. */
  readonly #handlers = new Map<string, DtlsHandler>();

  /** From there to this socket, until cancelled. The last one counts. */
  register(base: string, from: Endpoint, handler: DtlsHandler): Cancel {
    const key = keyOf(base, from);
    this.#handlers.set(key, handler);
    return () => {
      if (this.#handlers.get(key) === handler) this.#handlers.delete(key);
    };
  }

  /** False: it is not DTLS. What is nobody's is dropped. */
  receive(bytes: Uint8Array, base: string, from: Endpoint): boolean {
    if (!isDtls(bytes)) return false;
    this.#handlers.get(keyOf(base, from))?.(bytes);
    return true;
  }
}

function keyOf(base: string, from: Endpoint): string {
  return `${base} ${endpointKey(from)}`;
}
