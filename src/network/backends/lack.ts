/** How a kernel says that it has no nftables, or not as much of it as the engine's rules need. */

/**
 * The socket is refused (socket(2)), the part of netlink is not there (nfnetlink: EINVAL for a question, EOPNOTSUPP for a
 * transaction), or an expression or a kind of map is not (ENOENT, EOPNOTSUPP).
 */
const CODES: readonly unknown[] = ["EPROTONOSUPPORT", "EAFNOSUPPORT", "EOPNOTSUPP", "ENOENT", "EINVAL"];

export function lacksNftables(error: unknown): boolean {
  return error instanceof Error && "code" in error && CODES.includes(error.code);
}
