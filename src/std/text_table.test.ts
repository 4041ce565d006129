import { expect, test } from "bun:test";
import { layOutTable } from "./text_table.ts";

test("columns are at least ten wide, three apart, and the last is not padded", () => {
  const table = layOutTable("CONTAINER ID\tIMAGE\tNAMES\n85f5a28e01c1\tbb\tc1\n");
  expect(table).toBe("CONTAINER ID   IMAGE     NAMES\n85f5a28e01c1   bb        c1\n");
});

test("a line without tabs ends the columns above it", () => {
  expect(layOutTable("a\tb\nlong line without tabs\nccccccccccc\td", 0, 1)).toBe(
    "a b\nlong line without tabs\nccccccccccc d",
  );
});
