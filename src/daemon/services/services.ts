import type { Service, ServiceName } from './service.ts';

type ServiceSwitches = Readonly<Record<ServiceName, boolean>>;
type ServiceMakers = Readonly<Partial<Record<ServiceName, () => Service>>>;

/** The services that the configuration turns on, in the order of their makers; they stop in reverse. */
export class Services {
  readonly #running: Service[] = [];

  /** When one cannot start, those before it have stopped. */
  constructor(switches: ServiceSwitches, makers: ServiceMakers) {
    try {
      for (const [name, make] of Object.entries(makers)) {
        if (switches[name as ServiceName]) this.#running.push(make());
      }
    } catch (error) {
      void this.stop();
      throw error;
    }
  }

  /** Called again it does nothing. */
  async stop(): Promise<void> {
    for (const service of this.#running.splice(0).reverse()) await service.stop();
  }
}
