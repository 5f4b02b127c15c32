/**
 * Which of the last 2,048 packet counters have been seen (the ring of words of RFC 6479):
 *
 *     word  (counter / 32) mod 65      one word more than the window, so that the newest one
 *     bit    counter mod 32            can be cleared without touching the oldest
 *
 * Counters below the window count as seen. Links keep order, so what is late crosses over from another
 * link; 2,048 packets is twice what a full resend window can have under way.
 */
export const REPLAY_WINDOW_BITS = 2048;
const WORD_BITS = 32;
const WORDS = REPLAY_WINDOW_BITS / WORD_BITS + 1;

export class ReplayWindow {
  readonly #words = new Uint32Array(WORDS);
  #newestWord = 0;
  #end = 0;

  /** True when the counter is neither seen nor too old. Ask before decrypting. */
  isFresh(counter: number): boolean {
    if (counter >= this.#end) return true;
    if (counter < this.#end - REPLAY_WINDOW_BITS) return false;
    const word = this.#words[Math.floor(counter / WORD_BITS) % WORDS] ?? 0;
    return (word & (1 << (counter % WORD_BITS))) === 0;
  }

  /** Remembers a counter that `isFresh` let pass. Call it only after the packet has authenticated. */
  mark(counter: number): void {
    const wordNumber = Math.floor(counter / WORD_BITS);
    this.#moveTo(wordNumber);
    const index = wordNumber % WORDS;
    this.#words[index] = (this.#words[index] ?? 0) | (1 << (counter % WORD_BITS));
    this.#end = Math.max(this.#end, counter + 1);
  }

  #moveTo(wordNumber: number): void {
    const steps = Math.min(wordNumber - this.#newestWord, WORDS);
    for (let i = 0; i < steps; i++) this.#words[(wordNumber - i) % WORDS] = 0;
    this.#newestWord = Math.max(this.#newestWord, wordNumber);
  }
}
