/** What `doctor` and `fsck` have found, as text. */

import type { Examination, Finding } from "../spec/doctor.ts";

/** Whether nothing is left to tell of. */
export function isClean({ Findings }: Examination): boolean {
  return !Findings.some(({ done }) => done === undefined || done.startsWith("could not"));
}

/** As text for a person; `command` is what `--fix` is given to. */
export function tellFindings({ Findings, Unknown }: Examination, command: string): string {
  const lines = Findings.flatMap(tell);
  const count = Findings.filter(({ done }) => done === undefined).length;
  const mendable = Findings.filter(({ mendable, done }) => mendable && done === undefined).length;
  const advice = mendable > 0 ? `; '${command} --fix' mends ${mendable} of them` : "";
  const summary =
    Findings.length === 0
      ? "Nothing is damaged or left over."
      : `${count} finding${count === 1 ? "" : "s"}${advice}.`;
  return [...lines, ...Unknown, summary].map((line) => `${line}\n`).join("");
}

function tell({ sentence, see, done }: Finding): string[] {
  return [`- ${sentence}.`, ...(done === undefined ? [`    $ ${see}`] : [`    ${done}.`])];
}
