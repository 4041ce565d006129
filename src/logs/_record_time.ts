/** The time of a record, without decoding the rest of it. */

const decoder = new TextDecoder();
/** Where Fathom and Docker write it: at the end. */
const AT_END = /"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)Z"\}$/;
const ALONE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)Z$/;
/** As much of a line's end as holds it. */
const LONGEST = 48;

/**
 * `2013-08-25T10:52:22.257575646` of a line without its newline: without zone, so that times compare as text. Undefined when the
 * line is no record.
 */
export function recordTime(line: Uint8Array): string | undefined {
  const end = decoder.decode(line.subarray(-LONGEST));
  const time = AT_END.exec(end)?.[1];
  // Text that a program wrote has its quotes escaped, so what stands there is the record's own.
  return time ?? ALONE.exec(timeIn(decoder.decode(line)))?.[1];
}

function timeIn(line: string): string {
  try {
    const { time } = Object(JSON.parse(line));
    return typeof time === "string" ? time : "";
  } catch {
    return "";
  }
}
