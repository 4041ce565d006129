import { expect, test } from "bun:test";
import { chainIds, digestOf, isDigest, shortId } from "./digest.ts";

test("the digest of nothing is SHA-256's", () => {
  expect(digestOf("")).toBe("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});

test("only lower-case SHA-256 in full is a digest", () => {
  expect(isDigest(digestOf("x"))).toBe(true);
  expect(isDigest(digestOf("x").toUpperCase())).toBe(false);
  expect(isDigest("sha256:abc")).toBe(false);
  expect(isDigest(`sha512:${"a".repeat(128)}`)).toBe(false);
});

test("the first layer's chain ID is its diff ID, the next hashes both with a space between", () => {
  const [a, b] = [digestOf("a"), digestOf("b")];
  expect(chainIds([a, b])).toEqual([a, digestOf(`${a} ${b}`)]);
  expect(chainIds([])).toEqual([]);
});

test("a short ID has twelve digits", () => {
  expect(shortId(digestOf(""))).toBe("e3b0c44298fc");
  expect(shortId("0123456789abcdef")).toBe("0123456789ab");
});
