/**
 * Registries: the client of the distribution protocol, for every registry that speaks OCI's or Docker's version 2 of it.
 *
 * Owns: where a registry is spoken to (mirrors, insecure ones, certificates, proxies), who asks (basic credentials, bearer tokens,
 * refresh tokens), the protocol (manifests, blobs, tags, uploads, mounts), trying again, and words for what fails; searching and
 * checking logins. Does not own: images and where they are kept, which manifest of an index is wanted, what clients are shown.
 *
 *     const registries = openRegistries(settings);
 *     await registries.pulling({ domain, path, credentials, signal }, async (repository) => repository.manifest("latest"));
 *
 * Invariants:
 * - A manifest that is asked for by its digest has that digest. A blob has the length of its descriptor; whoever stores it verifies
 *   its digest in the same pass.
 * - Answers that are held in memory are bounded; blobs are streamed with back-pressure.
 * - Credentials go to the registry they are for and to the token server it names; never along a redirect, never in the clear to a
 *   token server of a registry that was reached securely. Mirrors are told only what is meant for them.
 * - What may have failed by chance is tried again, with back-off, as often as the settings say.
 */

export type { Credentials } from "./credentials.ts";
export { type LoginResult, login } from "./login.ts";
export { type ProxySettings, proxiesOf } from "./proxies.ts";
export { openRegistries, type Registries } from "./registries.ts";
export type { FetchedManifest, Repository } from "./repository.ts";
export { searchImages } from "./search.ts";
export { REGISTRY_DEFAULTS, type RegistryOptions, type RegistrySettings } from "./settings.ts";
