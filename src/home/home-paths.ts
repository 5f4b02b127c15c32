import { mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

import { describeError, PilotError } from '../base/pilot-error.ts';
import { requirePrivate } from './private-mode.ts';

/** `sun_path` has 104 bytes on macOS and the BSDs, the last one zero; Linux has four more. */
const MAX_SOCKET_PATH_BYTES = 103;

/** Where everything of one node lies on its host: `${PILOT_HOME:-$HOME}/.pilot` (pilotctl interface 1.4). */
export class HomePaths {
  readonly root: string;
  readonly #socket: string;

  private constructor(root: string, socket: string) {
    this.root = root;
    this.#socket = socket;
  }

  /** Absolute, whatever the environment says: a daemon leaves the folder it was started in. */
  static of(env: NodeJS.ProcessEnv): HomePaths {
    const root = path.resolve(nonEmpty(env['PILOT_HOME']) ?? homedir(), '.pilot');
    const socket = nonEmpty(env['PILOT_SOCKET']) ?? path.join(root, 'pilotd.sock');
    return new HomePaths(root, path.resolve(socket));
  }

  get keyFile(): string {
    return path.join(this.root, 'identity.json');
  }

  get configFile(): string {
    return path.join(this.root, 'config.yaml');
  }

  /** PilotError when no socket can have that name: the system would cut it off without a word. */
  get socket(): string {
    const length = Buffer.byteLength(this.#socket);
    if (length <= MAX_SOCKET_PATH_BYTES || process.platform === 'win32') return this.#socket;
    throw new PilotError(
      'invalid_argument',
      `the socket path has ${length} bytes, ${MAX_SOCKET_PATH_BYTES} are possible: ${this.#socket}`,
      { hint: 'set PILOT_SOCKET to a shorter path, or PILOT_HOME to a shorter folder' },
    );
  }

  get pidFile(): string {
    return path.join(this.root, 'pilot.pid');
  }

  get logFile(): string {
    return path.join(this.root, 'pilot.log');
  }

  /** Messages as files, where clients of the original pilotctl are served. */
  get inbox(): string {
    return path.join(this.root, 'inbox');
  }

  /** The folder of the database. */
  get data(): string {
    return path.join(this.root, 'data');
  }

  /** Files of other nodes. */
  get received(): string {
    return path.join(this.root, 'received');
  }

  /** Makes the root folder, for its owner alone; one that is open to others is refused. */
  ensureRoot(): void {
    try {
      mkdirSync(this.root, { recursive: true, mode: 0o700 });
      requirePrivate(this.root, statSync(this.root));
    } catch (error) {
      if (error instanceof PilotError) throw error;
      throw new PilotError(
        'permission_denied',
        `cannot make the folder ${this.root}: ${describeError(error)}`,
        { hint: 'set PILOT_HOME to a folder that you may write to', cause: error },
      );
    }
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
