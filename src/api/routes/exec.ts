/** Exec routes, and what they need of the engine behind them. */

import type { ExecCreateRequest, ExecInspect } from "../../spec/docker.ts";
import type { Attachment } from "./containers.ts";

export interface ExecBackend {
  create(containerId: string, request: ExecCreateRequest): Promise<{ Id: string }>;
  /** Starts it attached; the attachment is in place before the program runs. */
  start(id: string, options: { tty: boolean; consoleSize?: [number, number] }): Promise<Attachment>;
  startDetached(id: string): Promise<void>;
  resize(id: string, size: { height: number; width: number }): Promise<void>;
  inspect(id: string): Promise<ExecInspect>;
}
