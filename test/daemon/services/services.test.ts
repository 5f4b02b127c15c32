import { expect, test } from 'vitest';

import type { Service, ServiceName } from '../../../src/daemon/services/service.ts';
import { Services } from '../../../src/daemon/services/services.ts';

function makers(log: string[]): Record<ServiceName, () => Service> {
  const maker = (name: ServiceName) => (): Service => {
    log.push(`start ${name}`);
    return {
      stop: async () => {
        await Promise.resolve();
        log.push(`stop ${name}`);
      },
    };
  };
  return {
    echo: maker('echo'),
    data_exchange: maker('data_exchange'),
    event_stream: maker('event_stream'),
  };
}

test('those that are turned on start, and stop in reverse, once', async () => {
  const log: string[] = [];
  const switches = { echo: true, data_exchange: false, event_stream: true };
  const services = new Services(switches, makers(log));
  await services.stop();
  await services.stop();
  expect(log).toEqual(['start echo', 'start event_stream', 'stop event_stream', 'stop echo']);
});

test('when one cannot start, those before it stop', async () => {
  const log: string[] = [];
  const all = { echo: true, data_exchange: true, event_stream: true };
  const broken = {
    ...makers(log),
    data_exchange: (): Service => {
      throw new Error('no');
    },
  };
  expect(() => new Services(all, broken)).toThrow('no');
  await Promise.resolve();
  await Promise.resolve();
  expect(log).toEqual(['start echo', 'stop echo']);
});
