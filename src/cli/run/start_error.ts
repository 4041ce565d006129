/**
 * The exit code of a program that could not be started, told from the daemon's sentence as the docker command tells it. A program
 * for another processor is one that cannot be executed; the docker command gives 125 there.
 */

const NOT_FOUND = /executable file not found|no such file or directory/;
const NOT_EXECUTABLE = /permission denied|is a directory|exec format error/;

/** 127 not found, 126 found but not executable, else 125. */
export function startErrorCode(message: string): number {
  if (NOT_FOUND.test(message)) return 127;
  return NOT_EXECUTABLE.test(message) ? 126 : 125;
}
