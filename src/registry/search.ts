/** Searches a registry that has a search, which is Docker Hub and few others: GET /v1/search. */

import type { ImageSearchResult } from "../spec/docker_registry.ts";
import { readBounded } from "./_body.ts";
import { DOCKER_HUB } from "./_endpoints.ts";
import { failedFor, foundOf } from "./_found.ts";
import type { Credentials } from "./credentials.ts";
import type { Registries } from "./registries.ts";

const MOST_BYTES = 4 * 1024 * 1024;
const SEARCH_HOST = "index.docker.io";

/** @param term what to look for; `localhost:5000/word` asks that registry. `limit`: 1 to 100 */
export async function searchImages(
  registries: Registries,
  { term, limit }: { term: string; limit: number },
  { credentials, signal }: { credentials: Credentials; signal: AbortSignal },
): Promise<ImageSearchResult[]> {
  const { domain, words } = splitTerm(term);
  const session = await registries.session({ domain, credentials, signal });
  const query = new URLSearchParams({ q: words, n: String(limit) });
  const path = `/v1/search?${query}`;
  // Docker Hub's index stands at another host than its registry.
  const reply = await session.send({
    method: "GET",
    path: domain === DOCKER_HUB ? new URL(`https://${SEARCH_HOST}${path}`) : path,
  });
  const what = `the answer to a search at ${domain}`;
  const found = foundOf((await readBounded(reply, { most: MOST_BYTES, what })).toString());
  if (!Array.isArray(found?.results)) throw failedFor(what);
  return found.results.slice(0, limit).map(resultOf);
}

function splitTerm(term: string): { domain: string; words: string } {
  const slash = term.indexOf("/");
  const first = term.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(first) || first === "localhost";
  if (!isHost || first === DOCKER_HUB || first === SEARCH_HOST) {
    const words = isHost ? term.slice(slash + 1) : term;
    return { domain: DOCKER_HUB, words: words.replace(/^library\//, "") };
  }
  return { domain: first, words: term.slice(slash + 1) };
}

function resultOf(value: unknown): ImageSearchResult {
  const { description, is_official, name, star_count } = Object(value) as Record<string, unknown>;
  return {
    description: typeof description === "string" ? description : "",
    is_official: is_official === true,
    // Docker Hub gave automated builds up; Docker always says so.
    is_automated: false,
    name: typeof name === "string" ? name : "",
    star_count: typeof star_count === "number" ? star_count : 0,
  };
}
