/**
 * The daemon's side of the process with the native WebRTC library (webrtc-child.ts):
 *
 *     [none] ── first connection ──> [running] ── the last one closed, 60 s over ──> [none]
 *        ^                               │
 *        └── it dies: its connections ───┘
 *            close, and nothing else
 *
 * What ends takes a moment to be gone; a connection that is wanted meanwhile starts another one.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';

import type { Cancel, Clock } from '../../base/clock.ts';
import { describeError, PilotError } from '../../base/pilot-error.ts';
import type { ChannelEvents } from './webrtc-pipe.ts';
import {
  decodeSent,
  encodePipeMessage,
  PIPE,
  type PipeMessage,
  PipeReader,
} from './webrtc-pipe.ts';

/** Built beside the daemon's own program. */
export const WEBRTC_PROGRAM = fileURLToPath(new URL('./webrtc-child.js', import.meta.url));

/** It holds 50 MB: not for an idle daemon, but a peer that reconnects finds it still there. */
const IDLE_MS = 60_000;
/** It has nothing to save. */
const STOP_TIMEOUT_MS = 2000;
/** The child gives a connection a second to end; one that does not answer for so long hangs. */
const CLOSE_TIMEOUT_MS = 5000;
const EMPTY = new Uint8Array();

export interface ConnectionEvents extends ChannelEvents {
  /** In place of `closed`: the process is gone. */
  lost(reason: string): void;
}

interface Entry {
  readonly events: ConnectionEvents;
  cancelKill: Cancel;
}

interface Running {
  readonly child: ChildProcess;
  readonly pipe: Duplex;
  readonly exited: Promise<void>;
}

export class WebRtcProcess {
  readonly #clock: Clock;
  readonly #program: string;
  readonly #connections = new Map<number, Entry>();
  readonly #ending = new Set<Promise<void>>();
  #running: Running | undefined;
  #nextConnection = 1;
  #cancelIdle: Cancel | undefined;

  constructor(clock: Clock, program = WEBRTC_PROGRAM) {
    this.#clock = clock;
    this.#program = program;
  }

  /** Of the process, while there is one. */
  get pid(): number | undefined {
    return this.#running?.child.pid;
  }

  /**
   * A new connection; starts the process if need be. Nothing is told before this returns. PilotError `unavailable`
   * when the system starts none.
   */
  open(events: ConnectionEvents): WebRtcConnection {
    this.#cancelIdle?.();
    const running = (this.#running ??= this.#start());
    const connection = this.#nextConnection++;
    this.#connections.set(connection, { events, cancelKill: () => undefined });
    this.#say(PIPE.open, connection, EMPTY);
    return {
      setDescription: (sdp) => {
        this.#say(PIPE.description, connection, Buffer.from(sdp));
      },
      send: (bytes) => {
        this.#say(PIPE.data, connection, bytes);
      },
      close: () => {
        this.#close(running, connection);
      },
    };
  }

  /** Ends the process; its connections close. Resolves when it is gone. May be called twice. */
  async stop(): Promise<void> {
    if (this.#running !== undefined) this.#end(this.#running);
    await Promise.all(this.#ending);
  }

  /** Its connections are lost at once, and it is on its way. */
  #end(running: Running): void {
    const cancel = this.#clock.after(STOP_TIMEOUT_MS, () => running.child.kill('SIGKILL'));
    const ended = running.exited.then(() => {
      cancel();
      this.#ending.delete(ended);
    });
    this.#ending.add(ended);
    this.#onGone(running, 'the WebRTC process was stopped');
  }

  #start(): Running {
    const { child, pipe } = spawnWithPipe(this.#program);
    const exited = new Promise<void>((resolve) => {
      const onGone = (why: string): void => {
        this.#onGone(running, why);
        resolve();
      };
      child.once('exit', (code, signal) => {
        onGone(`the WebRTC process ended (${signal ?? String(code)})`);
      });
      child.once('error', (error) => {
        onGone(`the WebRTC process does not start: ${error.message}`);
      });
    });
    const running: Running = { child, pipe, exited };
    const reader = new PipeReader((message) => {
      this.#take(message);
    });
    pipe.on('data', (bytes: Buffer) => {
      try {
        if (running === this.#running) reader.push(bytes, () => true);
      } catch (error) {
        // Not our process any more, whatever it has become.
        this.#onGone(running, `the WebRTC process makes no sense: ${describeError(error)}`);
        child.kill('SIGKILL');
      }
    });
    pipe.on('error', () => child.kill('SIGKILL'));
    return running;
  }

  #take({ type, connection, body }: PipeMessage): void {
    const { events } = this.#connections.get(connection) ?? {};
    if (events === undefined) return;
    const text = (): string => Buffer.from(body).toString('utf8');
    switch (type) {
      case PIPE.open:
        events.opened();
        break;
      case PIPE.description:
        events.description(text());
        break;
      case PIPE.ready:
        events.ready();
        break;
      case PIPE.data:
        events.data(body);
        break;
      case PIPE.sent:
        events.sent(decodeSent(body));
        break;
      case PIPE.close:
        this.#forget(connection);
        events.closed(text());
        break;
      default:
        break;
    }
  }

  #say(type: number, connection: number, body: Uint8Array): void {
    if (!this.#connections.has(connection)) return;
    this.#running?.pipe.write(encodePipeMessage({ type, connection, body }));
  }

  #close(running: Running, connection: number): void {
    const entry = this.#connections.get(connection);
    if (entry === undefined) return;
    this.#say(PIPE.close, connection, EMPTY);
    entry.cancelKill();
    entry.cancelKill = this.#clock.after(CLOSE_TIMEOUT_MS, () => running.child.kill('SIGKILL'));
  }

  #forget(connection: number): void {
    this.#connections.get(connection)?.cancelKill();
    if (!this.#connections.delete(connection) || this.#connections.size > 0) return;
    this.#cancelIdle?.();
    this.#cancelIdle = this.#clock.after(IDLE_MS, () => {
      if (this.#running !== undefined) this.#end(this.#running);
    });
  }

  #onGone(running: Running, why: string): void {
    if (this.#running !== running) return;
    this.#running = undefined;
    this.#cancelIdle?.();
    running.pipe.destroy();
    const orphans = [...this.#connections.values()];
    this.#connections.clear();
    for (const { events, cancelKill } of orphans) {
      cancelKill();
      events.lost(why);
    }
  }
}

function spawnWithPipe(program: string): { readonly child: ChildProcess; readonly pipe: Duplex } {
  try {
    const child = spawn(process.execPath, [program], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      env: {},
    });
    // Whoever has no file descriptors left gets a child without, whatever the declaration says, and an event.
    const { stdio } = child as Partial<ChildProcess>;
    if (stdio !== undefined) {
      // A pipe of spawn is a socket pair on every system that Node runs on.
      return { child, pipe: stdio[3] as Duplex };
    }
    child.once('error', () => undefined);
  } catch (cause) {
    throw noProcess(describeError(cause), cause);
  }
  throw noProcess('too many open files');
}

function noProcess(why: string, cause?: unknown): PilotError {
  return new PilotError('unavailable', `the WebRTC process does not start: ${why}`, {
    hint: 'See how many files and processes the daemon may have: ulimit -n, ulimit -u',
    cause,
  });
}

export interface WebRtcConnection {
  setDescription(sdp: string): void;
  /** At most `MAX_CHANNEL_MESSAGE_BYTES`. */
  send(bytes: Uint8Array): void;
  /** What was sent goes out first; `closed` tells the end. */
  close(): void;
}
