import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** A child process that runs this same program in another role, so that no two ends share an event loop. */
export interface RoleProcess {
  readonly pid: number;
  /** What the role said when it was ready. */
  readonly ready: unknown;
  /** Says something to it: `process.on('message')` there. */
  tell(message: object): void;
  /** The next thing it says. */
  next(): Promise<unknown>;
  stop(): Promise<void>;
}

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

export async function startRole(role: string, ...args: string[]): Promise<RoleProcess> {
  return startRoleInside([], role, ...args);
}

/** Somewhere else on this host: `ip netns exec NAME` before the program. */
export async function startRoleInside(
  inside: readonly string[],
  role: string,
  ...args: string[]
): Promise<RoleProcess> {
  const program = process.argv[1];
  if (program === undefined) throw new Error('no program to run');
  const [command = '', ...before] = [...inside, process.execPath, ...process.execArgv];
  const child = fork(program, ['--role', role, ...args], { execPath: command, execArgv: before });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  children.add(child);
  child.once('exit', () => children.delete(child));
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`role ${role} ended with ${String(code)} before it was ready`);
  });
  const [ready] = (await Promise.race([once(child, 'message'), failed])) as unknown[];
  failed.catch(() => undefined);
  const next = async (): Promise<unknown> => {
    const [said] = (await once(child, 'message')) as unknown[];
    return said;
  };
  const tell = (message: object): void => {
    child.send(message);
  };
  return { pid: child.pid ?? 0, ready, tell, next, stop };
}

/** Runs the role this process was started for, if it was: `name -> what it does with its arguments`. */
export async function runRole(
  roles: Readonly<Record<string, (...args: string[]) => Promise<unknown>>>,
): Promise<boolean> {
  const at = process.argv.indexOf('--role');
  if (at === -1) return false;
  const [name = '', ...args] = process.argv.slice(at + 1);
  const run = roles[name];
  if (run === undefined) throw new Error(`no role ${name}`);
  process.on('disconnect', () => process.exit(0));
  const ready = await run(...args);
  process.send?.(ready ?? 'ready');
  return true;
}
