/** One line of an answer that tells how long work goes on: pull, push, load, import. */
export interface ProgressMessage {
  /** What the line is about: the short ID of a layer. */
  id?: string;
  status?: string;
  progressDetail?: { current?: number; total?: number };
  /** Text to be shown as it is. */
  stream?: string;
}
