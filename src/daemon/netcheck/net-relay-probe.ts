/**
 * Asks a relay's host for `/healthz` over a connection of its own, as a browser would: how far away is it, and is it
 * the relay that answers, or something on the way?
 *
 *     resolve ──> connect ──(TLS)──> GET /healthz ──> 200, 503 with a relay's status     ok, draining
 *        │           │         │                 ├──> 3xx                                redirect
 *       dns       refused …  certificate         └──> anything else                      other
 *
 * Nothing is sent to a host whose certificate is not valid; whose it is instead gives away who is in between.
 */
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

import type { Clock } from '../../base/clock.ts';
import { formatEndpoint } from '../../base/endpoint.ts';
import { describeError } from '../../base/pilot-error.ts';
import type { NetcheckRelay } from '../../client/api.ts';
import { dialFailureOf } from '../../relay/dial-websocket.ts';
import { parseRelayUrl, type RelayUrl } from '../../relay/relay-url.ts';

export type RelayProbe = Omit<NetcheckRelay, 'url' | 'online'>;

export interface RelayProbeDeps {
  readonly clock: Clock;
  /** PEM of certificates to trust instead of the system's. */
  readonly ca: string | undefined;
  readonly timeoutMs: number;
}

/** A relay's answer has 20 bytes. */
const MAX_BODY_BYTES = 1024;
/** Of what strangers wrote. */
const MAX_TEXT = 200;

/** Rejects with the signal's reason only. `url` as `parseRelayUrl` takes it. */
export async function probeRelay(
  url: string,
  deps: RelayProbeDeps,
  signal: AbortSignal,
): Promise<RelayProbe> {
  const probe = new Probe(parseRelayUrl(url), deps);
  const timeout = new AbortController();
  const cancel = deps.clock.after(deps.timeoutMs, () => {
    timeout.abort();
  });
  try {
    return await probe.run(AbortSignal.any([signal, timeout.signal]));
  } catch (error) {
    signal.throwIfAborted();
    if (timeout.signal.aborted) {
      return probe.report('timeout', `no answer within ${deps.timeoutMs / 1000} s`);
    }
    return probe.failed(error);
  } finally {
    cancel();
    probe.close();
  }
}

class Probe {
  readonly #url: RelayUrl;
  readonly #deps: RelayProbeDeps;
  #socket: Socket | undefined;
  #address = '';
  #connectMs: number | null = null;
  #rttMs: number | null = null;
  #via = '';

  constructor(url: RelayUrl, deps: RelayProbeDeps) {
    this.#url = url;
    this.#deps = deps;
  }

  async run(signal: AbortSignal): Promise<RelayProbe> {
    const startedMs = this.#deps.clock.monotonic();
    if (!this.#url.isSecure) {
      const { host, port } = this.#url;
      const socket = connect({ host, port, noDelay: true });
      await this.#connected(socket, startedMs, signal);
      return this.#ask(socket, signal);
    }
    const tls = this.#dialTls();
    // It has to be heard from the start: both may come in one turn.
    const secured = once(tls, 'secureConnect', { signal });
    secured.catch(() => undefined);
    await this.#connected(tls, startedMs, signal);
    await secured;
    return tls.authorized ? this.#ask(tls, signal) : this.#misplaced(tls);
  }

  report(outcome: RelayProbe['outcome'], detail: string): RelayProbe {
    return {
      ...{ outcome, detail: detail.slice(0, MAX_TEXT), address: this.#address },
      ...{ connect_ms: this.#connectMs, rtt_ms: this.#rttMs, via: this.#via },
    };
  }

  failed(error: unknown): RelayProbe {
    const cause = error instanceof Error ? error : new Error(describeError(error));
    const { code, message } = dialFailureOf(cause);
    return isOutcome(code)
      ? this.report(code, message)
      : this.report('other', `what answers there is not a relay (${message})`);
  }

  close(): void {
    this.#socket?.destroy();
  }

  async #ask(socket: Socket, signal: AbortSignal): Promise<RelayProbe> {
    const { clock } = this.#deps;
    const { href } = this.#url;
    const page = new URL('healthz', href.replace(/\?.*$/, '').replace(/\/?$/, '/'));
    const request = httpRequest({
      createConnection: () => socket,
      path: page.pathname,
      headers: { host: page.host, connection: 'close', accept: 'application/json' },
      signal,
    });
    // Also after the answer has begun.
    request.on('error', () => undefined);
    const startedMs = clock.monotonic();
    request.end();
    const [response] = (await once(request, 'response', { signal })) as [IncomingMessage];
    this.#rttMs = clock.monotonic() - startedMs;
    this.#via = (response.headers.via ?? '').slice(0, MAX_TEXT);
    const { statusCode = 0, headers } = response;
    if (statusCode >= 300 && statusCode < 400) {
      return this.report('redirect', `the answer leads to ${headers.location ?? 'nowhere'}`);
    }
    const status = statusIn(await readStart(response));
    // A body without a length ends when it is cut off, too.
    signal.throwIfAborted();
    if (statusCode === 200 && status === 'ok') return this.report('ok', '');
    if (statusCode === 503 && status === 'draining') {
      return this.report('draining', 'the relay is about to stop');
    }
    return this.report('other', `what answers there is not a relay (HTTP ${statusCode})`);
  }

  #misplaced(tls: TLSSocket): RelayProbe {
    // A code of OpenSSL or Node, whatever the declaration says.
    const reason = String(tls.authorizationError);
    const { issuer } = tls.getPeerCertificate() as { issuer?: { O?: unknown; CN?: unknown } };
    const names = [issuer?.O, issuer?.CN].filter((name) => typeof name === 'string');
    const by = names.length === 0 ? '' : `, issued by ${names.join(' ')}`;
    return this.report('certificate', `the certificate is not valid here (${reason}${by})`);
  }

  /** One socket, not TLS around another one: Node 20 crashes when both are destroyed. */
  #dialTls(): TLSSocket {
    const { host, port } = this.#url;
    return connectTls({
      ...{ host, port, ca: this.#deps.ca, ALPNProtocols: ['http/1.1'] },
      ...(isIP(host) === 0 && { servername: host }),
      // To be able to tell whose certificate it is; an invalid one is sent nothing.
      rejectUnauthorized: false,
    });
  }

  async #connected(socket: Socket, startedMs: number, signal: AbortSignal): Promise<void> {
    this.#socket = socket;
    // Also after nobody waits for it any more.
    socket.on('error', () => undefined);
    await once(socket, 'connect', { signal });
    const { host, port } = this.#url;
    this.#connectMs = this.#deps.clock.monotonic() - startedMs;
    this.#address = formatEndpoint({ host: socket.remoteAddress ?? host, port });
  }
}

/** Of the codes of failed dialling those that tell more than that it was no relay. */
const DIAL_OUTCOMES = ['refused', 'dns', 'unreachable', 'timeout', 'lost', 'certificate'] as const;

function isOutcome(code: string): code is (typeof DIAL_OUTCOMES)[number] {
  return DIAL_OUTCOMES.some((outcome) => outcome === code);
}

async function readStart(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_BODY_BYTES) break;
  }
  return Buffer.concat(chunks).toString();
}

/** `{"status": …}` */
function statusIn(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'status' in value
      ? value.status
      : undefined;
  } catch {
    return undefined;
  }
}
