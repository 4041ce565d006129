/** Syslog messages, as Docker writes them in each of its formats. */

import type { OutputStream } from "./_pieces.ts";
import type { SyslogTarget } from "./target.ts";

/** RFC 5424, table 2. */
const SEVERITY = { stderr: 3, stdout: 6 } as const;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const encoder = new TextEncoder();
const NEWLINE = 10;

export interface MessageContext {
  target: Pick<SyslogTarget, "facility" | "format" | "tag" | "address">;
  hostname: string;
  pid: number;
}

/** One message: its header, the text, and the newline that ends it on a stream. */
export function syslogMessage(
  stream: OutputStream,
  text: Uint8Array,
  { context, at }: { context: MessageContext; at: Date },
): Uint8Array {
  const head = encoder.encode(headOf(stream, context, at));
  const { address, format } = context.target;
  // RFC 5425, section 4.3: over TLS the length comes before a message of RFC 5424.
  const counted = address.kind === "tls" && (format === "rfc5424" || format === "rfc5424micro");
  const count = counted ? encoder.encode(`${head.length + text.length + 1} `) : new Uint8Array(0);
  const message = new Uint8Array(count.length + head.length + text.length + 1);
  message.set(count);
  message.set(head, count.length);
  message.set(text, count.length + head.length);
  message[message.length - 1] = NEWLINE;
  return message;
}

function headOf(stream: OutputStream, { target, hostname, pid }: MessageContext, at: Date): string {
  const { facility, format, tag } = target;
  const priority = `<${facility * 8 + SEVERITY[stream]}>`;
  switch (format) {
    case "unix":
      return `${priority}${stamp(at)} ${tag}[${pid}]: `;
    case "rfc3164":
      return `${priority}${stamp(at)} ${hostname} ${tag}[${pid}]: `;
    case "rfc5424":
      return `${priority}1 ${zoned(at, "")} ${hostname} ${tag} ${pid} ${tag} - `;
    case "rfc5424micro":
      return `${priority}1 ${zoned(at, `.${digits(at.getMilliseconds(), 3)}000`)} ${hostname} ${tag} ${pid} ${tag} - `;
  }
}

/** `Jan  2 15:04:05`, RFC 3164, section 4.1.2: in local time. */
function stamp(at: Date): string {
  const day = String(at.getDate()).padStart(2, " ");
  return `${MONTHS[at.getMonth()]} ${day} ${clock(at)}`;
}

/** RFC 3339 in local time with its offset. */
function zoned(at: Date, fraction: string): string {
  const date = `${digits(at.getFullYear(), 4)}-${digits(at.getMonth() + 1, 2)}-${digits(at.getDate(), 2)}`;
  const offset = -at.getTimezoneOffset();
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
  const zone = offset === 0 ? "Z" : `${offset < 0 ? "-" : "+"}${digits(hours, 2)}:${digits(minutes, 2)}`;
  return `${date}T${clock(at)}${fraction}${zone}`;
}

function clock(at: Date): string {
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => digits(part, 2)).join(":");
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
