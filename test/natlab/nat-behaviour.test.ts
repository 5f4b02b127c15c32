import { afterAll, beforeAll, expect, test } from 'vitest';

import { describeWithLab } from './describe-with-lab.ts';
import { Lab } from './lab.ts';
import { EchoServer, type NatBehaviour, observe, type UdpBehaviour } from './nat-behaviour.ts';
import { SITE_KINDS, type SiteKind } from './site.ts';

const HOME: UdpBehaviour = {
  mapping: 'endpoint-independent',
  filtering: 'address-and-port-dependent',
  isPortKept: true,
  step: undefined,
  hairpins: false,
};
const SYMMETRIC: UdpBehaviour = {
  ...HOME,
  mapping: 'address-and-port-dependent',
  isPortKept: false,
};

const UDP: Readonly<Record<SiteKind, UdpBehaviour | undefined>> = {
  open: { ...HOME, mapping: 'none', filtering: 'endpoint-independent', hairpins: true },
  hairpin: { ...HOME, filtering: 'endpoint-independent', hairpins: true },
  'full-cone': { ...HOME, filtering: 'endpoint-independent' },
  'address-restricted': { ...HOME, filtering: 'address-dependent' },
  home: HOME,
  'home-ports-changed': { ...HOME, isPortKept: false },
  'per-address': { ...HOME, mapping: 'address-dependent', isPortKept: false },
  'symmetric-sequential': { ...SYMMETRIC, step: 1 },
  'symmetric-random': SYMMETRIC,
  'carrier-grade': HOME,
  'udp-blocked': undefined,
  'tcp-443-only': undefined,
  // Nothing is translated: the outer endpoint of a socket is its own, on the same host.
  'ipv6-only': { ...HOME, mapping: 'none', hairpins: true },
};

describeWithLab('the laboratory has the NATs it promises', () => {
  let lab: Lab;
  let echo: EchoServer;
  const kinds = [...SITE_KINDS, 'hairpin'] as const;
  const observed = new Map<SiteKind, NatBehaviour>();

  beforeAll(async () => {
    lab = await Lab.open();
    echo = await EchoServer.start(await lab.server('echo', { addresses: 2 }));
    await Promise.all(
      kinds.map(async (kind) => observed.set(kind, await observe(await lab.site(kind), echo))),
    );
  }, 60_000);

  afterAll(async () => lab.close());

  test.each(kinds)('%s', (kind) => {
    expect(observed.get(kind)).toEqual({
      udp: UDP[kind],
      tcp443: true,
      otherTcp: kind !== 'tcp-443-only',
    });
  });
});
