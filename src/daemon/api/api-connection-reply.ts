import * as z from 'zod';

import type { ConnectionView } from '../../client/api.ts';
import { schemaOf } from './schema-of.ts';

const text = z.string();
const count = z.int().min(0);

/** An open stream: see `api-replies.ts`. */
export const connection = schemaOf<ConnectionView>()(
  z.object({
    id: count,
    local_port: count,
    remote_addr: text,
    remote_port: count,
    state: z.enum(['ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT']),
    bytes_sent: count,
    bytes_recv: count,
    remote_id: text,
    remote_hostname: text,
    direction: z.enum(['outgoing', 'incoming']),
  }),
);
