import type * as z from 'zod';

/** `T` without `readonly`: schemas infer types that may be written to, the contract's may not. */
type Writable<T> = T extends readonly (infer E)[]
  ? Writable<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Writable<T[K]> }
    : T;
/** Equal, not only assignable: two such function types are assignable only where A is B. */
type Same<A, B> =
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- compared, never called
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Takes a schema and gives it back; the compiler refuses one that does not give exactly `T`. */
type SchemaCheck<T> = <Schema extends z.ZodType>(
  schema: Schema & (Same<Writable<z.infer<Schema>>, Writable<T>> extends true ? unknown : never),
) => Schema;

/** Ties a schema to a type of the contract, so that what is checked and what is promised cannot drift. */
export function schemaOf<T>(): SchemaCheck<T> {
  return (schema) => schema;
}
