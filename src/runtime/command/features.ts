/** What this runtime can do: runtime-spec features.md. */

export const OCI_VERSION = "1.2.0";

export const FEATURES = {
  ociVersionMin: "1.0.0",
  ociVersionMax: OCI_VERSION,
  hooks: ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
  linux: {
    namespaces: ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"],
    cgroup: { v1: true, v2: true, systemd: false, systemdUser: false },
    seccomp: { enabled: true },
    mountExtensions: { idmap: { enabled: true } },
  },
};
