import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { createSecureContext } from 'node:tls';

import type { Clock } from '../base/clock.ts';
import { type Endpoint, formatEndpoint } from '../base/endpoint.ts';
import { describeError, PilotError } from '../base/pilot-error.ts';
import type { RandomBytes } from '../base/random.ts';
import { encodeNodeId } from '../identity/node-id.ts';
import { type Access, AllowListAccess, openAccess, readTokens, TokenAccess } from './access.ts';
import type { TlsFiles } from './http-front.ts';
import { LmdbDirectory } from './lmdb-directory.ts';
import { LmdbMailbox } from './lmdb-mailbox.ts';
import { LmdbStore } from './lmdb-store.ts';
import { loadOrCreateRelayKey } from './relay-key.ts';
import type { RelayLog } from './relay-log.ts';
import type { AccessOption, RelayOptions } from './relay-options.ts';
import { RelayServer } from './relay-server.ts';
import { formatRelayUrl } from './relay-url.ts';

const DAY_MS = 86_400_000;

export interface RelayProcessDeps {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: RelayLog;
}

/** Everything of a `pilot-relay`: key, store, access and server, started in order and stopped in reverse. */
export class RelayProcess {
  readonly #options: RelayOptions;
  readonly #log: RelayLog;
  readonly #access: Access;
  readonly #store: LmdbStore;
  readonly #server: RelayServer;
  readonly #relayKey: Uint8Array;

  /** PilotError when key, certificate, access files or store cannot be used. */
  constructor(options: RelayOptions, deps: RelayProcessDeps) {
    const { limits } = options;
    this.#options = options;
    this.#log = deps.log;
    this.#access = openAccessOf(options.access);
    const tls = options.tls && readTlsFiles(options.tls);
    const secret = loadOrCreateRelayKey(options.store, deps.random);
    this.#relayKey = secret.publicKey;
    this.#store = openStore(options.store);
    const nameIdleMs = limits.maxNameIdleDays * DAY_MS;
    this.#server = new RelayServer({
      ...options,
      ...deps,
      tls,
      secret,
      access: this.#access,
      directory: new LmdbDirectory(this.#store, { maxRecords: limits.maxRecords, nameIdleMs }),
      mailbox: new LmdbMailbox(this.#store, limits),
    });
  }

  async start(): Promise<void> {
    try {
      await this.#server.start();
    } catch (error) {
      await this.#store.close();
      throw error;
    }
    const { endpoint, stunEndpoints } = this.#server;
    const relay = { relay_id: encodeNodeId(this.#relayKey), url: this.#urlAt(endpoint) };
    const stun = stunEndpoints.map(formatEndpoint).join(' ') || 'off';
    this.#log.info({ listen: formatEndpoint(endpoint), stun, ...relay }, 'relay listening');
    if (this.#options.access.kind === 'open') {
      this.#log.info({ access: 'open' }, 'any node may log in');
    }
  }

  /** Reads access files and certificate anew; keeps what it had where that fails. */
  reload(): void {
    try {
      this.#access.reload();
      if (this.#options.tls !== undefined) {
        this.#server.useCertificate(readTlsFiles(this.#options.tls));
      }
      this.#log.info({}, 'access and certificate read anew');
    } catch (error) {
      this.#log.error({ reason: describeError(error) }, 'reload failed, nothing changed');
    }
  }

  /** May be called twice. */
  async stop(): Promise<void> {
    await this.#server.stop();
    await this.#store.close();
    this.#log.info({}, 'relay stopped');
  }

  /** What to give to nodes: a guess where it listens everywhere, with the relay pinned. */
  #urlAt({ host, port }: Endpoint): string {
    const { tls } = this.#options;
    const isAnywhere = host === '::' || host === '0.0.0.0';
    const name = tls === undefined ? undefined : certificateName(tls.certFile);
    const place = formatEndpoint({ host: name ?? (isAnywhere ? ownAddress() : host), port });
    const href = `${tls === undefined ? 'ws' : 'wss'}://${place}/`;
    return formatRelayUrl({ href, pin: this.#relayKey });
  }
}

function openAccessOf(option: AccessOption): Access {
  switch (option.kind) {
    case 'open':
      return openAccess;
    case 'allow':
      return new AllowListAccess(option.file);
    case 'token': {
      const { tokens, file } = option;
      return new TokenAccess(() => [...tokens, ...(file === undefined ? [] : readTokens(file))]);
    }
  }
}

function readTlsFiles({ certFile, keyFile }: { certFile: string; keyFile: string }): TlsFiles {
  try {
    const tls = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
    createSecureContext(tls);
    return tls;
  } catch (error) {
    const message = `cannot use the certificate ${certFile} with the key ${keyFile}: ${describeError(error)}`;
    throw new PilotError('invalid_argument', message, {
      hint: 'Both are PEM files, and the key has to belong to the first certificate.',
      cause: error,
    });
  }
}

function openStore(directory: string): LmdbStore {
  try {
    return new LmdbStore({ directory });
  } catch (error) {
    const message = `cannot open the store in ${directory}: ${describeError(error)}`;
    throw new PilotError('unavailable', message, {
      hint: 'Give --store a folder of a local disk that the relay may write to.',
      cause: error,
    });
  }
}

function certificateName(certFile: string): string | undefined {
  const { subjectAltName } = new X509Certificate(readFileSync(certFile));
  return /DNS:([^,*\s]+)/.exec(subjectAltName ?? '')?.[1];
}

function ownAddress(): string {
  const outer = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4');
  return outer?.address ?? hostname();
}
