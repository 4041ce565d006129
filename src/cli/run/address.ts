/** Internet addresses, without node:net, whose loading takes longer than a command may. */

/** True for an IPv4 or IPv6 address in text. */
export function isIP(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}

function isIPv4(text: string): boolean {
  return /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.|$)){4}$/.test(text) && !text.endsWith(".");
}

function isIPv6(text: string): boolean {
  return text.includes(":") && !/[^\da-fA-F:.]/.test(text) && URL.canParse(`http://[${text}]/`);
}
