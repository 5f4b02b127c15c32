import type { Clock } from '../../base/clock.ts';
import type { RandomBytes } from '../../base/random.ts';
import type { Identity } from '../../identity/identity.ts';
import type { KeyChain } from '../../identity/key-chain.ts';
import { sealEnvelope } from '../../session/envelope.ts';
import type { RelayPort } from './relay-port.ts';

interface PostmanDeps {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

const ENVELOPE_ID_BYTES = 16;
/** A relay keeps nothing for more than 30 days; one less for clocks that differ. */
export const MAX_ENVELOPE_LIFE_MS = 29 * 86_400_000;

/** Seals items for a node and leaves them at a relay. */
export class Postman {
  readonly #deps: PostmanDeps;

  constructor(deps: PostmanDeps) {
    this.#deps = deps;
  }

  /** Resolves when the relay has the envelope on its disk; RelayError when it does not take it. */
  async put(
    relay: Pick<RelayPort, 'put'>,
    recipient: KeyChain,
    items: readonly Uint8Array[],
    expiresAtMs: number,
  ): Promise<void> {
    const { clock, identity, random } = this.#deps;
    const nowMs = clock.now();
    await relay.put({
      to: recipient.firstKey,
      id: random(ENVELOPE_ID_BYTES),
      body: sealEnvelope({ identity, recipient, items, nowMs, random }),
      expiresAtMs: Math.min(expiresAtMs, nowMs + MAX_ENVELOPE_LIFE_MS),
    });
  }
}

/** The relays among `relays` that a node says it is found at, in its order; all when it names none of them. */
export function relaysFor<Relay extends { readonly url: string }>(
  named: readonly string[],
  relays: readonly Relay[],
): readonly Relay[] {
  const shared = named.flatMap((url) => relays.filter((relay) => isSamePlace(relay.url, url)));
  return shared.length > 0 ? shared : relays;
}

/** A URL may pin the relay's key; the place is the same with and without. What a node says may be no URL. */
function isSamePlace(ours: string, named: string): boolean {
  return URL.canParse(named) && placeOf(ours) === placeOf(named);
}

function placeOf(url: string): string {
  const { origin, pathname, protocol, host } = new URL(url);
  return `${origin === 'null' ? `${protocol}//${host}` : origin}${pathname}`;
}
