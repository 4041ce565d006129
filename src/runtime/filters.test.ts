import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Seccomp } from "../spec/oci_runtime.ts";
import { seccompFilter } from "./filters.ts";
import { filterOf } from "./program/seccomp_filter.ts";

const directory = mkdtempSync("/tmp/fathom-test-filters-");
afterAll(() => rmSync(directory, { recursive: true }));

const allowing = (...names: string[]): Seccomp => ({
  defaultAction: "SCMP_ACT_ERRNO",
  syscalls: [{ names, action: "SCMP_ACT_ALLOW" }],
});
const inCache = (cache: string) => ({ arch: "x86_64", cache }) as const;

test("a filter is what its profile compiles to, and is kept for others under a name of its own", async () => {
  const cache = join(directory, "kept");
  for (const profile of [allowing("read"), allowing("read", "write")]) {
    const filter = await seccompFilter(profile, inCache(cache));
    expect(filter).toEqual(filterOf(profile, "x86_64"));
  }
  expect(statSync(cache).mode & 0o777).toBe(0o700);
  const files = readdirSync(cache);
  expect(files.length).toBe(2);
  const [first = ""] = files;
  expect(first).toEndWith(".bpf");
  const known = [allowing("read"), allowing("read", "write")].map((profile) => filterOf(profile, "x86_64"));
  expect(known).toContainEqual(new Uint8Array(readFileSync(join(cache, first))));
});

test("one that is found is taken, whoever has compiled it", async () => {
  const cache = join(directory, "found");
  await seccompFilter(allowing("close"), inCache(cache));
  const [file = ""] = readdirSync(cache);
  const other = new Uint8Array(16).fill(7);
  writeFileSync(join(cache, file), other);
  await seccompFilter(allowing("open"), inCache(cache));
  expect(await seccompFilter(allowing("close"), inCache(cache))).toEqual(other);
});

test("a damaged one is compiled again, and where nothing can be kept all goes on without", async () => {
  const cache = join(directory, "damaged");
  await seccompFilter(allowing("getpid"), inCache(cache));
  const [file = ""] = readdirSync(cache);
  writeFileSync(join(cache, file), "torn");
  await seccompFilter(allowing("open"), inCache(cache));
  expect(await seccompFilter(allowing("getpid"), inCache(cache))).toEqual(
    filterOf(allowing("getpid"), "x86_64"),
  );
  const none = join(cache, file, "below a file");
  expect(await seccompFilter(allowing("getuid"), inCache(none))).toEqual(
    filterOf(allowing("getuid"), "x86_64"),
  );
});

test("a profile compiles to the same filter as when COMPILER was set: where this fails, raise it and note the new digest", () => {
  const profile: Seccomp = {
    ...allowing("read", "write", "execve", "openat2"),
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  };
  const args = [{ index: 0, value: 0x7e020000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }] as const;
  profile.syscalls?.push({ names: ["clone"], action: "SCMP_ACT_ALLOW", args: [...args] });
  const digest = new Bun.CryptoHasher("sha256").update(filterOf(profile, "x86_64")).digest("hex");
  expect(digest).toBe("3b3aaa4ce64f045cbd5bc408be599f8988e1e5e54c55e2c79b023bffee4fbd28");
});
