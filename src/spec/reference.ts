/**
 * References: the names of images.
 *
 * `alpine` is short for `docker.io/library/alpine:latest`. Inside the engine a reference is always whole; a person sees the
 * familiar form again. Source: the grammar of distribution/reference and the rules of the docker command.
 */

import { FathomError } from "../std/errors.ts";
import { isDigest } from "./digest.ts";
import type { Digest } from "./oci_image.ts";

export interface Reference {
  /** Registry host, with port where given: `docker.io`, `localhost:5000`. */
  domain: string;
  /** Path in the registry: `library/alpine`. */
  path: string;
  tag?: string;
  digest?: Digest;
}

const DEFAULT_DOMAIN = "docker.io";
const LEGACY_DEFAULT_DOMAIN = "index.docker.io";
const OFFICIAL = "library/";
const DEFAULT_TAG = "latest";
const LONGEST_NAME = 255;

const DOMAIN_LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const DOMAIN = new RegExp(`^(?:${DOMAIN_LABEL}(?:\\.${DOMAIN_LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const PATH = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^\w[\w.-]{0,127}$/;
const ID = /^[0-9a-f]{64}$/;

/**
 * Reads a reference as a person writes it; neither tag nor digest is made up.
 * @throws {FathomError} invalid, in Docker's wording.
 */
export function parseReference(text: string): Reference {
  if (ID.test(text)) {
    throw new FathomError(
      "invalid",
      `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`,
    );
  }
  const { name, tag, digest } = splitSuffixes(text);
  const { domain, path } = splitDomain(name);
  if (domain.length + 1 + path.length > LONGEST_NAME) {
    throw new FathomError("invalid", `repository name must not be more than ${LONGEST_NAME} characters`);
  }
  if (path !== path.toLowerCase()) throw malformed("repository name must be lowercase");
  if (!DOMAIN.test(domain) || !PATH.test(path)) throw malformed();
  if (tag !== undefined && !TAG.test(tag)) throw malformed();
  if (digest !== undefined && !isDigest(digest)) throw malformed();
  return { domain, path, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** The same with `latest` where it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  return { ...reference, tag: DEFAULT_TAG };
}

/** `docker.io/library/alpine`, which tells repositories apart. */
export function repositoryOf(reference: Reference): string {
  return `${reference.domain}/${reference.path}`;
}

/** The whole of it: `docker.io/library/alpine:latest`. */
export function canonicalText(reference: Reference): string {
  return repositoryOf(reference) + suffixOf(reference);
}

/** `alpine` for `docker.io/library/alpine`. */
export function familiarName({ domain, path }: Reference): string {
  if (domain !== DEFAULT_DOMAIN) return `${domain}/${path}`;
  const official = path.startsWith(OFFICIAL) && !path.slice(OFFICIAL.length).includes("/");
  return official ? path.slice(OFFICIAL.length) : path;
}

/** As a person writes it: `alpine:latest`. */
export function familiarText(reference: Reference): string {
  return familiarName(reference) + suffixOf(reference);
}

function suffixOf({ tag, digest }: Reference): string {
  return (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);
}

function splitSuffixes(text: string): { name: string; tag?: string; digest?: string } {
  const at = text.indexOf("@");
  const named = at < 0 ? text : text.slice(0, at);
  const digest = at < 0 ? undefined : text.slice(at + 1);
  // A colon before the last slash belongs to a port.
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  const name = colon < 0 ? named : named.slice(0, colon);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  return { name, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** The first component is a host only if it could not be a repository's name: it has a dot, a port, a capital, or is localhost. */
function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  const domain = slash >= 0 && isHost ? first : DEFAULT_DOMAIN;
  const path = slash >= 0 && isHost ? name.slice(slash + 1) : name;
  if (domain !== DEFAULT_DOMAIN && domain !== LEGACY_DEFAULT_DOMAIN) return { domain, path };
  return { domain: DEFAULT_DOMAIN, path: path.includes("/") ? path : OFFICIAL + path };
}

function malformed(why?: string): FathomError {
  return new FathomError("invalid", `invalid reference format${why === undefined ? "" : `: ${why}`}`);
}
