/** Values of flags that have several fields. Pure. */

/** Fields of one line of CSV; quotes keep commas. */
export function splitCsv(text: string): string[] {
  const fields = text.match(/(?:"(?:[^"]|"")*"|[^,])+|(?<=,)(?=,|$)|^(?=,)/g) ?? [];
  return fields.map((field) => (/^".*"$/s.test(field) ? field.slice(1, -1).replaceAll('""', '"') : field));
}
