/**
 * Patterns for names: `*` and `?` for anything but a slash, `[a-z]` and `[^a-z]` for one of a set, a backslash before what is
 * to be taken as it stands. The meaning is that of Go's path.Match, which Docker uses.
 */

/** Whether the whole of `text` matches. A set without its end matches nothing. Takes at most text × pattern steps. */
export function matchesGlob(text: string, pattern: string): boolean {
  const parts = tokens(pattern);
  if (parts === undefined) return false;
  let at = 0;
  let part = 0;
  // Where the last star stood, and how much it has swallowed so far: only the last one can have been too modest.
  let star = -1;
  let swallowed = 0;
  while (at < text.length) {
    const token = parts[part];
    if (token === STAR) {
      star = part;
      swallowed = at;
      part += 1;
    } else if (token?.(text.charAt(at)) === true) {
      at += 1;
      part += 1;
    } else if (star >= 0 && text.charAt(swallowed) !== "/") {
      swallowed += 1;
      at = swallowed;
      part = star + 1;
    } else return false;
  }
  return parts.slice(part).every((token) => token === STAR);
}

type Token = (char: string) => boolean;

const STAR: Token = () => false;
const ANY: Token = (char) => char !== "/";

function tokens(pattern: string): Token[] | undefined {
  const found: Token[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern.charAt(at);
    if (char === "*") found.push(STAR);
    else if (char === "?") found.push(ANY);
    else if (char === "[") {
      const end = pattern.indexOf("]", at + 2);
      if (end < 0) return undefined;
      found.push(setOf(pattern.slice(at + 1, end)));
      at = end;
    } else {
      if (char === "\\") at += 1;
      const literal = pattern.charAt(at);
      found.push((one) => one === literal);
    }
  }
  return found;
}

function setOf(body: string): Token {
  const negated = body.startsWith("^");
  const ranges = [...body.slice(negated ? 1 : 0).matchAll(/(.)(?:-(.))?/gs)];
  return (char) => ranges.some(([, low = "", high = low]) => char >= low && char <= high) !== negated;
}
