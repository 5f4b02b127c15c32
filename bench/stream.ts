/**
 * Streams between two programs with the SDK against the direct link that carries them (bench/support/carriers): one, ten
 * at once, and 100 B there and back.
 *
 * Nothing but the processor limits any of them here, and four processes of ours stand against two of the link. Where
 * there are fewer processors than that, processor time for each megabyte says more than rates do. The session between
 * the two says how much of it is sealing.
 *
 * npm run bench -- stream [rounds, 5] [MB per round, 200] [round trips, 2000]
 */
import { benchOnDirectHosts, type Carriers, SHARES } from './support/carriers.ts';
import { compareSides } from './support/sides.ts';

async function measure(carriers: Carriers): Promise<void> {
  const { rounds, total } = carriers.numbers;
  const { link, session } = carriers;
  const stream = await carriers.openStream();
  const streams = await carriers.openStreams();
  await carriers.warmUp(stream);
  const bulk = { unit: 'MB/s', rounds, megabytes: total / 1e6 };
  const aim = { atLeast: 0.9 };
  await compareSides({
    ...{ ...bulk, aim, name: 'one stream, against the link' },
    ...{ ours: carriers.bulk(stream), peer: carriers.bulk(link) },
  });
  await compareSides({
    ...{ ...bulk, aim, name: `${SHARES} streams, against the link` },
    ...{ ours: carriers.bulk(...streams), peer: carriers.bulk(link) },
  });
  await compareSides({
    ...{ ...bulk, name: 'one stream, against messages of a session' },
    ...{ ours: carriers.bulk(stream), peer: carriers.bulk(session) },
  });
  await compareSides({
    ...{ name: '100 B over an open stream and back, p50, against the link', unit: 'µs', rounds },
    ...{ ours: carriers.trips(stream), peer: carriers.trips(link) },
  });
}

await benchOnDirectHosts(measure);
