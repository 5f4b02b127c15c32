import { statfs } from 'node:fs/promises';

/** What this user may still write to the disk of `folder`. */
export async function freeBytesOnDisk(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
