import type { ReceivedCleared, ReceivedClearQuery, ReceivedList, ReceivedQuery } from './api.ts';
import { PortCalls } from './port-calls.ts';
import type { FileReport, SendFileOptions } from './send-file.ts';
import type { Transport } from './transport.ts';

/** The part of the SDK that is about files. */
export class FileClient extends PortCalls {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    super(transport);
    this.#transport = transport;
  }

  /**
   * Sends files, and folders with all that is in them, read by this program. Resolves when the other node has them whole,
   * checked and on its disk. What was cut off goes on where it ended, in this call and in another one for the same
   * file. PilotError: `not_found`, `conflict` (a file changed meanwhile), `unavailable` (no room there), `timeout` …
   */
  async sendFile(
    target: string,
    path: string | readonly string[],
    options: SendFileOptions = {},
  ): Promise<readonly FileReport[]> {
    const { sendFiles } = await import('./send-file.ts');
    const paths = typeof path === 'string' ? [path] : path;
    return sendFiles(async (port, signal) => this.dial(target, port, { signal }), paths, options);
  }

  /** Files of other nodes that lie on this host; newest first. */
  async received(
    query: ReceivedQuery = {},
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<ReceivedList> {
    return this.#transport.json({ route: 'listReceived', query, signal });
  }

  async clearReceived(
    query: ReceivedClearQuery = {},
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<ReceivedCleared> {
    return this.#transport.json({ route: 'clearReceived', query, signal });
  }
}
