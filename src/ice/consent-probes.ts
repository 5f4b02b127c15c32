/** Consent (RFC 7675) on one pair: sends the probes, judges their answers, and what they say of the path. */
import type { Cancel } from '../base/clock.ts';
import type { CandidatePair } from './candidate-pair.ts';
import type { CheckSigner } from './check-signer.ts';
import { Consent, type ConsentSettings } from './consent.ts';
import type { IceAgentDeps, PathQuality } from './ice-settings.ts';
import { ProbeOutcomes } from './probe-outcomes.ts';

/** An answer may be as late as that many probes later. */
const MAX_AWAITED = 16;
/** Of a new sample: there is one in 5 s, so it weighs more than RFC 6298's eighth. */
const SMOOTHING = 1 / 4;

export class ConsentProbes {
  readonly #deps: IceAgentDeps;
  readonly #signer: CheckSigner;
  readonly #pair: CandidatePair;
  readonly #probed: () => void;
  readonly #outcomes = new ProbeOutcomes();
  readonly #consent: Consent;
  #awaited: Cancel[] = [];
  #rttMs: number | undefined;

  constructor(
    deps: IceAgentDeps,
    signer: CheckSigner,
    pair: CandidatePair,
    consent: {
      readonly settings: ConsentSettings;
      readonly probed: () => void;
      readonly lost: () => void;
    },
  ) {
    this.#deps = deps;
    this.#signer = signer;
    this.#pair = pair;
    this.#rttMs = pair.rttMs;
    this.#probed = consent.probed;
    const isInDoubt = (): boolean => this.#outcomes.loss(deps.clock.monotonic()) > 0;
    const probe = (): void => {
      this.#probe();
    };
    this.#consent = new Consent(
      { ...deps, probe, isInDoubt, lost: consent.lost },
      consent.settings,
    );
  }

  get quality(): PathQuality {
    return {
      rttMs: this.#rttMs,
      loss: this.#outcomes.loss(this.#deps.clock.monotonic()),
      silentMs: this.#consent.silentMs,
    };
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
    const outcome = this.#outcomes.sent(sentMs);
    const cancel = router.expect(transactionId, base, remote.endpoint, (datagram) => {
      if (!this.#signer.isAuthenticAnswer(datagram)) return;
      cancel();
      this.#awaited = this.#awaited.filter((other) => other !== cancel);
      outcome.isAnswered = true;
      this.#measure(clock.monotonic() - sentMs);
      this.#consent.answered();
      this.#probed();
    });
    this.#awaited.push(cancel);
    if (this.#awaited.length > MAX_AWAITED) this.#awaited.shift()?.();
    send(this.#signer.request(transactionId, local.priority, false), base, remote.endpoint);
    this.#probed();
  }

  /** Each probe is a transaction of its own, so an answer is that of its probe. */
  #measure(rttMs: number): void {
    this.#pair.rttMs = rttMs;
    const beforeMs = this.#rttMs ?? rttMs;
    this.#rttMs = beforeMs + (rttMs - beforeMs) * SMOOTHING;
  }

  #forgetAwaited(): void {
    for (const cancel of this.#awaited.splice(0)) cancel();
  }
}
