import type { Duplex } from 'node:stream';

import type { Clock } from '../../base/clock.ts';
import { LineSplitter, LineTooLongError } from '../../base/line-splitter.ts';
import { nearestName } from '../../base/nearest.ts';
import { PilotError } from '../../base/pilot-error.ts';
import { WireError } from '../../base/wire-error.ts';
import { ROUTES } from '../../client/api.ts';
import type { Log } from '../log/log.ts';
import { CALL_MEMBERS, type CallLine, readCallLine, type StartLine } from './api-call-line.ts';
import { asPilotError, cancelled, failureOf, hungUp, stopping, tooLarge } from './api-errors.ts';
import { parseRequest } from './api-request.ts';
import type { AnyHandler, Call } from './api-routes.ts';
import type { RouteName } from './api-schemas.ts';

export interface ApiCallConnectionDeps {
  readonly handlers: ReadonlyMap<RouteName, AnyHandler>;
  readonly clock: Clock;
  readonly log: Log;
  readonly logRequests: boolean;
  readonly maxLineBytes: number;
}

/** As many as one client could have over HTTP, with a connection each. */
const MAX_IN_FLIGHT = 1024;
/** Answers of one turn leave together, but not in one piece of any size. */
const WRITE_CHARS = 256 * 1024;
/** How long a client has to take the last answers, once no more will come. */
const PARTING_MS = 5000;

/** One client of the call stream. */
export class ApiCallConnection {
  readonly #socket: Duplex;
  readonly #deps: ApiCallConnectionDeps;
  readonly #lines: LineSplitter;
  readonly #inFlight = new Map<number, CallInFlight>();
  #unwritten = '';
  #isFlushing = false;
  /** No more calls are taken; it ends when those in flight are answered. */
  #isEnding = false;
  #hasParted = false;

  constructor(socket: Duplex, deps: ApiCallConnectionDeps) {
    this.#socket = socket;
    this.#deps = deps;
    this.#lines = new LineSplitter(deps.maxLineBytes);
  }

  start(head: Buffer): void {
    const socket = this.#socket;
    const take = (chunk: Buffer): void => {
      if (this.#isEnding) return;
      this.#lines.push(chunk);
      this.#pump();
    };
    socket.on('data', take);
    socket.on('drain', () => {
      this.#pump();
    });
    // Half closed, it cannot be told from a client that died: who waits for peers is told, the rest is answered.
    socket.on('end', () => {
      this.#end(hungUp);
    });
    socket.on('close', () => {
      this.#end(hungUp);
    });
    if (head.length > 0) take(head);
  }

  stop(): void {
    this.#end(stopping);
  }

  #pump(): void {
    try {
      while (!this.#isEnding && !this.#socket.writableNeedDrain) {
        const line = this.#lines.next();
        if (line === undefined) break;
        this.#take(readCallLine(line));
      }
    } catch (error) {
      this.#refuseStream(error);
    }
    if (this.#socket.writableNeedDrain && !this.#isEnding) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  #take(line: CallLine): void {
    if ('cancel' in line) {
      // Unknown when its answer is on its way.
      this.#inFlight.get(line.cancel)?.abort(cancelled());
      return;
    }
    if (this.#inFlight.has(line.call)) {
      throw new PilotError('invalid_argument', `call ${line.call} is in flight already`, {
        hint: 'give every call a number of its own',
      });
    }
    this.#run(line);
  }

  #run(line: StartLine): void {
    const startedMs = this.#deps.logRequests ? this.#deps.clock.monotonic() : 0;
    const done = (reply: unknown): void => {
      this.#answer(line.call, `"reply":${JSON.stringify(reply)}`);
      this.#logCall(line, 'ok', startedMs);
    };
    const failed = (error: unknown): void => {
      const shown = asPilotError(error, this.#deps.maxLineBytes);
      if (shown.code === 'internal') {
        const { route } = line;
        this.#deps.log.error({ err: shown.cause ?? shown, route }, 'a local API call failed');
      }
      this.#answer(line.call, `"error":${JSON.stringify(failureOf(shown))}`);
      this.#logCall(line, shown.code, startedMs);
    };
    try {
      const { handler, call } = this.#prepare(line);
      const result = handler(call);
      if (!(result instanceof Promise)) {
        done(result);
        return;
      }
      this.#inFlight.set(line.call, call);
      result.then(done).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #prepare(line: StartLine): { handler: AnyHandler; call: CallInFlight } {
    const { route, unknownMember } = line;
    const handler = this.#deps.handlers.get(route as RouteName);
    if (handler === undefined) throw unknownCall(route, [...this.#deps.handlers.keys()]);
    if (unknownMember !== undefined) {
      const shown = unknownMember.slice(0, 100);
      throw new PilotError('invalid_argument', `unknown member '${shown}' in the call`, {
        hint: `it takes ${CALL_MEMBERS.join(', ')}`,
      });
    }
    if (this.#inFlight.size >= MAX_IN_FLIGHT) {
      throw new PilotError('unavailable', `${MAX_IN_FLIGHT} calls are in flight already`, {
        hint: 'wait for some of the answers, or open another connection',
      });
    }
    return { handler, call: new CallInFlight(parseRequest(route as RouteName, line)) };
  }

  #answer(call: number | null, members: string): void {
    if (call !== null) this.#inFlight.delete(call);
    this.#unwritten += `{"call":${call},${members}}\n`;
    if (this.#unwritten.length >= WRITE_CHARS) this.#write();
    this.#flushSoon();
  }

  /** At the end of the turn, with what else the turn brings: a commit settles many calls. */
  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => {
      this.#isFlushing = false;
      this.#write();
      if (this.#isEnding && this.#inFlight.size === 0 && !this.#hasParted) this.#part();
    });
  }

  #write(): void {
    const text = this.#unwritten;
    this.#unwritten = '';
    if (text !== '' && this.#socket.writable) this.#socket.write(text);
  }

  #refuseStream(error: unknown): void {
    this.#isEnding = true;
    const { maxLineBytes } = this.#deps;
    const failure = failureOf(
      error instanceof WireError
        ? asRefusal(error, maxLineBytes)
        : asPilotError(error, maxLineBytes),
    );
    this.#answer(null, `"error":${JSON.stringify(failure)}`);
    for (const call of this.#inFlight.values()) call.abort(hungUp());
  }

  #end(reason: () => PilotError): void {
    this.#isEnding = true;
    for (const call of this.#inFlight.values()) call.abort(reason());
    this.#flushSoon();
  }

  #part(): void {
    this.#hasParted = true;
    const socket = this.#socket;
    // What still comes is read and thrown away, so that the client is not cut off from the answers.
    socket.resume();
    socket.end();
    const cancel = this.#deps.clock.after(PARTING_MS, () => {
      socket.destroy();
    });
    socket.once('close', cancel);
  }

  #logCall({ route }: StartLine, code: string, startedMs: number): void {
    if (!this.#deps.logRequests) return;
    const ms = Math.round((this.#deps.clock.monotonic() - startedMs) * 10) / 10;
    this.#deps.log.debug({ route, code, ms }, 'local API call');
  }
}

/** What a handler gets, with a signal only for those that ask for one. */
class CallInFlight implements Call<RouteName> {
  readonly params: Call<RouteName>['params'];
  readonly query: Call<RouteName>['query'];
  readonly body: Call<RouteName>['body'];
  #controller: AbortController | undefined;

  constructor({ params, query, body }: Omit<Call<RouteName>, 'signal'>) {
    this.params = params;
    this.query = query;
    this.body = body;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  abort(reason: PilotError): void {
    this.#controller?.abort(reason);
  }
}

function unknownCall(route: string, known: readonly string[]): PilotError {
  if (Object.hasOwn(ROUTES, route)) {
    const { method, path } = ROUTES[route as RouteName];
    return new PilotError('not_supported', `${route} is not for this stream`, {
      hint: `it is a request of its own: ${method} ${path}`,
    });
  }
  const shown = route.slice(0, 100);
  const nearest = nearestName(shown, known);
  return new PilotError('not_supported', `there is no route '${shown}'`, {
    hint:
      nearest === undefined
        ? '/openapi.json lists the routes of this daemon by their operationId'
        : `did you mean '${nearest}'?`,
  });
}

function asRefusal(error: WireError, maxLineBytes: number): PilotError {
  if (error instanceof LineTooLongError) return tooLarge(maxLineBytes, error);
  return new PilotError('invalid_argument', 'the line is not UTF-8', {
    hint: 'send bytes as base64, with "encoding": "base64"',
    cause: error,
  });
}
