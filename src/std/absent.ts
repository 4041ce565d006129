/** What a failed file operation says: that nothing is there is often no failure; everything else is. */

/** The symbolic error number of a failed system call (`ENOENT`), as Node's errors and the kernel door's carry it. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && ERRNO.test(code) ? code : undefined;
}

/** Not Node's own codes, such as ERR_INVALID_ARG_TYPE. */
const ERRNO = /^E[A-Z0-9]+$/;

/** Whether a file operation failed because there is nothing of that name. */
export function isAbsent(error: unknown): boolean {
  return codeOf(error) === "ENOENT";
}

/**
 * For a rejected file operation: `value` where nothing is there; any other error goes on.
 *
 *     const text = await readFile(path, "utf8").catch(ifAbsent(""));
 */
export function ifAbsent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (isAbsent(error)) return value;
    throw error;
  };
}
