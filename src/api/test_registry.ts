/** For tests of the API: registries that remember what they were asked (test_backends.ts). */

import { FathomError } from "../std/errors.ts";
import type { Backends } from "./mod.ts";

type Called = (name: string, subject: string, ...more: unknown[]) => Promise<void>;

export function fakeRegistry(called: Called): Backends["registry"] {
  return {
    async *pull(request) {
      await called("registry.pull", request.image, request);
      yield { status: "Pulling from fake", id: "latest" };
      if (request.image === "breaks") throw new FathomError("unavailable", "it broke");
    },
    async *push(request) {
      await called("registry.push", request.image, request);
      yield { status: "pushed" };
    },
    async login(auth) {
      await called("registry.login", auth.username ?? "", auth);
      return { Status: "Login Succeeded", IdentityToken: "" };
    },
    async search(term, options) {
      await called("registry.search", term, options);
      return [];
    },
    async distribution(name, auth) {
      await called("registry.distribution", name, auth);
      return { Descriptor: { mediaType: "m", digest: "d", size: 1 }, Platforms: [] };
    },
    async manifest(name, auth) {
      await called("registry.manifest", name, auth);
      return { Ref: name, Descriptor: { mediaType: "m", digest: "d", size: 1 }, Raw: "{}" };
    },
    async putManifest(name, request) {
      await called("registry.putManifest", name, request);
      return { Digest: "d" };
    },
  };
}
