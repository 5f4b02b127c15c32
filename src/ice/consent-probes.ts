/** Consent (RFC 7675) on one pair: sends the probes and judges their answers. */
import type { Cancel } from '../base/clock.ts';
import type { CandidatePair } from './candidate-pair.ts';
import type { CheckSigner } from './check-signer.ts';
import { Consent, type ConsentSettings } from './consent.ts';
import type { IceAgentDeps } from './ice-settings.ts';

/** An answer may be as late as that many probes later. */
const MAX_AWAITED = 16;

export class ConsentProbes {
  readonly #deps: IceAgentDeps;
  readonly #signer: CheckSigner;
  readonly #pair: CandidatePair;
  readonly #awaited: Cancel[] = [];
  readonly #consent: Consent;

  constructor(
    deps: IceAgentDeps,
    signer: CheckSigner,
    pair: CandidatePair,
    consent: { readonly settings: ConsentSettings; readonly lost: () => void },
  ) {
    this.#deps = deps;
    this.#signer = signer;
    this.#pair = pair;
    const probe = (): void => {
      this.#probe();
    };
    this.#consent = new Consent({ ...deps, probe, lost: consent.lost }, consent.settings);
  }

  heard(): void {
    this.#consent.heard();
  }

  probeNow(): void {
    this.#consent.probeNow();
  }

  stop(): void {
    this.#consent.stop();
    this.#forgetAwaited();
  }

  #probe(): void {
    const { clock, router, random, send } = this.#deps;
    const { base, remote, local } = this.#pair;
    const transactionId = random(12);
    const sentMs = clock.monotonic();
    const cancel = router.expect(transactionId, base, remote.endpoint, (datagram) => {
      if (!this.#signer.isAuthenticAnswer(datagram)) return;
      this.#pair.rttMs = clock.monotonic() - sentMs;
      this.#forgetAwaited();
      this.#consent.answered();
    });
    this.#awaited.push(cancel);
    if (this.#awaited.length > MAX_AWAITED) this.#awaited.shift()?.();
    send(this.#signer.request(transactionId, local.priority, false), base, remote.endpoint);
  }

  #forgetAwaited(): void {
    for (const cancel of this.#awaited.splice(0)) cancel();
  }
}
