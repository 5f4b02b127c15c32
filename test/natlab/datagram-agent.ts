import path from 'node:path';

import { type Endpoint, formatEndpoint } from '../../src/base/endpoint.ts';
import { type RunningProcess, STEP_TIMEOUT_MS } from '../support/processes.ts';
import type { Namespace } from './namespace.ts';
import { NATLAB_FOLDER } from './natlab-folder.ts';

/** For what may never come: longer than a busy machine takes, shorter than a test's patience. */
export const SILENCE_MS = 3000;

export interface Arrival {
  readonly text: string;
  readonly socket: string;
  /** Who it came from, as the receiver sees it. */
  readonly from: Endpoint;
}

/** A program in a namespace that sends and receives what the test tells it to (datagram-agent.mjs). */
export class DatagramAgent {
  readonly #process: RunningProcess;
  #flushes = 0;

  private constructor(process: RunningProcess) {
    this.#process = process;
  }

  static async start(namespace: Namespace): Promise<DatagramAgent> {
    const program = path.join(NATLAB_FOLDER, 'datagram-agent.mjs');
    const agent = new DatagramAgent(namespace.spawn([process.execPath, program]));
    await agent.#process.line(/^\{"ready"/);
    return agent;
  }

  /** A UDP socket of that name; gives its port. */
  async bind(socket: string, host: string, port = 0): Promise<number> {
    this.#tell({ bind: socket, host, port });
    const [, bound] = await this.#process.line(new RegExp(`^{"bound":"${socket}","port":(\\d+)`));
    return Number(bound);
  }

  /** What one agent is told to send goes out in that order. */
  send(socket: string, { host, port }: Endpoint, text: string): void {
    this.#tell({ send: socket, host, port, text });
  }

  /** The datagram with that text, past or to come; undefined when it does not come in that time. */
  async arrival(text: string, withinMs = STEP_TIMEOUT_MS): Promise<Arrival | undefined> {
    try {
      await this.#process.line(new RegExp(`^{"received":"${text}"`), withinMs);
    } catch {
      return undefined;
    }
    return this.arrived(text);
  }

  /** The datagram with that text if it is here already. */
  arrived(text: string): Arrival | undefined {
    const line = this.#process.lines.find((one) => one.startsWith(`{"received":"${text}"`));
    if (line === undefined) return undefined;
    const { socket, host, port } = JSON.parse(line) as { socket: string } & Endpoint;
    return { text, socket, from: { host, port } };
  }

  /** Of everything that arrived so far, in its order. */
  texts(): string[] {
    return this.#process.lines
      .filter((line) => line.startsWith('{"received":'))
      .map((line) => (JSON.parse(line) as { received: string }).received);
  }

  /** What it was told to send has left. */
  async flush(): Promise<void> {
    const flush = ++this.#flushes;
    this.#tell({ flush });
    await this.#process.line(new RegExp(`^{"flushed":${flush}}`));
  }

  /** Accepts TCP connections, and closes them. */
  async listen(host: string, port: number): Promise<void> {
    this.#tell({ listen: port, host });
    await this.#process.line(new RegExp(`^{"listening":${port}`));
  }

  /** Whether there is a TCP connection to be had. */
  async connects({ host, port }: Endpoint): Promise<boolean> {
    this.#tell({ connect: port, host, timeoutMs: SILENCE_MS });
    const answer = new RegExp(`^{"connected":${port},"host":"${host}","ok":(\\w+)`);
    const [, ok] = await this.#process.line(answer);
    return ok === 'true';
  }

  #tell(command: object): void {
    this.#process.child.stdin.write(`${JSON.stringify(command)}\n`);
  }
}

export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return formatEndpoint(a) === formatEndpoint(b);
}
