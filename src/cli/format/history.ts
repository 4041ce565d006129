/** Steps of an image's history as rows of `history`. */

import type { HistoryRow } from "../../spec/docker_image.ts";
import type { Struct } from "../../std/go_template/mod.ts";
import { formatDecimalSize, formatSpan } from "../../std/units.ts";
import { ellipsis, shortId } from "./text.ts";

export const HISTORY_HEADINGS: Struct = {
  Comment: "COMMENT",
  CreatedAt: "CREATED AT",
  CreatedBy: "CREATED BY",
  CreatedSince: "CREATED",
  ID: "IMAGE",
  Size: "SIZE",
};

/** Characters of what made a step that a table has room for. */
const MOST_CREATED_BY = 45;

export function historyRow(row: HistoryRow, { whole, human }: { whole: boolean; human: boolean }): Struct {
  const createdBy = row.CreatedBy.replaceAll("\t", " ");
  const createdAt = rfc3339Local(row.Created);
  return {
    Comment: row.Comment,
    CreatedAt: createdAt,
    CreatedBy: whole ? createdBy : ellipsis(createdBy, MOST_CREATED_BY),
    CreatedSince: human ? `${formatSpan(Date.now() / 1000 - row.Created)} ago` : createdAt,
    ID: whole ? row.Id : shortId(row.Id),
    Size: human ? formatDecimalSize(row.Size, 3) : String(row.Size),
  };
}

/** RFC 3339 in the local zone, with `Z` for UTC, as Go prints it. */
function rfc3339Local(seconds: number): string {
  const date = new Date(seconds * 1000);
  const offset = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19);
  if (offset === 0) return `${local}Z`;
  const two = (value: number) => String(Math.trunc(value)).padStart(2, "0");
  const size = Math.abs(offset);
  return `${local}${offset < 0 ? "-" : "+"}${two(size / 60)}:${two(size % 60)}`;
}
