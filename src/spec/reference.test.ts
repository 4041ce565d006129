import { describe, expect, test } from "bun:test";
import { canonicalText, familiarText, parseReference, repositoryOf, withDefaultTag } from "./reference.ts";

const DIGEST = `sha256:${"a".repeat(64)}` as const;
const whole = (text: string) => canonicalText(withDefaultTag(parseReference(text)));

describe("a reference", () => {
  test.each([
    ["alpine", "docker.io/library/alpine:latest"],
    ["alpine:3.20", "docker.io/library/alpine:3.20"],
    ["moby/buildkit", "docker.io/moby/buildkit:latest"],
    ["index.docker.io/alpine", "docker.io/library/alpine:latest"],
    ["docker.io/alpine", "docker.io/library/alpine:latest"],
    ["localhost/x", "localhost/x:latest"],
    ["localhost:5000/a/b:c", "localhost:5000/a/b:c"],
    ["Host/x", "Host/x:latest"],
    ["[fd00::1]:5000/x", "[fd00::1]:5000/x:latest"],
    ["quay.io/a/b__c-d.e", "quay.io/a/b__c-d.e:latest"],
    [`alpine@${DIGEST}`, `docker.io/library/alpine@${DIGEST}`],
    [`alpine:3@${DIGEST}`, `docker.io/library/alpine:3@${DIGEST}`],
  ])("%s is whole as %s", (short, expected) => {
    expect(whole(short)).toBe(expected);
  });

  test.each(["alpine:latest", "moby/buildkit:1", "quay.io/a/b:c", "localhost:5000/library/x:1"])(
    "%s is familiar as itself",
    (text) => {
      expect(familiarText(parseReference(whole(text)))).toBe(text);
    },
  );

  test("docker.io/library/a/b keeps its library, which is not the official one", () => {
    expect(familiarText(parseReference("docker.io/library/a/b"))).toBe("library/a/b");
  });

  test("tags do not belong to the repository", () => {
    expect(repositoryOf(parseReference("localhost:5000/x:1"))).toBe("localhost:5000/x");
  });

  test.each([
    "",
    ":",
    "a:",
    "a:b:c",
    "a//b",
    "/a",
    "a/",
    "-a",
    "a b",
    "a@sha256:12",
    "a:-x",
    `a:${"t".repeat(129)}`,
    "a_",
    "é",
    "h.x:y/z",
  ])("%p is malformed in Docker's words", (text) => {
    expect(() => parseReference(text)).toThrow(/^invalid reference format$/);
  });

  test("capitals in a repository are named as the fault", () => {
    expect(() => parseReference("Alpine")).toThrow(
      "invalid reference format: repository name must be lowercase",
    );
    expect(() => parseReference("quay.io/A")).toThrow("repository name must be lowercase");
  });

  test("an ID is not a name", () => {
    expect(() => parseReference("a".repeat(64))).toThrow("cannot specify 64-byte hexadecimal strings");
  });

  test("a name of more than 255 characters is refused", () => {
    expect(() => parseReference("a".repeat(250))).toThrow(
      "repository name must not be more than 255 characters",
    );
  });
});
