/** What package managers and other programs keep for a next time that does not come in an image: by path, with what to do about it. */

interface PackageCache {
  what: string;
  /** Of a path without a slash before it. */
  pattern: RegExp;
  mend: string;
}

const HOME = "(?:root|home/[^/]+)";

/** The first that matches counts. */
const PACKAGE_CACHES: readonly PackageCache[] = [
  {
    what: "apt package lists",
    pattern: /^var\/lib\/apt\/lists\/./,
    mend: "end the RUN that calls apt-get update with && rm -rf /var/lib/apt/lists/*",
  },
  {
    what: "apt archives",
    pattern: /^var\/cache\/apt\/./,
    mend: "end the RUN that installs with && apt-get clean, or mount a cache: RUN --mount=type=cache,target=/var/cache/apt",
  },
  {
    what: "apk cache",
    pattern: /^(?:var\/cache\/apk|etc\/apk\/cache)\/./,
    mend: "install with apk add --no-cache",
  },
  {
    what: "dnf and yum caches",
    pattern: /^var\/cache\/(?:dnf|yum|libdnf5)\/./,
    mend: "end the RUN that installs with && dnf clean all (or yum clean all)",
  },
  {
    what: "pacman cache",
    pattern: /^var\/cache\/pacman\/./,
    mend: "end the RUN that installs with && pacman -Scc --noconfirm",
  },
  {
    what: "pip cache",
    pattern: new RegExp(`^${HOME}/\\.cache/pip/.`),
    mend: "install with pip install --no-cache-dir",
  },
  {
    what: "npm cache",
    pattern: new RegExp(`^${HOME}/\\.npm/_(?:cacache|logs|npx)/.`),
    mend: "end the RUN that installs with && npm cache clean --force",
  },
  {
    what: "yarn cache",
    pattern: new RegExp(
      `^(?:${HOME}/\\.cache/yarn|usr/local/share/\\.cache/yarn|${HOME}/\\.yarn/berry/cache)/.`,
    ),
    mend: "end the RUN that installs with && yarn cache clean",
  },
  {
    what: "go caches",
    pattern: new RegExp(`^(?:${HOME}/\\.cache/go-build|(?:${HOME}/)?go/pkg/mod)/.`),
    mend: "build in a stage of its own and copy the program: COPY --from=build; or RUN --mount=type=cache,target=/root/.cache/go-build",
  },
  {
    what: "cargo caches",
    pattern: new RegExp(`^(?:${HOME}/\\.cargo|usr/local/cargo)/(?:registry|git)/.`),
    mend: "build in a stage of its own and copy the program: COPY --from=build; or RUN --mount=type=cache,target=/usr/local/cargo/registry",
  },
  {
    what: "Python byte code",
    pattern: /(?:^|\/)__pycache__\/./,
    mend: "set PYTHONDONTWRITEBYTECODE=1 for what installs, or install with pip install --no-compile",
  },
  { what: "logs", pattern: /^var\/log\/./, mend: "end the RUN that writes them with && rm -rf /var/log/*" },
  {
    what: "temporary files",
    pattern: /^(?:var\/)?tmp\/./,
    mend: "remove them in the RUN that makes them, or mount: RUN --mount=type=tmpfs,target=/tmp",
  },
];

export function packageCacheOf(path: string): PackageCache | undefined {
  return PACKAGE_CACHES.find(({ pattern }) => pattern.test(path));
}
