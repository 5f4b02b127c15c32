import { onTestFinished, test } from 'vitest';

import { systemClock } from '../../src/base/system-clock.ts';
import { bindStunServer } from '../../src/relay/stun-sockets.ts';
import { needsProgram } from '../support/foreign-program.ts';
import { Processes, type RunningProcess } from '../support/processes.ts';

/** coturn's client for RFC 5780, asking our server at two addresses of this host. */
async function discover(...options: string[]): Promise<RunningProcess> {
  const places = ['127.0.0.1', '127.0.0.2'].map((host) => ({ host, port: 0 }));
  const bound = await bindStunServer(places, systemClock);
  const processes = new Processes();
  onTestFinished(async () => {
    await processes.close();
    await bound.close();
  });
  const args = [...options, '-p', String(bound.endpoints[0]?.port), '127.0.0.1'];
  return processes.start('turnutils_natdiscovery', args, { env: process.env });
}

test('coturn’s natdiscovery finds what mapping is in between', async (context) => {
  needsProgram(context, 'turnutils_natdiscovery', 'coturn');
  const client = await discover('-m');
  await client.line(/No ALG: Mapped == XOR-Mapped/);
  await client.line(/Other addr: : 127\.0\.0\.2:\d+/);
  await client.line(/NAT with Endpoint Independent Mapping/);
});

test('and what filtering: answers come from the other address', async (context) => {
  needsProgram(context, 'turnutils_natdiscovery', 'coturn');
  const client = await discover('-f');
  await client.line(/Response origin: : 127\.0\.0\.2:\d+/);
  await client.line(/NAT with Endpoint Independent Filtering/);
});
