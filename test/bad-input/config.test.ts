import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { configKeys, type ConfigProblem } from '../../src/home/config.ts';
import { REFUSED_BY_KEY, REFUSED_BY_KIND } from '../home/refused-settings.ts';
import { Sandbox, type SandboxNode } from '../support/sandbox.ts';

vi.setConfig({ testTimeout: 30_000 });

interface WrongSetting {
  readonly key: string;
  readonly source: string;
  readonly hint: string | undefined;
}

interface Place {
  readonly line: number;
  readonly column: number;
}

/** A file tells at most twenty problems. */
const KEYS_PER_FILE = 17;
/** The daemon's error is the validator's first problem: a few files show that. */
const FILES_FOR_DAEMON = 4;

/** Every key with every value that it refuses, spread over files that have each key at most once. */
function wrongFiles(): WrongSetting[][] {
  const rounds: WrongSetting[][] = [];
  for (const { key, kind } of configKeys()) {
    const refused = [...(REFUSED_BY_KEY[key] ?? []), ...(REFUSED_BY_KIND[kind] ?? [])];
    for (const [i, [source, , hint]] of refused.entries()) {
      (rounds[i] ??= []).push({ key, source, hint });
    }
  }
  return rounds.flatMap((settings) =>
    Array.from({ length: Math.ceil(settings.length / KEYS_PER_FILE) }, (_, i) =>
      settings.slice(i * KEYS_PER_FILE, (i + 1) * KEYS_PER_FILE),
    ),
  );
}

/** As YAML, and where each value begins. The settings are in the order of the tree. */
function documentOf(settings: readonly WrongSetting[]): { text: string; places: Place[] } {
  const lines: string[] = [];
  let open: readonly string[] = [];
  const places = settings.map(({ key, source }) => {
    const names = key.split('.');
    const sections = names.slice(0, -1);
    const shared = sections.findIndex((name, depth) => open[depth] !== name);
    for (let depth = shared === -1 ? sections.length : shared; depth < sections.length; depth++) {
      lines.push(`${'  '.repeat(depth)}${sections[depth] ?? ''}:`);
    }
    open = sections;
    const head = `${'  '.repeat(sections.length)}${names.at(-1) ?? ''}:`;
    lines.push(`${head} ${source}`);
    return { line: lines.length, column: head.length + 2 };
  });
  return { text: `${lines.join('\n')}\n`, places };
}

let sandbox: Sandbox;
let node: SandboxNode;

beforeAll(() => {
  sandbox = new Sandbox();
  node = sandbox.node('node');
  node.paths.ensureRoot();
});
afterAll(async () => {
  await sandbox.close();
});

function fileWith(text: string): string {
  const file = path.join(sandbox.folder, 'config.yaml');
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

async function problemsOf(file: string): Promise<readonly ConfigProblem[]> {
  const { code, stdout } = await node.tryPilotctl(['--json', 'config', 'validate', file]);
  expect(code).toBe(1);
  const { data } = JSON.parse(stdout) as { data: { valid: boolean; problems: ConfigProblem[] } };
  expect(data.valid).toBe(false);
  return data.problems;
}

/** What `pilotd --config` says when it does not start. */
async function daemonError(file: string): Promise<{ code: string; message: string; hint: string }> {
  const options = { env: node.env };
  const { code, stderr } = await sandbox.processes.run('pilotd', ['--config', file], options);
  expect(code, stderr).toBe(1);
  return JSON.parse(stderr) as Awaited<ReturnType<typeof daemonError>>;
}

describe('values of a wrong type or unit', () => {
  const files = wrongFiles();

  test('are there for every key', () => {
    const keys = new Set(files.flat().map(({ key }) => key));
    expect([...keys].sort()).toEqual(
      configKeys()
        .map(({ key }) => key)
        .sort(),
    );
  });

  test.each(files.map((settings, i) => [i, settings] as const))(
    'file %i: each has its line, its column and what was meant',
    async (i, settings) => {
      const { text, places } = documentOf(settings);
      const file = fileWith(text);
      const problems = await problemsOf(file);
      expect(problems.map(({ key }) => key)).toEqual(settings.map(({ key }) => key));
      for (const [at, problem] of problems.entries()) {
        const { line, column } = places[at] ?? { line: 0, column: 0 };
        const { hint, source } = settings[at] ?? {};
        expect(problem, text).toMatchObject({ file, line });
        // An item of a list has a place of its own.
        expect(problem.column - column, text).toBeOneOf(
          source?.startsWith('[') === true ? [0, 1] : [0],
        );
        expect(problem.message).toMatch(/^expected .*, found /s);
        if (hint !== undefined) expect(problem.hint).toBe(hint);
      }
      if (i >= FILES_FOR_DAEMON) return;
      const [first] = problems;
      if (first === undefined) throw new Error('no problem');
      const error = await daemonError(file);
      const { line, column, key, message } = first;
      const more = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`;
      expect(error.code).toBe('invalid_argument');
      expect(error.message).toBe(`${file}:${line}:${column}: ${key}: ${message}${more}`);
      expect(error.hint).not.toBe('');
    },
  );
});

describe('names that there are not', () => {
  // A file's first 20 problems are told.
  test.each([0, 1, 2])('with a letter too many, every third key from %i', async (first) => {
    const keys = configKeys()
      .map(({ key }) => key)
      .filter((_key, i) => i % 3 === first);
    const settings = keys.map((key) => ({ key: `${key}x`, source: '1', hint: undefined }));
    const { text, places } = documentOf(settings);
    const file = fileWith(text);
    expect(await problemsOf(file)).toEqual(
      keys.map((key, i) => ({
        ...{ file, key: `${key}x`, message: 'is not a known setting' },
        line: places[i]?.line,
        column: 2 * (key.split('.').length - 1) + 1,
        hint: `did you mean ${key}?`,
      })),
    );
  });

  test('are the daemon’s error, too', async () => {
    const file = fileWith('messaging:\n  max_paylod_kb: 12\n');
    expect(await daemonError(file)).toMatchObject({
      code: 'invalid_argument',
      message: `${file}:2:3: messaging.max_paylod_kb: is not a known setting`,
      hint: 'did you mean messaging.max_payload_kb?',
    });
  });
});
