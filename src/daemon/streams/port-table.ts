import { PilotError } from '../../base/pilot-error.ts';

export const MAX_PORT = 65_535;
/** From here on ports are given to whoever does not ask for one (pilotctl interface 2.9). */
const FIRST_EPHEMERAL = 49_152;
/** Programs of one host; each is asked for by hand or by a tunnel's rule. */
const MAX_BOUND = 4096;

/** Who has which virtual port of this node. */
export class PortTable<T> {
  readonly #bound = new Map<number, T>();
  #nextEphemeral = FIRST_EPHEMERAL;

  get size(): number {
    return this.#bound.size;
  }

  get(port: number): T | undefined {
    return this.#bound.get(port);
  }

  /** The port: the one asked for, else a free one. PilotError `already_exists`, `invalid_argument`, `unavailable`. */
  bind(asked: number | undefined, holder: T): number {
    const port = asked ?? this.#freePort();
    checkPort(port);
    if (this.#bound.has(port)) {
      throw new PilotError('already_exists', `port ${port} is already bound`, {
        hint: 'another program listens there; choose another port',
      });
    }
    if (this.#bound.size >= MAX_BOUND) throw full();
    this.#bound.set(port, holder);
    return port;
  }

  /** Nothing when somebody else has it by now. */
  release(port: number, holder: T): void {
    if (this.#bound.get(port) === holder) this.#bound.delete(port);
  }

  /** A port of ours to be called from; nobody listens there. */
  nextEphemeral(): number {
    const port = this.#nextEphemeral;
    this.#nextEphemeral = port === MAX_PORT ? FIRST_EPHEMERAL : port + 1;
    return port;
  }

  #freePort(): number {
    for (let tries = FIRST_EPHEMERAL; tries <= MAX_PORT; tries++) {
      const port = this.nextEphemeral();
      if (!this.#bound.has(port)) return port;
    }
    throw full();
  }
}

export function checkPort(port: number): void {
  if (Number.isInteger(port) && port >= 0 && port <= MAX_PORT) return;
  throw new PilotError('invalid_argument', `${port} is no port`, {
    hint: 'ports go from 0 to 65535',
  });
}

function full(): PilotError {
  return new PilotError('unavailable', 'too many ports are bound on this node', {
    hint: 'close some of the programs that listen',
  });
}
