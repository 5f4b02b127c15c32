import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';

import { afterEach, expect, test, vi } from 'vitest';

import { isAlive } from '../../src/home/pid-file.ts';
import { eventually } from '../support/processes.ts';
import { describeWithLab } from './describe-with-lab.ts';
import { Lab } from './lab.ts';
import { etcOf, removeEtc } from './namespace.ts';

vi.setConfig({ testTimeout: 30_000 });

/** A process that is not there: Linux gives out no higher number than 2^22. */
const DEAD_PID = 9_999_999;

describeWithLab('a lab comes and goes', () => {
  const made: string[] = [];

  afterEach(() => {
    for (const name of made.splice(0)) {
      ip('netns', 'del', name);
      removeEtc(name);
    }
  });

  function ip(...args: string[]): void {
    spawnSync('ip', args);
  }

  function make(name: string): string {
    ip('netns', 'add', name);
    mkdirSync(etcOf(name), { recursive: true });
    made.push(name);
    return name;
  }

  function ours(): string[] {
    return readdirSync('/run/netns').filter((name) => name.startsWith(`natlab-${process.pid}-`));
  }

  test('nothing of it is left after a failed test, and closing twice is harmless', async () => {
    const failing = Lab.run(async (lab) => {
      await lab.site('carrier-grade');
      expect(ours()).toHaveLength(4);
      expect(readdirSync('/etc/netns')).toEqual(expect.arrayContaining(ours()));
      await lab.close();
      throw new Error('the test failed');
    });
    await expect(failing).rejects.toThrow('the test failed');
    expect(ours()).toEqual([]);
    expect(readdirSync('/etc/netns').filter((name) => name.includes(`-${process.pid}-`))).toEqual(
      [],
    );
  });

  test('what runs inside ends with it, also what nobody knows of', async () => {
    let pid = 0;
    await Lab.run(async (lab) => {
      const { host } = await lab.site('open');
      // In the background of a shell that ends.
      const started = await host.exec(['sh', '-c', 'sleep 600 >/dev/null 2>&1 & echo $!']);
      pid = Number(started);
      expect(existsSync(`/proc/${pid}/stat`)).toBe(true);
    });
    await eventually('it is gone', () => !isAlive({ pid, startMarker: '' }) || undefined);
  });

  test('two labs at a time have the same addresses and nothing in common', async () => {
    await Lab.run(async (one) =>
      Lab.run(async (other) => {
        const [a, b] = await Promise.all([one.server('echo'), other.server('echo')]);
        expect(a.v4).toEqual(b.v4);
        expect(a.namespace.name).not.toBe(b.namespace.name);
      }),
    );
  });

  test('servers are known by name everywhere, also where a host was first', async () => {
    await Lab.run(async (lab) => {
      const { host } = await lab.site('open');
      const { hostname, v4, v6 } = await lab.server('relay');
      const hosts = await host.exec(['cat', '/etc/hosts']);
      for (const address of [...v4, ...v6]) expect(hosts).toContain(`${address} ${hostname}\n`);
    });
  });

  test('what a killed lab left behind goes when the next one opens, a living one stays', async () => {
    const start = readFileSync('/proc/1/stat', 'utf8').split(') ').at(-1)?.split(' ')[19];
    const abandoned = make(`natlab-${DEAD_PID}-1-1-home`);
    const reused = make(`natlab-1-${Number(start) + 1}-1-home`);
    const living = make(`natlab-1-${start ?? ''}-1-home`);
    const foreign = make(`other-${process.pid}`);

    await Lab.run(async () => Promise.resolve());

    const left = readdirSync('/run/netns');
    expect(left).toEqual(expect.arrayContaining([living, foreign]));
    for (const name of [abandoned, reused]) {
      expect(left).not.toContain(name);
      expect(existsSync(etcOf(name))).toBe(false);
    }
  });
});
