/** What inspect.test.ts asks of both engines, and what they are known to say otherwise. */

/** A request, and whether the container can be started on every host that runs the tests. */
interface Kind {
  request: Record<string, unknown>;
  start?: boolean;
}

const Cmd = ["sleep", "1000"];

export const CONTAINERS: Readonly<Record<string, Kind>> = {
  plain: { request: { Cmd } },
  tty: {
    request: { Cmd, Tty: true, OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true },
  },
  empty: {
    // As the docker command sends them: what was not asked for is empty, and not absent.
    request: {
      Cmd,
      Env: [],
      Labels: {},
      Volumes: {},
      ExposedPorts: {},
      Entrypoint: [],
      OnBuild: null,
      HostConfig: {
        Binds: [],
        ...{ CapAdd: [], CapDrop: [], Dns: [], DnsOptions: [], DnsSearch: [], ExtraHosts: [], GroupAdd: [] },
        ...{
          Links: [],
          SecurityOpt: [],
          VolumesFrom: [],
          Devices: [],
          DeviceCgroupRules: [],
          DeviceRequests: [],
        },
        ...{ Ulimits: [], BlkioWeightDevice: [], BlkioDeviceReadBps: [], BlkioDeviceWriteBps: [] },
        ...{ PortBindings: {}, MaskedPaths: [], ReadonlyPaths: [], Mounts: [], Tmpfs: {}, Sysctls: {} },
        RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
        ...{ MemorySwappiness: -1, OomKillDisable: false, PidsLimit: 0, NetworkMode: "bridge" },
        LogConfig: { Type: "", Config: {} },
      },
    },
  },
  configured: {
    request: {
      Entrypoint: ["/bin/sh", "-c"],
      Cmd: ["sleep 1000"],
      Env: ["A=b", "EMPTY="],
      Labels: { a: "b", c: "" },
      WorkingDir: "/tmp/../var/",
      User: "app:extra",
      Hostname: "box",
      Domainname: "example.org",
      StopSignal: "SIGINT",
      StopTimeout: 7,
      ExposedPorts: { "80/tcp": {}, "53/udp": {} },
      Shell: ["/bin/ash"],
    },
  },
  resources: {
    request: {
      Cmd,
      HostConfig: {
        ...{ Memory: 64 << 20, MemoryReservation: 32 << 20, MemorySwappiness: 10, OomScoreAdj: 100 },
        ...{ CpuShares: 512, CpuPeriod: 50_000, CpuQuota: 25_000, CpusetCpus: "0", CpusetMems: "0" },
        ...{ PidsLimit: 100, OomKillDisable: true, BlkioWeight: 0 },
        Ulimits: [{ Name: "nofile", Soft: 100, Hard: 200 }],
        BlkioDeviceReadBps: [],
      },
    },
  },
  cpus: { request: { Cmd, HostConfig: { NanoCpus: 1_500_000_000, ShmSize: 1 << 20, PidsLimit: -1 } } },
  mounts: {
    request: {
      Cmd,
      Volumes: { "/anonymous": {} },
      HostConfig: {
        Binds: ["/etc:/host:ro", "named:/named", "other:/other:nocopy"],
        Mounts: [
          {
            Type: "bind",
            Source: "/usr",
            Target: "/again",
            ReadOnly: true,
            BindOptions: { Propagation: "private" },
          },
          { Type: "volume", Source: "third", Target: "/third", VolumeOptions: { Labels: { x: "y" } } },
          { Type: "volume", Target: "/nameless" },
          { Type: "tmpfs", Target: "/scratch", TmpfsOptions: { SizeBytes: 65_536, Mode: 0o700 } },
        ],
        Tmpfs: { "/plain": "size=64k" },
      },
    },
  },
  // Whether a place of the host is shared is the host's affair.
  propagated: { request: { Cmd, HostConfig: { Binds: ["/tmp:/shared:rslave"] } }, start: false },
  lender: { request: { Cmd, Volumes: { "/lent": {} }, HostConfig: { Binds: ["named:/named"] } } },
  borrower: { request: { Cmd, HostConfig: { VolumesFrom: ["lender:ro"] } } },
  always: { request: { Cmd, HostConfig: { RestartPolicy: { Name: "always" } } } },
  onFailure: {
    request: { Cmd, HostConfig: { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 } } },
  },
  health: {
    request: {
      Cmd,
      Healthcheck: {
        Test: ["CMD", "echo", "fine"],
        Interval: 100_000_000,
        Retries: 2,
      },
    },
  },
  noHealth: { request: { Cmd, Healthcheck: { Test: ["NONE"] } } },
  host: { request: { Cmd, HostConfig: { NetworkMode: "host" } } },
  none: { request: { Cmd, HostConfig: { NetworkMode: "none" } } },
  disabled: { request: { Cmd, NetworkDisabled: true } },
  joined: { request: { Cmd, HostConfig: { NetworkMode: "container:noHealth" } }, start: false },
  linked: { request: { Cmd, HostConfig: { Links: ["noHealth:peer"] } }, start: false },
  addressed: {
    request: {
      Cmd,
      MacAddress: "02:42:ac:11:00:99",
      HostConfig: {
        ExtraHosts: ["a:1.2.3.4"],
        Dns: ["1.1.1.1"],
        DnsSearch: ["x.y"],
        DnsOptions: ["ndots:1"],
      },
    },
  },
  // This host's root may lack what Docker gives a privileged container.
  privileged: { request: { Cmd, HostConfig: { Privileged: true } }, start: false },
  secured: {
    request: {
      Cmd,
      HostConfig: {
        CapAdd: ["net_admin", "CAP_SYS_TIME"],
        CapDrop: ["MKNOD", "chown"],
        SecurityOpt: ["no-new-privileges", "seccomp=unconfined"],
        GroupAdd: ["20", "extra"],
        ReadonlyRootfs: true,
        Init: true,
        Sysctls: { "net.ipv4.ip_forward": "0" },
        ...{
          IpcMode: "shareable",
          PidMode: "host",
          UTSMode: "host",
          UsernsMode: "host",
          CgroupnsMode: "private",
        },
        Devices: [{ PathOnHost: "/dev/null", PathInContainer: "/dev/nul", CgroupPermissions: "rw" }],
        DeviceCgroupRules: ["c 1:3 rwm"],
      },
    },
    start: false,
  },
  logged: {
    request: {
      Cmd,
      HostConfig: { LogConfig: { Type: "json-file", Config: { "max-size": "1m", "max-file": "3" } } },
    },
  },
  unlogged: { request: { Cmd, HostConfig: { LogConfig: { Type: "none", Config: {} } } } },
};

/** A difference, Docker's value before the bar and ours behind it, as a regular expression; and why it is right. */
export const KNOWN: Readonly<Record<string, string>> = {
  "GraphDriver\\.Data\\.(?:LowerDir|MergedDir|UpperDir|WorkDir): .*": "where layers lie is our own",
  'HostConfig\\.MaskedPaths: .*powercap"\\]': "newer engines mask more",
  'HostConfig\\.Runtime: (?:"runc"|absent) \\| "native"': "the default is our own",
  'HostConfig\\.RestartPolicy\\.Name: "" \\| "no"': "so since Docker 25",
  '(?:\\[0\\]\\.)?HostConfig\\.NetworkMode: "default" \\| "bridge"': "so since Docker 26",
  'NetworkSettings\\.Sandbox(?:ID|Key): "(?:SOME ID|ROOT.*)" \\| ""':
    "of a namespace that is gone, or is the host's, nothing is told",
  '(?:\\[0\\]\\.)?NetworkSettings\\.Networks\\.bridge\\.MacAddress: "" \\| "MAC"':
    "what was asked for stands there since Docker 25",
  'Config\\.Hostname: "SHORT ID of joined" \\| "SHORT ID of noHealth"': "Docker finds out at its start",
  '(?:ResolvConf|Hostname|Hosts)Path: "" \\| "ROOT/.* of disabled/.*"':
    "without a network it has these files all the same",
  'Metadata\\.LastTagTime: "0001-01-01T00:00:00Z" \\| "TIME"':
    "what is loaded is named then, which Docker does not note",
  'DockerVersion: .* \\| ""': "no builder of Docker has made it",
  'Warnings: "null" \\| "array"': "a list, which may be empty",
  "\\[0\\]\\.RepoDigests: null \\| \\[\\]": "so since Docker 24",
  '\\[0\\]\\.Mounts\\[\\d\\]\\.Source: "" \\| "ROOT.*"': "Docker writes the row before it has the volume",
  "IPAM\\.Config: \\[\\] \\| null": "so since Docker 26",
  "Options\\.com\\.docker\\.network\\.driver\\.mtu: .*": "ours is that of the host's way out",
  "Options\\.com\\.docker\\.network\\.bridge\\.name: .*":
    "a bridge of our own, so that both can run on one host",
  "IPAM\\.Config\\[0\\]\\.Gateway: absent \\| .*": "Docker knows it from its second start on",
};
