/** What tags and attributes of a log may tell of its container. */

export interface LogSubject {
  id: string;
  /** Without a slash before it. */
  name: string;
  /** `sha256:…`. */
  imageId: string;
  /** As it was asked for. */
  imageName: string;
  hostname: string;
  /** The program and its arguments. */
  path: string;
  args: readonly string[];
  /** RFC 3339. */
  created: string;
  env: readonly string[];
  labels: Readonly<Record<string, string>>;
}
