/** One line of an answer that tells how long work goes on: pull, push, load, import. */
export interface ProgressMessage {
  /** What the line is about: the short ID of a layer. */
  id?: string;
  status?: string;
  /** Present, if need be empty, for whatever has a line of its own that changes. */
  progressDetail?: { current?: number; total?: number };
  /** The bar as text, for clients that draw none. */
  progress?: string;
  /** Text to be shown as it is. */
  stream?: string;
  /** What a program wants to know of a push. */
  aux?: { Tag: string; Digest: string; Size: number };
  /** What went wrong; it is the last line then. */
  error?: string;
  errorDetail?: { message: string };
}
