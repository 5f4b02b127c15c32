import type { NodePorts } from '../streams/port-calls.ts';

/** A connection that some client has. */
export interface HeldConnection {
  /** Ends it from elsewhere: who has it is told. */
  disconnect(): void;
}

/** The connections of all clients by their numbers, which are those of the node's streams. */
export class Connections {
  readonly #ports: Pick<NodePorts, 'open'>;
  readonly #held = new Map<number, HeldConnection>();
  #last = 0;

  constructor(ports: Pick<NodePorts, 'open'>) {
    this.#ports = ports;
  }

  add(id: number, connection: HeldConnection): void {
    this.#held.set(id, connection);
    this.#last = Math.max(this.#last, id);
  }

  remove(id: number): void {
    this.#held.delete(id);
  }

  /** Ends any stream of the node. True also for one that is over already; false: there never was one. */
  disconnect(id: number): boolean {
    const held = this.#held.get(id);
    const stream = this.#ports.open.get(id);
    if (held !== undefined) held.disconnect();
    else stream?.abandon('disconnected');
    return stream !== undefined || (id > 0 && id <= this.#last);
  }
}
