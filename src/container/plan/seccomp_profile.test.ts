import { describe, expect, test } from "bun:test";
import type { Seccomp, SeccompRule } from "../../spec/oci_runtime.ts";
import { messageOf } from "../../std/errors.ts";
import { recorded } from "../_fixtures.ts";
import { customProfile, defaultProfile } from "./seccomp_profile.ts";

const DEFAULT = ["CAP_CHOWN", "CAP_KILL", "CAP_SYS_CHROOT", "CAP_MKNOD"];
const subject = { capabilities: DEFAULT, architecture: "amd64" } as const;

function unconditional({ syscalls = [] }: Seccomp): Set<string> {
  const rules = syscalls.filter((rule) => rule.action === "SCMP_ACT_ALLOW" && rule.args === undefined);
  return new Set(rules.flatMap((rule) => rule.names));
}

describe("the default profile", () => {
  const docker = (recorded("docker_plain.oci") as unknown as { linux: { seccomp: Seccomp } }).linux.seccomp;
  const ours = defaultProfile(subject);

  test("allows what Docker 20.10 allows, without io_uring and with the calls that came since", () => {
    const [theirs, own] = [unconditional(docker), unconditional(ours)];
    const missing = [...theirs].filter((name) => !own.has(name));
    expect(missing.sort()).toEqual(["io_uring_enter", "io_uring_register", "io_uring_setup", "socket"]);
    expect([...own].filter((name) => !theirs.has(name)).sort()).toEqual([
      "cachestat",
      "fchmodat2",
      "futex_requeue",
      "futex_wait",
      "futex_wake",
      "getxattrat",
      "listmount",
      "listxattrat",
      "map_shadow_stack",
      "mseal",
      "name_to_handle_at",
      "pkey_alloc",
      "pkey_free",
      "pkey_mprotect",
      "process_vm_readv",
      "process_vm_writev",
      "removexattrat",
      "setxattrat",
      "statmount",
      "uretprobe",
    ]);
  });

  test("has the same rules on arguments", () => {
    const onArguments = ({ syscalls = [] }: Seccomp) =>
      syscalls.filter(
        (rule) => (rule.args !== undefined || rule.errnoRet !== undefined) && !rule.names.includes("socket"),
      );
    // Docker leaves out a second value of zero.
    const plain = (rules: SeccompRule[]) => JSON.parse(JSON.stringify(rules).replaceAll('"valueTwo":0,', ""));
    expect(plain(onArguments(ours))).toEqual(plain(onArguments(docker)));
    expect(ours.architectures).toEqual(docker.architectures);
    expect(ours.defaultAction).toBe(docker.defaultAction);
  });

  test("allows sockets of every family but AF_ALG (38) and AF_VSOCK (40)", () => {
    const rules = (ours.syscalls ?? []).filter((rule) => rule.names.includes("socket"));
    const allowed = (family: number) =>
      rules.some(({ args = [] }) =>
        args.some(
          ({ op, value }) =>
            (op === "SCMP_CMP_LT" && family < value) ||
            (op === "SCMP_CMP_EQ" && family === value) ||
            (op === "SCMP_CMP_GT" && family > value),
        ),
      );
    const families = Array.from({ length: 46 }, (_, family) => family);
    expect(families.filter((family) => !allowed(family))).toEqual([38, 40]);
  });

  test("allows with a capability what belongs to it, and new namespaces with CAP_SYS_ADMIN", () => {
    expect(unconditional(ours).has("bpf")).toBe(false);
    expect(unconditional(ours).has("chroot")).toBe(true);
    const admin = defaultProfile({ ...subject, capabilities: ["CAP_SYS_ADMIN"] });
    expect([...unconditional(admin)]).toEqual(expect.arrayContaining(["mount", "bpf", "clone", "clone3"]));
    expect(admin.syscalls?.some((rule) => rule.errnoRet !== undefined)).toBe(false);
  });

  test("knows arm64's own calls and architectures", () => {
    const arm = defaultProfile({ ...subject, architecture: "arm64" });
    expect(arm.architectures).toEqual(["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]);
    expect(unconditional(arm).has("cacheflush")).toBe(true);
    expect(unconditional(arm).has("modify_ldt")).toBe(false);
  });
});

describe("a user's profile", () => {
  const profile = {
    defaultAction: "SCMP_ACT_ERRNO",
    archMap: [{ architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] }],
    syscalls: [
      { names: ["read"], action: "SCMP_ACT_ALLOW", args: null },
      { name: "write", action: "SCMP_ACT_ALLOW" },
      { names: ["mount"], action: "SCMP_ACT_ALLOW", includes: { caps: ["CAP_SYS_ADMIN"] } },
      { names: ["chroot"], action: "SCMP_ACT_ALLOW", excludes: { caps: ["CAP_KILL"] } },
      { names: ["breakpoint"], action: "SCMP_ACT_ALLOW", includes: { arches: ["arm64"] } },
      { names: ["modify_ldt"], action: "SCMP_ACT_ALLOW", includes: { arches: ["amd64", "x86"] } },
    ],
  };

  test("keeps the rules whose conditions hold", () => {
    const { syscalls, architectures } = customProfile(JSON.stringify(profile), subject);
    expect(syscalls?.map((rule) => rule.names)).toEqual([["read"], ["write"], ["modify_ldt"]]);
    expect(architectures).toEqual(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]);
  });

  test.each(["", "[]", "{}", '{"defaultAction":1}', '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{}]}'])(
    "that is none is refused: %s",
    (text) => {
      let message = "";
      try {
        customProfile(text, subject);
      } catch (error) {
        message = messageOf(error);
      }
      expect(message).toStartWith("Decoding seccomp profile failed");
    },
  );
});
