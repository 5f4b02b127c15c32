import { describe, expect, onTestFinished, test } from 'vitest';

import { systemClock } from '../../../src/base/system-clock.ts';
import { NatPmpMapper } from '../../../src/daemon/links/nat-pmp.ts';
import { PCP_NONCE_BYTES, PcpMapper } from '../../../src/daemon/links/pcp.ts';
import type { PortMapper } from '../../../src/daemon/links/port-mapper.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { FakeGateway, type FakeGatewayOptions, PORT_SHIFT } from './fake-gateway.ts';

const WISH = { internalPort: 4711, externalPort: 4711, lifetimeMs: 7_200_000 };
const OUTER = { host: '203.0.113.7', port: 4711 + PORT_SHIFT };

async function gateway(options: FakeGatewayOptions): Promise<FakeGateway> {
  const started = await FakeGateway.start(options);
  onTestFinished(() => {
    started.close();
  });
  return started;
}

function mapperFor(
  protocol: 'nat-pmp' | 'pcp',
  { endpoint }: Pick<FakeGateway, 'endpoint'>,
): PortMapper {
  const nonce = seededRandom(5)(PCP_NONCE_BYTES);
  return protocol === 'pcp'
    ? new PcpMapper(systemClock, { gateway: endpoint, nonce })
    : new NatPmpMapper(systemClock, endpoint);
}

const soon = (): AbortSignal => AbortSignal.timeout(5_000);

describe.each(['nat-pmp', 'pcp'] as const)('%s', (protocol) => {
  test('maps a port where the gateway wants it, and gives it back', async () => {
    const fake = await gateway({ speaks: protocol });
    const mapper = mapperFor(protocol, fake);
    expect(await mapper.map(WISH, soon())).toEqual({ external: OUTER, lifetimeMs: 7_200_000 });
    expect(fake.leases.get(4711)).toBe(7_200);
    await mapper.release(WISH, soon());
    expect(fake.leases.get(4711)).toBe(0);
  });

  test('asks again when a request gets lost', async () => {
    const fake = await gateway({ speaks: protocol, loses: 1 });
    expect((await mapperFor(protocol, fake).map(WISH, soon())).external).toEqual(OUTER);
  });

  test('a refusal is told by its code', async () => {
    const fake = await gateway({ speaks: protocol, refusesWith: 2 });
    await expect(mapperFor(protocol, fake).map(WISH, soon())).rejects.toThrow('code 2');
  });

  test('an answer to another question is not taken', async () => {
    const other = protocol === 'pcp' ? new Uint8Array(60).fill(2, 0, 1) : new Uint8Array(16);
    const fake = await gateway({ speaks: protocol, rubbish: [other] });
    expect((await mapperFor(protocol, fake).map(WISH, soon())).external).toEqual(OUTER);
  });

  test('a truncated answer fails', async () => {
    const short = protocol === 'pcp' ? Uint8Array.of(2, 0x81, 0) : Uint8Array.of(0, 0x80, 0, 0);
    const fake = await gateway({ speaks: protocol, rubbish: [short] });
    await expect(mapperFor(protocol, fake).map(WISH, soon())).rejects.toThrow('needs');
  });

  test('silence lasts no longer than its signal', async () => {
    const fake = await gateway({ speaks: 'nothing' });
    const signal = AbortSignal.timeout(50);
    await expect(mapperFor(protocol, fake).map(WISH, signal)).rejects.toThrow('no answer');
  });

  test('a gateway that does not listen is known at once', async () => {
    const gone = await FakeGateway.start({ speaks: 'nothing' });
    const mapper = mapperFor(protocol, { endpoint: gone.endpoint });
    gone.close();
    await expect(mapper.map(WISH, soon())).rejects.toThrow('ECONNREFUSED');
  });
});

test('a gateway of the older protocol is known at once', async () => {
  const fake = await gateway({ speaks: 'nat-pmp' });
  await expect(mapperFor('pcp', fake).map(WISH, soon())).rejects.toThrow('version 0');
});
