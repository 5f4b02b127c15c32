import * as z from 'zod';

/** What the routes of received files answer: see `api-replies.ts`. */

const text = z.string();
const count = z.int().min(0);

export const FILE_REPLIES = {
  listReceived: z.object({
    files: z.array(z.object({ name: text, bytes: count, modified: z.iso.datetime(), path: text })),
    total: count,
    shown: count,
    dir: text,
  }),
  clearReceived: z.object({ cleared: count, remaining: count, cleared_partial: count }),
};
