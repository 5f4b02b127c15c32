import { createSocket } from 'node:dgram';
import { once } from 'node:events';

import type { Clock } from '../../base/clock.ts';
import { type Endpoint, formatEndpoint } from '../../base/endpoint.ts';

/** NAT-PMP and PCP (RFC 6886, 3.1; RFC 6887, 19.4). */
export const GATEWAY_PORT = 5351;
/** Doubling (RFC 6886, 3.1); an attempt is over before the fifth. */
const FIRST_WAIT_MS = 250;

export interface Exchange<Answer> {
  /** Makes the request when the local address is known. */
  readonly request: (localHost: string) => Uint8Array;
  /** Undefined ignores a datagram that is no answer to this request; throws to end the exchange. */
  readonly read: (datagram: Uint8Array) => Answer | undefined;
  readonly signal: AbortSignal;
}

/**
 * One request to the gateway, repeated until it is answered or `signal` aborts. The socket is connected:
 * the system lets in nobody else's datagrams, and a port that nobody listens at is an error at once.
 */
export async function askGateway<Answer>(
  clock: Clock,
  gateway: Endpoint,
  { request, read, signal }: Exchange<Answer>,
): Promise<Answer> {
  signal.throwIfAborted();
  const socket = createSocket('udp4');
  let cancelRepeat = (): void => undefined;
  try {
    socket.connect(gateway.port, gateway.host);
    await once(socket, 'connect', { signal });
    const bytes = request(socket.address().address);
    return await new Promise<Answer>((resolve, reject) => {
      const give = (): void => {
        reject(new Error(`no answer from ${formatEndpoint(gateway)}`));
      };
      signal.addEventListener('abort', give, { once: true });
      socket.on('error', reject);
      socket.on('message', (datagram) => {
        try {
          const answer = read(datagram);
          if (answer !== undefined) resolve(answer);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
      const transmit = (waitMs: number): void => {
        socket.send(bytes, (error) => {
          if (error !== null) reject(error);
        });
        cancelRepeat = clock.after(waitMs, () => {
          transmit(2 * waitMs);
        });
      };
      transmit(FIRST_WAIT_MS);
    });
  } finally {
    cancelRepeat();
    socket.close();
  }
}
