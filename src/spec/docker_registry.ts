/** The Docker Engine API's shapes for registries: who asks, and what is found. See docker.ts. */

/** Who asks: X-Registry-Auth, `POST /auth`, and an entry of a client's config.json. All empty: nobody in particular. */
export interface AuthConfig {
  username?: string;
  password?: string;
  /** `user:password` in base64, where those stand for themselves nowhere. */
  auth?: string;
  serveraddress?: string;
  /** A refresh token for the registry's token server. */
  identitytoken?: string;
  /** A token to be shown as it is. */
  registrytoken?: string;
}

/** `GET /distribution/{name}/json`. */
export interface DistributionInspect {
  Descriptor: { mediaType: string; digest: string; size: number };
  Platforms: { architecture: string; os: string; variant?: string }[];
}

/** Fathom's own: a manifest as the registry has it, and for an index those that it names. */
export interface RegistryManifest {
  Ref: string;
  Descriptor: {
    mediaType: string;
    digest: string;
    size: number;
    platform?: { architecture: string; os: string; variant?: string };
  };
  /** The document's text, byte for byte. */
  Raw: string;
  /** Of an index: its images' own, in its order. */
  Manifests?: RegistryManifest[];
}

/** Fathom's own: a list of manifests for a registry, with the manifests of images that other repositories of it have. */
export interface ManifestPush {
  MediaType: string;
  /** The document's text, byte for byte. */
  Raw: string;
  Images: { Ref: string; MediaType: string; Raw: string }[];
}

/** One of `GET /images/search`. */
export interface ImageSearchResult {
  description: string;
  is_official: boolean;
  is_automated: boolean;
  name: string;
  star_count: number;
}
