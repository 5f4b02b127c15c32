import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/** A file system of its own, small enough to be full soon. */
export class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Undefined where this process may not mount anything. */
  static mount(folder: string, mebibytes: number): SmallDisk | undefined {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    try {
      const options = `size=${mebibytes}m,mode=0700`;
      execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' });
    } catch {
      return undefined;
    }
    return new SmallDisk(folder);
  }

  resize(mebibytes: number): void {
    execFileSync('mount', ['-o', `remount,size=${mebibytes}m`, this.folder]);
  }

  /** Also while a process still has files open there. */
  unmount(): void {
    execFileSync('umount', ['--lazy', this.folder]);
  }
}
