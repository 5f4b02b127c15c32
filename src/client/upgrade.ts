import { type IncomingMessage, request as httpRequest } from 'node:http';
import type { Duplex } from 'node:stream';

import { type RouteName, ROUTES } from './api.ts';
import { awaitAnswer } from './awaited-request.ts';
import { checkSocketPath, connectionError, failureOf } from './daemon-failure.ts';
import { searchOf } from './search-of.ts';
import { STREAM_PROTOCOL } from './stream-api.ts';

export interface UpgradeRequest {
  readonly socketPath: string;
  readonly route: RouteName;
  readonly query: object;
  readonly limitMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface Upgraded {
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly headers: IncomingMessage['headers'];
}

/** A connection of its own that goes on as frames (stream-framing.ts). PilotError, or the signal's reason. */
export async function upgrade(options: UpgradeRequest): Promise<Upgraded> {
  const { socketPath, route, signal } = options;
  const { method, path } = ROUTES[route];
  checkSocketPath(socketPath);
  signal?.throwIfAborted();
  const headers = { host: 'pilotd', connection: 'upgrade', upgrade: STREAM_PROTOCOL };
  const request = httpRequest({
    ...{ socketPath, agent: false, method, headers },
    path: `${path}${searchOf(options.query)}`,
  });
  return new Promise((resolve, reject) => {
    const { finish, stop } = awaitAnswer(request, options, reject);
    request.on('error', (error) => {
      finish();
      reject(connectionError(error, socketPath));
    });
    request.once('upgrade', (response, socket, head) => {
      finish();
      resolve({ socket, head, headers: response.headers });
    });
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text = (text + chunk).slice(0, MAX_REFUSAL_CHARACTERS);
      });
      response.once('close', () => {
        stop(failureOf({ status: response.statusCode ?? 500, text }, { method, path }));
      });
    });
    request.end();
  });
}

const MAX_REFUSAL_CHARACTERS = 64 * 1024;
