import { Emitter } from '../../base/events.ts';

/** A listener that throws is told of, and hinders neither the others nor whoever emits. */
export class GuardedEmitter<Events extends object> extends Emitter<Events> {
  readonly #threw: (error: unknown) => void;

  constructor(threw: (error: unknown) => void) {
    super();
    this.#threw = threw;
  }

  override on<Name extends keyof Events>(
    name: Name,
    listener: (event: Events[Name]) => void,
  ): () => void {
    return super.on(name, (event: Events[Name]) => {
      try {
        listener(event);
      } catch (error) {
        this.#threw(error);
      }
    });
  }
}
