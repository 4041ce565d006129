import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { configOf, readBundle } from "./bundle.ts";

const directory = mkdtempSync("/tmp/fathom-test-bundle-");
afterAll(() => rmSync(directory, { recursive: true }));

let count = 0;
function bundle(change: object): string {
  const place = join(directory, String(count++));
  mkdirSync(place);
  const config = {
    ociVersion: "1.0.2",
    process: { args: ["sh"] },
    root: { path: "rootfs" },
    linux: { namespaces: [] },
  };
  writeFileSync(join(place, "config.json"), JSON.stringify({ ...config, ...change }));
  return place;
}

test("a root is relative to its bundle, and what may be left out is there", () => {
  const place = bundle({});
  expect(readBundle(place)).toMatchObject({
    root: { path: join(place, "rootfs") },
    process: { env: [], cwd: "/" },
    mounts: [],
  });
});

test("a version of the specification that is none, or that is later than this form, is refused by name", () => {
  for (const ociVersion of ["invalid", "2.0.0", "1.0"])
    expect(() => readBundle(bundle({ ociVersion }))).toThrow(
      `is of the version ${ociVersion}: 1.0.0 to 1.x are known`,
    );
  for (const ociVersion of ["1.0.0", "1.2.1", "1.0.2-dev"])
    expect(readBundle(bundle({ ociVersion })).ociVersion).toBe(ociVersion);
});

test("a container has the configuration it was made with, where there is a copy", () => {
  const [changed, copy] = [bundle({ hostname: "new" }), bundle({ hostname: "old" })];
  expect(configOf({ id: "c", bundle: changed, copy }).hostname).toBe("old");
  expect(configOf({ id: "c", bundle: changed }).hostname).toBe("new");
});
