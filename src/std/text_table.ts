/** Columns of text under each other, as Go's text/tabwriter lays them out for Docker: at least MIN wide, PADDING between. */

const PADDING = 3;
const DOCKER_MIN_WIDTH = 10;

/**
 * Lays rows of tab-separated cells out. A column is as wide as its widest cell plus the padding, and at least `minWidth`; the last cell
 * of a row does not count and is not padded, and a row that lacks a column ends the column's block, as text/tabwriter has it.
 */
export function layOutTable(text: string, minWidth = DOCKER_MIN_WIDTH, padding = PADDING): string {
  const rows = text.split("\n").map((line) => line.split("\t"));
  return layOut(rows, { minWidth, padding }, []).join("\n");
}

interface Layout {
  minWidth: number;
  padding: number;
}

/** Lays out rows whose first columns have `widths` already: finds blocks of rows that have the next column too. */
function layOut(rows: string[][], layout: Layout, widths: readonly number[]): string[] {
  const column = widths.length;
  const lines: string[] = [];
  for (let at = 0; at < rows.length; ) {
    const block = blockLength(rows, at, column);
    if (block === 0) {
      lines.push(joinCells(rows[at] ?? [], widths));
      at++;
      continue;
    }
    const cells = rows.slice(at, at + block);
    const content = Math.max(...cells.map((row) => widthOf(row[column] ?? "")));
    const width =
      content === 0 && layout.minWidth === 0 ? 0 : Math.max(layout.minWidth, content + layout.padding);
    lines.push(...layOut(cells, layout, [...widths, width]));
    at += block;
  }
  return lines;
}

/** How many rows from `at` on have a cell in this column that a tab ends. */
function blockLength(rows: readonly string[][], at: number, column: number): number {
  let end = at;
  while (end < rows.length && (rows[end]?.length ?? 0) - 1 > column) end++;
  return end - at;
}

function joinCells(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, at) => (at === row.length - 1 ? cell : cell + " ".repeat(pad(cell, widths[at]))))
    .join("");
}

function pad(cell: string, width = 0): number {
  return Math.max(0, width - widthOf(cell));
}

/** Half of a character that has two elements in a string. */
const BEYOND_16_BITS = /[\ud800-\udfff]/;

/** Width in characters, which is what text/tabwriter counts. */
function widthOf(cell: string): number {
  return BEYOND_16_BITS.test(cell) ? [...cell].length : cell.length;
}
