import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nearNames } from "./near_names.ts";

let root = "";
beforeAll(() => {
  root = mkdtempSync("/tmp/fathom-test-near-");
  for (const directory of ["bin", "usr/bin"]) mkdirSync(join(root, directory), { recursive: true });
  for (const name of ["bin/bash", "bin/ls", "usr/bin/python3", "usr/bin/node"])
    writeFileSync(join(root, name), "");
  symlinkSync("/usr/bin", join(root, "link"));
});
afterAll(() => rmSync(root, { recursive: true }));

test.each([
  ["bahs", ["bash"]],
  ["python", ["python3"]],
  ["nod", ["node"]],
  ["ls", []],
  ["quite-another", []],
])("near to %s: %p", (wanted, found) => {
  expect(nearNames(root, wanted, ["/bin", "/usr/bin", "/nowhere"])).toEqual(found);
});

test("a link in the image leads to the image's own directory", () => {
  expect(nearNames(root, "nodes", ["/link"])).toEqual(["node"]);
});
