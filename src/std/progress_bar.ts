/** The bar of a transfer, as the docker command draws it: `[==>   ]  1.2MB/3.4MB`. */

import { formatDecimalSize } from "./units.ts";

const CELLS = 50;
/** Columns of a terminal below which there is no room for the bar itself. */
const ROOM = 110;

/** @param width columns of the terminal. "" where nothing is known yet */
export function progressBar(current: number, total: number, width = 200): string {
  if (current <= 0 && total <= 0) return "";
  if (total <= 0) return formatDecimalSize(current).padStart(8);
  const done = Math.min(CELLS, Math.floor(Math.floor((current / total) * 100) / 2));
  const bar = width > ROOM ? `[${"=".repeat(done)}>${" ".repeat(CELLS - done)}] ` : "";
  const numbers = formatDecimalSize(current).padStart(8);
  return `${bar}${numbers}${current > total ? "" : `/${formatDecimalSize(total)}`}`;
}
