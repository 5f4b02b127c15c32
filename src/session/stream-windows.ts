/**
 * How much the peer may send without our reading it, over all of its streams. Every stream that may come
 * has its least window set aside; what is beyond that goes to those that can use more.
 */
export const MAX_STREAMS = 1000;
const MIN_WINDOW_BYTES = 16 * 1024;
const FIRST_WINDOW_BYTES = 64 * 1024;
/** As much as a session has under way. */
export const MAX_WINDOW_BYTES = 4 * 2 ** 20;
export const MAX_WINDOWS_BYTES = 32 * 2 ** 20;
/** A window that was read within so many round trips was too small to keep the sender busy. */
const FAST_ROUND_TRIPS = 4;
/** What a round trip takes at least, with a delayed acknowledgement in it; and while it is not known. */
const MIN_ROUND_TRIP_MS = 25;
const UNKNOWN_ROUND_TRIP_MS = 200;
/** So much has been read when the peer is told; of a small window the half. More would make it send in bursts. */
const CREDIT_STEP_BYTES = 256 * 1024;

/** The windows of one session's streams. */
export class StreamWindows {
  #free = MAX_WINDOWS_BYTES;
  #count = 0;

  /** For a new stream; undefined when there are as many as there may be. */
  first(): number | undefined {
    if (this.#count >= MAX_STREAMS) return undefined;
    this.#count += 1;
    const isPlenty = this.#free - FIRST_WINDOW_BYTES >= this.#reserved;
    const bytes = isPlenty ? FIRST_WINDOW_BYTES : MIN_WINDOW_BYTES;
    this.#free -= bytes;
    return bytes;
  }

  /** How many bytes a window may have more. */
  more(windowBytes: number): number {
    const wanted = Math.min(windowBytes, MAX_WINDOW_BYTES - windowBytes);
    if (this.#free - wanted < this.#reserved) return 0;
    this.#free -= wanted;
    return wanted;
  }

  giveBack(windowBytes: number): void {
    this.#count -= 1;
    this.#free += windowBytes;
  }

  get #reserved(): number {
    return MIN_WINDOW_BYTES * (MAX_STREAMS - this.#count);
  }
}

export interface ReceiveWindowDeps {
  readonly windows: StreamWindows;
  readonly nowMs: () => number;
  readonly rttMs: () => number | undefined;
}

/** One stream's window: what the peer may still send, and when it is told that it may send more. */
export class ReceiveWindow {
  readonly #deps: ReceiveWindowDeps;
  #bytes: number;
  #left: number;
  #read = 0;
  /** Read since then, until it is a window full. */
  #measured = { bytes: 0, sinceMs: 0 };
  #isGivenBack = false;

  constructor(bytes: number, deps: ReceiveWindowDeps) {
    this.#deps = deps;
    this.#bytes = bytes;
    this.#left = bytes;
    this.#measured.sinceMs = deps.nowMs();
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** False when the peer had no credit for that. */
  received(count: number): boolean {
    if (count > this.#left) return false;
    this.#left -= count;
    return true;
  }

  read(count: number): void {
    this.#read += count;
  }

  /** Enough has been read that the peer should hear of it. */
  get isOwed(): boolean {
    return this.#read >= Math.min(this.#bytes / 2, CREDIT_STEP_BYTES);
  }

  /** The credit to tell the peer of now. */
  takeCredit(): number {
    const read = this.#read;
    const more = this.#growth(read);
    this.#bytes += more;
    this.#left += read + more;
    this.#read = 0;
    return read + more;
  }

  /** The stream is over and nothing of it is kept any more. */
  giveBack(): void {
    if (this.#isGivenBack) return;
    this.#isGivenBack = true;
    this.#deps.windows.giveBack(this.#bytes);
  }

  #growth(read: number): number {
    const { windows, nowMs, rttMs } = this.#deps;
    this.#measured.bytes += read;
    if (this.#measured.bytes < this.#bytes) return 0;
    const tookMs = nowMs() - this.#measured.sinceMs;
    this.#measured = { bytes: 0, sinceMs: nowMs() };
    const roundTripMs = Math.max(MIN_ROUND_TRIP_MS, rttMs() ?? UNKNOWN_ROUND_TRIP_MS);
    return tookMs < FAST_ROUND_TRIPS * roundTripMs ? windows.more(this.#bytes) : 0;
  }
}
