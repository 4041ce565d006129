/** `--security-opt`: seccomp, AppArmor, no-new-privileges and SELinux labels, as Docker reads them. */

import { FathomError } from "../std/errors.ts";

export interface SecurityOptions {
  noNewPrivileges: boolean;
  /** `default`, `unconfined`, or the text of a profile. */
  seccomp: string;
  /** An AppArmor profile that is loaded; absent: none is asked for. */
  apparmor?: string;
}

/** @throws {FathomError} invalid, for an option nobody knows. */
export function readSecurityOptions(options: readonly string[]): SecurityOptions {
  const read: SecurityOptions = { noNewPrivileges: false, seccomp: "default" };
  for (const option of options) {
    if (option === "no-new-privileges") read.noNewPrivileges = true;
    else if (option !== "disable") readOne(option, read);
  }
  return read;
}

function readOne(option: string, read: SecurityOptions): void {
  const [, key, value = ""] = /^([^=:]*)[=:]([\s\S]*)$/.exec(option) ?? [];
  switch (key) {
    case "seccomp":
      read.seccomp = value === "builtin" ? "default" : value;
      return;
    case "apparmor":
      read.apparmor = value;
      return;
    case "no-new-privileges":
      if (!["true", "false"].includes(value)) throw unknown(option);
      read.noNewPrivileges = value === "true";
      return;
    case "label":
      if (value !== "disable")
        throw new FathomError("unsupported", `SELinux labels are not supported: leave ${option} out`);
      return;
    default:
      throw unknown(option);
  }
}

function unknown(option: string): FathomError {
  return new FathomError("invalid", `invalid --security-opt 2: ${JSON.stringify(option)}`);
}
