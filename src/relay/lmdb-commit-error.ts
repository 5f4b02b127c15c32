/** Why a transaction of lmdb failed. The failure itself stands in a second promise, which must be handled too. */
export async function commitErrorOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<never> };
  try {
    await commitError;
    return error;
  } catch (cause) {
    return cause;
  }
}
