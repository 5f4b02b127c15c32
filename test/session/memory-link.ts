import type { Link } from '../../src/session/link.ts';
import type { Session } from '../../src/session/session.ts';
import type { ManualClock } from '../support/manual-clock.ts';

/** What happens to a packet on its way: as it is, not at all, twice, or as these. */
export type Fate = (packet: Uint8Array) => readonly Uint8Array[];

const INTACT: Fate = (packet) => [packet];

/** A link in memory: keeps order, takes `delayMs`, and can be cut, which loses what is under way. */
export class MemoryLink implements Link {
  readonly kind = 'relay';
  readonly maxPacketBytes = 2 ** 21;
  /** Decides about each packet; a test may set it. */
  fate: Fate = INTACT;
  /** Every packet that was sent, also those that never arrived. */
  readonly sent: Uint8Array[] = [];
  /** One way, of what is sent from now on. */
  delayMs: number;
  readonly #clock: ManualClock;
  readonly #receiver: () => Session;
  #isAlive = true;

  constructor(clock: ManualClock, delayMs: number, receiver: () => Session) {
    this.#clock = clock;
    this.delayMs = delayMs;
    this.#receiver = receiver;
  }

  send(packet: Uint8Array): void {
    this.sent.push(Uint8Array.from(packet));
    for (const arriving of this.fate(packet)) {
      this.#clock.after(this.delayMs, () => {
        if (this.#isAlive) this.#receiver().receive(Uint8Array.from(arriving));
      });
    }
  }

  cut(): void {
    this.#isAlive = false;
  }
}
