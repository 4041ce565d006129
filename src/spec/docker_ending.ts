/** Why a container ended: Fathom's own addition to the API, part of `GET /containers/{id}/receipt`. */

export interface Ending {
  /** `program`: by itself; `signal`: by one; `lost`: nobody saw it; `not-started`: there was no run. */
  Cause: "program" | "signal" | "lost" | "not-started";
  ExitCode: number;
  OOMKilled: boolean;
  Signal?: number;
  /** Bytes; `hits` counts how often its own limit was reached. */
  Memory?: { peak: number; limit?: number; hits: number };
  /** The last signal that a request asked for. */
  Asked?: { Request: string; Signal: number; At: string };
  /** The last lines of its log, where it ended in other than success. */
  LastWords?: string[];
  /** The same, told to a person. */
  Sentences: string[];
}
