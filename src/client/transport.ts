import type { IncomingMessage } from 'node:http';

import { ROUTES } from './api.ts';
import { type ApiCall, CallStream, type CallStreamSettings } from './call-stream.ts';
import { checkSocketPath, connectionError, failureOf } from './daemon-failure.ts';
import type { Answer } from './exchange.ts';
import { searchOf } from './search-of.ts';
import type { UpgradeRequest } from './upgrade.ts';

/** What goes over HTTP has neither path members nor a body. */
type HttpCall = Omit<ApiCall, 'params' | 'body'>;

export type UpgradeOptions = Omit<UpgradeRequest, 'route' | 'query'>;

/** How the SDK reaches the daemon: JSON over the call stream, the rest over HTTP. Throws `PilotError`, or the signal's reason. */
export class Transport {
  readonly #settings: CallStreamSettings;
  readonly #calls: CallStream;

  constructor(settings: CallStreamSettings) {
    this.#settings = settings;
    this.#calls = new CallStream(settings);
  }

  get socketPath(): string {
    return this.#settings.socketPath;
  }

  async json<Reply>(call: ApiCall): Promise<Reply> {
    return this.#calls.call(call) as Promise<Reply>;
  }

  async text(call: HttpCall): Promise<string> {
    return (await this.#answer(call, false)).text;
  }

  /** An answer that goes on for long: the head has arrived, the body is the caller's to read and to destroy. */
  async stream(call: HttpCall): Promise<IncomingMessage> {
    return (await this.#answer(call, true)).response;
  }

  /** What a request to be upgraded needs; it may take as much longer as its call waits. */
  upgradeRequest({ signal, waitMs = 0 }: Pick<ApiCall, 'signal' | 'waitMs'>): UpgradeOptions {
    const { socketPath, timeoutMs } = this.#settings;
    return { socketPath, limitMs: timeoutMs + waitMs, signal };
  }

  /** Ends the call stream; calls in flight fail. */
  close(): void {
    this.#calls.close();
  }

  async #answer(call: HttpCall, streamed: boolean): Promise<Answer> {
    const { socketPath, timeoutMs } = this.#settings;
    checkSocketPath(socketPath);
    const { method, path } = ROUTES[call.route];
    try {
      // Most programs, pilotctl among them, never need HTTP.
      const { exchange } = await import('./exchange.ts');
      const answer = await exchange({
        ...{ socketPath, method, streamed, signal: call.signal },
        path: `${path}${searchOf(call.query)}`,
        limitMs: timeoutMs + (call.waitMs ?? 0),
      });
      if (answer.status < 400) return answer;
      throw failureOf(answer, { method, path });
    } catch (error) {
      call.signal?.throwIfAborted();
      throw connectionError(error, socketPath);
    }
  }
}
