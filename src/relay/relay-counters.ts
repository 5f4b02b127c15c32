/** Totals since the relay started. Plain numbers, because the hot path adds to them; metrics read them. */
export class RelayCounters {
  framesIn = 0;
  bytesIn = 0;
  framesForwarded = 0;
  bytesForwarded = 0;
  envelopesStored = 0;
  envelopesDelivered = 0;
  /** Frames, envelopes and connections that went nowhere, by reason. */
  readonly drops = new Map<string, number>();
  /** By result: `ok`, or the code of the refusal. */
  readonly logins = new Map<string, number>();

  dropped(reason: string): void {
    count(this.drops, reason);
  }

  loggedIn(result: string): void {
    count(this.logins, result);
  }
}

/** The keys are codes of this program, so that strangers cannot add any. */
function count(totals: Map<string, number>, key: string): void {
  totals.set(key, (totals.get(key) ?? 0) + 1);
}
