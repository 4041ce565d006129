/**
 * A receipt: what was done on the kernel, step by step.
 *
 * Every function of `kernel/` that has an effect reports one Step. Steps are data, small, and the same on disk
 * (`receipt.jsonl`, one JSON object a line), over the API and in memory.
 */

/** One effect on the kernel. */
export interface Step {
  /** Nanoseconds since the epoch, as a decimal string (a JSON number would lose digits). */
  at: string;
  /** Which of our processes acted: the container's first process is `container`. */
  by: Actor;
  /** The system call, by its manual page's name (`mount`, `clone3`, `execve`), or `write` for a cgroup or /proc file. */
  call: string;
  /** Arguments as a person writes them: flags by name, paths as text, descriptors as the path they were opened on. */
  args: string[];
  /** What the call returned; a failure that was allowed is negative (-errno). */
  result: number;
  /** Symbolic errno when `result` is negative: `ENOENT`. */
  error?: string;
  /** The failure was allowed for: a path that may be absent, one more PATH entry to try. */
  allowed?: true;
  /** Wall time of the call in nanoseconds; absent for the rows of a container's program, which the kernel runs unwatched. */
  ns?: number;
  /** What the step was for, in a few words: `mount /proc`. */
  what?: string;
  /** A command a person can type to see the same thing while the container runs. */
  see?: string;
}

export type Actor = "daemon" | "shim" | "container" | "exec";
