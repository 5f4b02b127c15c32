/** Prometheus text by `name{label="value"}`. */
export type Metrics = ReadonlyMap<string, number>;

export function parseMetrics(text: string): Metrics {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const gap = line.lastIndexOf(' ');
      return [line.slice(0, gap), Number(line.slice(gap + 1))];
    }),
  );
}

/** The total of a counter; 0 while it has counted nothing. */
export function counted(metrics: Metrics, name: string): number {
  return metrics.get(name) ?? 0;
}
