import { test as base, vi } from 'vitest';

import { HexClient, twoNodes } from './ipc-fixture.ts';

// Two whole daemons begin within it.
vi.setConfig({ testTimeout: 60_000 });

/** A test of two daemons that trust each other, and of an original client of alice's. */
export const test = base
  .extend('nodes', async () => twoNodes())
  .extend('alice', ({ nodes: [alice] }) => alice)
  .extend('bob', ({ nodes: [, bob] }) => bob)
  .extend('ipc', async ({ alice }) => HexClient.connect(alice));
