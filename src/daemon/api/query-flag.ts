import * as z from 'zod';

/** `full`, `full=true`, `full=1`; the text of a query is all there is. */
export const flag = z
  .enum(['', 'true', '1', 'false', '0'])
  .transform((text) => text !== 'false' && text !== '0')
  .pipe(z.boolean());
