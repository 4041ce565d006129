/**
 * Receipts: keeping, reading and telling what was done on the kernel for a container.
 *
 * Owns: the file `containers/<id>/receipt.jsonl`, one step (spec/receipt.ts) a line; and the words in which a receipt is told to
 * a person, as a story (story.ts) or step by step (line.ts). Does not own: what a step is, or when one is reported; kernel/ does.
 *
 * Invariants:
 * - Recording never makes the work wait: steps are kept in memory and written once the work they belong to has ended. A kill -9
 *   loses only what was not yet written.
 * - A receipt's file is bounded. Past its bound one line counts the steps that were left out.
 * - Whatever the file holds, reading it ends well: a torn or foreign line is passed over.
 * - Telling is pure: steps in, text out. Text never holds a control character, whatever a container named its files.
 */

export { openReceipts, type ReceiptStore, type ReceiptSubject } from "./receipts.ts";
