/** The options of the syslog driver. */

import { stat } from "node:fs/promises";
import { isIP } from "node:net";
import { isAbsent } from "../std/absent.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import type { Options } from "./_option_values.ts";
import type { SyslogAddress, SyslogFormat, TlsFiles } from "./target.ts";

/** RFC 5424, table 1, by the names of syslog.conf(5). */
const FACILITIES = [
  ...["kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"],
  ...["", "", "", "", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"],
];
const FORMATS: Readonly<Record<string, SyslogFormat>> = {
  "": "unix",
  rfc3164: "rfc3164",
  rfc5424: "rfc5424",
  rfc5424micro: "rfc5424micro",
};
const DAEMON = 3;
const DEFAULT_PORT = 514;

/** What Docker checks when a container is made. @throws {FathomError} invalid */
export async function checkSyslogOptions(options: Options): Promise<void> {
  const address = addressOf(options);
  if (address.kind === "unix" || address.kind === "unixgram") {
    await stat(address.path).catch((cause) => {
      const reason = isAbsent(cause) ? "no such file or directory" : messageOf(cause);
      throw new FathomError("invalid", `stat ${address.path}: ${reason}`, { cause });
    });
  }
  facilityOf(options);
  formatOf(options);
}

/** @throws {FathomError} invalid */
export function facilityOf({ "syslog-facility": text = "" }: Options): number {
  if (text === "") return DAEMON;
  const named = FACILITIES.indexOf(text);
  if (named >= 0) return named;
  if (/^\d{1,2}$/.test(text) && Number(text) < FACILITIES.length) return Number(text);
  throw new FathomError("invalid", "invalid syslog facility");
}

/** @throws {FathomError} invalid */
export function formatOf({ "syslog-format": text = "" }: Options): SyslogFormat {
  const format = Object.hasOwn(FORMATS, text) ? FORMATS[text] : undefined;
  if (format === undefined) throw new FathomError("invalid", "Invalid syslog format");
  return format;
}

/** Reads `syslog-address` and, for TLS, where its keys are. @throws {FathomError} invalid */
export function addressOf(options: Options): SyslogAddress {
  const text = options["syslog-address"] ?? "";
  if (text === "") return { kind: "local" };
  const [, scheme, rest = ""] = /^(udp|tcp|tcp\+tls|unix|unixgram):\/\/(.*)$/s.exec(text) ?? [];
  switch (scheme) {
    case "unix":
    case "unixgram":
      return { kind: scheme, path: rest };
    case "udp":
    case "tcp":
      return { kind: scheme, ...endpointOf(rest, text) };
    case "tcp+tls":
      return { kind: "tls", ...endpointOf(rest, text), tls: tlsFiles(options) };
    default:
      throw new FathomError("invalid", `syslog-address should be in form proto://address, got ${text}`);
  }
}

function endpointOf(rest: string, whole: string): { host: string; port: number } {
  const [, inBrackets, name, port = String(DEFAULT_PORT)] =
    /^(?:\[([^\]]*)\]|([^:/]*))(?::(\d{1,5}))?\/?$/.exec(rest) ?? [];
  const host = inBrackets ?? name;
  if (host === undefined || Number(port) > 65_535 || (inBrackets !== undefined && isIP(inBrackets) !== 6))
    throw new FathomError(
      "invalid",
      `invalid syslog-address: ${whole} is no host and port; write it as tcp://HOST:PORT`,
    );
  return { host: host || "localhost", port: Number(port) };
}

function tlsFiles(options: Options): TlsFiles {
  const { "syslog-tls-ca-cert": ca, "syslog-tls-cert": cert, "syslog-tls-key": key } = options;
  // As Docker has it: any text at all.
  const skipVerify = (options["syslog-tls-skip-verify"] ?? "") !== "";
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }), skipVerify };
}
