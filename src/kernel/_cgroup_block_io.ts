/**
 * Limits on block I/O as control files: pure.
 *
 * Source: Documentation/admin-guide/cgroup-v1/blkio-controller.rst, cgroup-v2.rst ("IO Interface Files"), block/bfq-iosched.rst.
 */

import type { BlockIo, ThrottledDevice } from "../spec/oci_runtime.ts";
import type { ControlWrite } from "./_cgroup_write.ts";

/** The lists of a configuration by the name that each version gives them. */
const RATES = [
  ["throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps", "limit reading"],
  ["throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps", "limit writing"],
  ["throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops", "limit reads"],
  ["throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops", "limit writes"],
] as const satisfies readonly (readonly [keyof BlockIo, string, string, string])[];

/** Version 1; its weights were CFQ's and are BFQ's now, from 1 to 1000 in both. */
export function legacyBlockIo(blockIo: BlockIo): ControlWrite[] {
  const weight = (suffix: string, value: string, what: string): ControlWrite => ({
    file: `blkio.bfq.weight${suffix}`,
    value,
    what,
    otherwise: { file: `blkio.weight${suffix}`, value, what },
  });
  return [
    ...(blockIo.weight ? [weight("", String(blockIo.weight), "weigh block I/O")] : []),
    ...weightsOf(blockIo).map((value) => weight("_device", value, "weigh block I/O of a device")),
    ...RATES.flatMap(([key, file, , what]) =>
      (blockIo[key] ?? []).map((one) => ({ file, value: `${numbers(one)} ${one.rate}`, what })),
    ),
  ];
}

/** Version 2: BFQ where it is there, else io.weight, which knows no weights of single devices but iocost's. */
export function unifiedBlockIo(blockIo: BlockIo): ControlWrite[] {
  const { weight } = blockIo;
  const what = "weigh block I/O";
  const whole: ControlWrite | undefined = weight
    ? {
        file: "io.bfq.weight",
        value: String(weight),
        what,
        otherwise: { file: "io.weight", value: String(ioWeight(weight)), what },
      }
    : undefined;
  return [
    ...(whole ? [whole] : []),
    ...weightsOf(blockIo).map((value) => ({ file: "io.bfq.weight", value, what: `${what} of a device` })),
    ...RATES.flatMap(([key, , name, act]) =>
      (blockIo[key] ?? []).map((one) => ({
        file: "io.max",
        value: `${numbers(one)} ${name}=${one.rate > 0 ? one.rate : "max"}`,
        what: act,
      })),
    ),
  ];
}

function weightsOf({ weightDevice = [] }: BlockIo): string[] {
  return weightDevice.map((one) => `${numbers(one)} ${one.weight}`);
}

function numbers({ major, minor }: Pick<ThrottledDevice, "major" | "minor">): string {
  return `${major}:${minor}`;
}

/** A weight from 10 to 1000 on the scale of io.weight, 1 to 10000: the straight line of the OCI runtimes. */
function ioWeight(weight: number): number {
  return 1 + Math.trunc(((weight - 10) * 9999) / 990);
}
