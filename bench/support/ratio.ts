/** Figures of two things measured in turn in one run, and their ratio pair by pair: what a noisy machine allows one to say. */
export interface Comparison {
  readonly name: string;
  readonly unit: string;
  readonly ours: readonly number[];
  readonly peer: readonly number[];
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  if (value === undefined) throw new Error('no values measured');
  return value;
}

/** `name: ours 312 µs, peer 148 µs (median of 5 pairs); ours/peer min 1.98, median 2.11, max 2.40` */
export function formatComparison({ name, unit, ours, peer }: Comparison): string {
  const ratios = ours.map((value, pair) => value / (peer[pair] ?? Number.NaN));
  const [low, median, high] = [0, 0.5, 1].map((q) => quantile(ratios, q).toFixed(2));
  return (
    `${name}: ours ${round(quantile(ours, 0.5))} ${unit}, peer ${round(quantile(peer, 0.5))} ${unit} ` +
    `(median of ${ours.length} pairs); ours/peer min ${low}, median ${median}, max ${high}`
  );
}

/** `met: 0.93, aim at least 0.80` */
export function verdict(value: number, aim: { atMost: number } | { atLeast: number }): string {
  const isMet = 'atMost' in aim ? value <= aim.atMost : value >= aim.atLeast;
  const bound = 'atMost' in aim ? `at most ${aim.atMost}` : `at least ${aim.atLeast}`;
  return `${isMet ? 'met' : 'NOT met'}: ${value.toFixed(2)}, aim ${bound}`;
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
