/** The exit code of a program that could not be started, told from the daemon's sentence as the docker command tells it. */

const NOT_FOUND = /executable file not found|no such file or directory/;
const NOT_EXECUTABLE = /permission denied|is a directory/;

/** 127 not found, 126 found but not executable, else 125. */
export function startErrorCode(message: string): number {
  if (NOT_FOUND.test(message)) return 127;
  return NOT_EXECUTABLE.test(message) ? 126 : 125;
}
