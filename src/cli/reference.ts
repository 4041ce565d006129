/** Names of images, as far as the API wants them in parts; what they mean is the daemon's business. */

export interface NameAndTag {
  name: string;
  /** Empty when there is none. */
  tag: string;
}

/** Splits `localhost:5000/a:1` before its tag; a digest stays with the name. */
export function splitTag(text: string): NameAndTag {
  const [, name = text, tag = ""] = /^([^@]*):([^/:@]*)$/.exec(text) ?? [];
  return { name, tag };
}
