import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { createServer as createTlsServer } from 'node:tls';

import { WebSocketServer } from 'ws';

/** Places that a relay's URL may lead to by mistake. All on loopback, all gone after `close`. */
export class Servers {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Nothing listens there any more. */
  async closedPort(): Promise<number> {
    const server = createServer();
    const port = await this.#listen(server);
    await new Promise((closed) => server.close(closed));
    return port;
  }

  async plainHttp(): Promise<number> {
    return this.#listen(
      createHttpServer((_request, response) => {
        response.end('a web page\n');
      }),
    );
  }

  /** Greets like a mail server, whatever it hears. */
  async garbage(): Promise<number> {
    return this.#listen(
      createServer((socket) => {
        socket.on('error', () => undefined).end('220 mail.example ESMTP\r\n');
      }),
    );
  }

  /** Takes connections and never says a word. */
  async silent(): Promise<number> {
    return this.#listen(createServer((socket) => socket.on('error', () => undefined).resume()));
  }

  /** Hangs up at once. */
  async hangsUp(): Promise<number> {
    return this.#listen(createServer((socket) => socket.destroy()));
  }

  /** A WebSocket of the right subprotocol, and not a relay. */
  async webSocket(firstFrame: Uint8Array): Promise<number> {
    const server = createHttpServer();
    const webSockets = new WebSocketServer({ server, handleProtocols: () => 'pilot-relay' });
    webSockets.on('connection', (socket) => {
      socket.on('error', () => undefined).send(firstFrame);
    });
    return this.#listen(server);
  }

  /** TLS with a certificate made so by openssl. */
  async tls(certificate: Certificate): Promise<number> {
    const server = createTlsServer({ cert: certificate.cert, key: certificate.key }, (socket) => {
      socket.on('error', () => undefined).resume();
    });
    server.on('tlsClientError', () => undefined);
    return this.#listen(server);
  }

  /** Signed by itself, or by `authority`. */
  certificate(name: string, names: string, authority?: Certificate): Certificate {
    const file = (suffix: string): string => path.join(this.#folder, `${name}.${suffix}`);
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const signed = authority && ['-CA', authority.certFile, '-CAkey', authority.keyFile];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', ...key, '-days', '2', ...(signed ?? [])],
        ...['-subj', `/CN=${name}`, '-addext', `subjectAltName=${names}`],
        ...['-keyout', file('key'), '-out', file('crt')],
      ],
      { stdio: 'ignore' },
    );
    const read = (suffix: string): string => readFileSync(file(suffix), 'utf8');
    const files = { certFile: file('crt'), keyFile: file('key') };
    return { cert: read('crt'), key: read('key'), ...files };
  }

  /** Passes everything on to `port` until it is told to go silent: then nothing, and no end either. */
  async proxy(port: number): Promise<SilentProxy> {
    const pairs: Socket[] = [];
    const server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      this.#keep(far);
      for (const socket of [near, far]) socket.on('error', () => undefined);
      near.pipe(far);
      far.pipe(near);
      pairs.push(near, far);
    });
    return {
      port: await this.#listen(server),
      goSilent: () => {
        for (const socket of pairs) socket.unpipe().pause();
      },
    };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(
      this.#servers.map(async (server) => new Promise((closed) => server.close(closed))),
    );
  }

  async #listen(server: Server): Promise<number> {
    this.#servers.push(server);
    server.on('connection', (socket: Socket) => {
      this.#keep(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}

export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface SilentProxy {
  readonly port: number;
  readonly goSilent: () => void;
}
