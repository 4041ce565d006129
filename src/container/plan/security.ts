/** `--security-opt`: seccomp, AppArmor, no-new-privileges and SELinux labels, as Docker reads them. */

import { FathomError } from "../../std/errors.ts";

export interface SecurityOptions {
  noNewPrivileges: boolean;
  /** `default`, `unconfined`, or the text of a profile. */
  seccomp: string;
  /** An AppArmor profile that is loaded; absent: none is asked for. */
  apparmor?: string;
  /** SELinux labels that are asked for: `type:svirt_lxc_net_t`. */
  labels: string[];
  /** The container may change its own control groups. */
  writableCgroups: boolean;
}

/** @throws {FathomError} invalid, for an option nobody knows. */
export function readSecurityOptions(options: readonly string[]): SecurityOptions {
  const read: SecurityOptions = {
    noNewPrivileges: false,
    seccomp: "default",
    labels: [],
    writableCgroups: false,
  };
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
      read.noNewPrivileges = truth(option, value);
      return;
    case "writable-cgroups":
      read.writableCgroups = truth(option, value);
      return;
    case "label":
      if (value !== "disable") read.labels.push(value);
      return;
    default:
      throw unknown(option);
  }
}

function truth(option: string, value: string): boolean {
  if (!["true", "false"].includes(value)) throw unknown(option);
  return value === "true";
}

function unknown(option: string): FathomError {
  return new FathomError("invalid", `invalid --security-opt 2: ${JSON.stringify(option)}`);
}
