/**
 * A host's daemon: its parts in the order in which they start. They stop in reverse.
 *
 *     home folder ─> configuration ─> log ─> pid file ─> identity ─> node ─> local API ─> ready
 */
import { type Clock, every } from '../base/clock.ts';
import type { RandomBytes } from '../base/random.ts';
import { VERSION } from '../base/version.ts';
import { type Config, type ConfigSources, loadConfig, type LoadedConfig } from '../home/config.ts';
import { effectiveSettings } from '../home/effective-settings.ts';
import { HomePaths } from '../home/home-paths.ts';
import { loadOrCreateIdentity, writeKeyFile } from '../home/key-file.ts';
import { claimPidFile, releasePidFile } from '../home/pid-file.ts';
import type { Identity } from '../identity/identity.ts';
import { ApiServer } from './api/api-server.ts';
import type { HostFacts } from './api/host-view.ts';
import { requireFreeSocket } from './api/unix-listener.ts';
import { rotateNow, rotateWhenDue, type RotationDeps } from './key-rotation.ts';
import type { Log } from './log/log.ts';
import { createLog, type LogSink, type ProcessLog } from './log/logging.ts';
import { Metrics } from './metrics.ts';
import type { NodeApi } from './node/node-api.ts';
import { openPilotIpc } from './pilot-ipc/open-pilot-ipc.ts';
import { watchForWake } from './wake-detector.ts';

/** Their lives are counted in days. */
const KEY_CHECK_MS = 3_600_000;
/** A node that forwards thousands of messages a second writes some 60 MB of log in this time. */
const LOG_CHECK_MS = 60_000;

export interface NodeDeps {
  readonly config: Config;
  readonly identity: Identity;
  /** Where its database lies. */
  readonly dataFolder: string;
  /** Where files of other nodes go. */
  readonly receivedFolder: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly env: NodeJS.ProcessEnv;
}

/** A node that runs: opened, its state read, on its way to its relays. */
export interface DaemonNode {
  readonly api: NodeApi;
  readonly netcheck: HostFacts['netcheck'];
  readonly topics: HostFacts['topics'];
  readonly tunnels: HostFacts['tunnels'];
  readonly received: HostFacts['received'];
  /** The host may have slept: what was connected may not be any more. */
  onWake(): void;
  /** The identity has a new key, which is on disk: who deals with this node has to hear of it. */
  onKeyRotated(): void;
  stop(): Promise<void>;
}

export interface DaemonOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Settings from the command line, by dotted key. */
  readonly flags: NonNullable<ConfigSources['flags']>;
  readonly configFile?: string | undefined;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly sink: LogSink;
  /** Keeps the log file small where the log goes to one. True: it was rotated. */
  readonly rotateLog: (logFile: string) => boolean;
  readonly openNode: (deps: NodeDeps) => Promise<DaemonNode>;
}

export class Daemon {
  readonly #options: DaemonOptions;
  /** What ends each part that has started, in the order of their starts. */
  readonly #closers: { readonly part: string; readonly close: () => void | Promise<void> }[] = [];
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #log: ProcessLog | undefined;
  #isReady = false;

  constructor(options: DaemonOptions) {
    this.#options = options;
  }

  /** Undefined until the configuration has been read. */
  get log(): ProcessLog | undefined {
    return this.#log;
  }

  /** Resolves when the local API answers. When it throws, everything that had started has ended. */
  async start(): Promise<void> {
    try {
      this.#starting = this.#start();
      await this.#starting;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Ends every part, after a start that is under way. Called again, it waits for the same end. */
  async stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #start(): Promise<void> {
    const { env, flags, configFile, clock, random, sink, openNode } = this.#options;
    const paths = HomePaths.of(env);
    const { pidFile, socket } = paths;
    paths.ensureRoot();
    const loaded = loadConfig({ env, flags, file: configFile, defaultFile: paths.configFile });
    const { config } = loaded;
    const log = createLog(config.observability.logging, sink, clock);
    this.#log = log;
    for (const warning of loaded.warnings) log.warn({}, warning);

    claimPidFile(pidFile);
    this.#holds('pid file', () => {
      releasePidFile(pidFile);
    });
    // Where somebody removed the pid file of a living daemon: two of them would ruin one database.
    await requireFreeSocket(socket);
    const identity = loadOrCreateIdentity(paths, random, clock.now());
    this.#holds('identity', () => {
      identity.secret.erase();
    });
    const rotation = this.#rotationDeps(paths, log);
    const maxAgeDays = config.protocol.identity.key_rotation_days;
    const rotateKey = (): boolean => {
      try {
        return rotateWhenDue(identity, { ...rotation(), maxAgeDays });
      } catch (err) {
        log.warn({ err }, 'the key is old, but a new one cannot be written');
        return false;
      }
    };
    rotateKey();
    const { data: dataFolder, received: receivedFolder } = paths;
    const node = await openNode({
      ...{ config, identity, dataFolder, receivedFolder, log, clock, random, env },
    });
    this.#holds('node', async () => node.stop());
    const metrics = new Metrics(node.api, config.observability.metrics, VERSION);
    const host = hostFacts(paths, loaded, { identity, clock, node });
    const api = new ApiServer({
      ...{ node: node.api, host, clock, log, metrics },
      maxPayloadBytes: config.messaging.max_payload_kb * 1024,
      logRequests: log.isLevelEnabled('debug'),
    });
    this.#holds('local API', async () => api.stop());
    await api.start();
    if (config.api.pilot_ipc !== '') {
      const ipc = openPilotIpc({
        ...{ config, paths, node: node.api, host, clock, log },
        rotateKey: () => {
          rotateNow(identity, rotation());
          node.onKeyRotated();
        },
      });
      this.#holds('socket for original clients', async () => ipc.stop());
      await ipc.start();
    }
    this.#holds('timers', this.#watch(paths.logFile, node, rotateKey, log));
    const { id, address } = node.api.names();
    this.#isReady = true;
    log.info({ id, address, socket, version: VERSION, pid: process.pid }, 'ready');
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => undefined);
    for (const { part, close } of this.#closers.splice(0).reverse()) {
      try {
        await close();
      } catch (err) {
        this.#log?.error({ err, part }, 'a part did not stop as it should');
      }
    }
    if (this.#isReady) this.#log?.info({}, 'stopped');
  }

  #holds(part: string, close: () => void | Promise<void>): void {
    this.#closers.push({ part, close });
  }

  /** What it takes to give the identity a new key. */
  #rotationDeps(paths: HomePaths, log: Log): () => RotationDeps {
    const { clock, random } = this.#options;
    const write = (renewed: Identity): void => {
      writeKeyFile(paths.keyFile, renewed);
    };
    return () => ({ nowMs: clock.now(), random, log, write });
  }

  #watch(logFile: string, node: DaemonNode, rotateKey: () => boolean, log: Log): () => void {
    const { clock, rotateLog } = this.#options;
    const rotate = (): void => {
      try {
        if (rotateLog(logFile)) log.info({ older: `${logFile}.1` }, 'log rotated');
      } catch (err) {
        log.warn({ err }, 'cannot rotate the log');
      }
    };
    rotate();
    const cancels = [
      every(clock, LOG_CHECK_MS, rotate),
      every(clock, KEY_CHECK_MS, () => {
        if (rotateKey()) node.onKeyRotated();
      }),
      watchForWake(clock, (gapMs) => {
        log.info({ gap_ms: gapMs }, 'the host slept, or its clock was set');
        node.onWake();
      }),
    ];
    return () => {
      for (const cancel of cancels) cancel();
    };
  }
}

interface HostParts {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly node: DaemonNode;
}

function hostFacts(
  paths: HomePaths,
  loaded: LoadedConfig,
  { identity, clock, node }: HostParts,
): HostFacts {
  const startedMs = clock.monotonic();
  const settings = {
    entries: effectiveSettings(loaded),
    config_path: loaded.file ?? paths.configFile,
  };
  return {
    version: VERSION,
    pid: process.pid,
    socketPath: paths.socket,
    logFile: paths.logFile,
    keyFile: paths.keyFile,
    uptimeMs: () => clock.monotonic() - startedMs,
    publicKey: () => Buffer.from(identity.currentKey).toString('base64'),
    keyCreatedMs: () => identity.createdAtMs,
    rotations: () => identity.chain.length,
    settings: () => settings,
    netcheck: node.netcheck,
    topics: node.topics,
    tunnels: node.tunnels,
    received: node.received,
  };
}
