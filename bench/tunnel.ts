/**
 * A TCP connection through `forward` and `expose` against the direct link that carries it (bench/support/carriers): 64 KiB
 * writes, and 100 B there and back. What bench/stream says of processors holds here, too.
 *
 * npm run bench -- tunnel [rounds, 5] [MB per round, 200] [round trips, 2000]
 */
import { benchOnDirectHosts, type Carriers } from './support/carriers.ts';
import { compareSides } from './support/sides.ts';

async function measure(carriers: Carriers): Promise<void> {
  const { rounds, total } = carriers.numbers;
  const { link } = carriers;
  const tunnel = await carriers.openTunnel();
  await carriers.warmUp(tunnel);
  await compareSides({
    ...{ name: 'a TCP tunnel, against the link', unit: 'MB/s', aim: { atLeast: 0.6 }, rounds },
    ...{ ours: carriers.bulk(tunnel), peer: carriers.bulk(link), megabytes: total / 1e6 },
  });
  await compareSides({
    ...{ name: '100 B through a tunnel and back, p50, against the link', unit: 'µs', rounds },
    ...{ aim: { atMost: 2.5 }, ours: carriers.trips(tunnel), peer: carriers.trips(link) },
  });
}

await benchOnDirectHosts(measure);
