/** Runs a program of the host to its end; undefined where it is not installed. */
export type RunWithInput = (
  command: readonly string[],
  input: string,
) => Promise<{ exitCode: number; stdout: string; stderr: string } | undefined>;
