/** Files as the local API has them. See `api.ts` for the manners. */

/** One file of another node that lies on this host. */
export interface ReceivedFile {
  /** Below `dir`, its parts apart by `/`. */
  readonly name: string;
  readonly bytes: number;
  /** RFC 3339. */
  readonly modified: string;
  readonly path: string;
}

/** Query of `GET /v1/received`; newest first. */
export interface ReceivedQuery {
  readonly limit?: number;
  /** RFC 3339 or a duration back from now (`1h`). */
  readonly since?: string;
  readonly before?: string;
}

export interface ReceivedList {
  readonly files: readonly ReceivedFile[];
  /** How many there are in that time. */
  readonly total: number;
  readonly shown: number;
  readonly dir: string;
}

/** Query of `DELETE /v1/received`. */
export interface ReceivedClearQuery {
  /** RFC 3339 or a duration back from now; without it everything goes. */
  readonly before?: string;
}

export interface ReceivedCleared {
  readonly cleared: number;
  readonly remaining: number;
  /** Parts of files that had not come whole. */
  readonly cleared_partial: number;
}

/** A file on its way here, or come: `path` below the received folder. */
export interface FileEvent<Names> {
  readonly from: Names;
  readonly path: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

export const FILE_EVENT_NAMES = ['file.progress', 'file.received', 'file.failed'] as const;

export interface FileEvents<Names> {
  /** Twice a second at most. */
  readonly 'file.progress': FileEvent<Names> & { readonly received: number };
  /** It is whole, and on the disk. */
  readonly 'file.received': FileEvent<Names>;
  readonly 'file.failed': FileEvent<Names> & { readonly reason: string };
}
