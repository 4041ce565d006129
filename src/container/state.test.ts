import { describe, expect, test } from "bun:test";
import { CONTAINER_STATUSES, type ContainerStatus } from "../spec/docker.ts";
import { kindOf, messageOf } from "../std/errors.ts";
import { isUp, next, type Transition } from "./state.ts";

const TRANSITIONS: Transition[] = ["start", "exit", "retry", "pause", "unpause", "remove", "spoil"];

function outcome(status: ContainerStatus, transition: Transition): string {
  try {
    return next(status, transition, { id: "0123", name: "web" });
  } catch (error) {
    return `${kindOf(error)}: ${messageOf(error)}`;
  }
}

describe("the table", () => {
  test("is whole: every status has an answer to every transition", () => {
    const lines = CONTAINER_STATUSES.map((status) =>
      TRANSITIONS.map((transition) => outcome(status, transition)),
    );
    const allowed = lines.map((line) => line.map((word) => (word.includes(":") ? "-" : word)).join(" "));
    expect(allowed).toEqual([
      "running - - - - removing dead",
      "- exited restarting paused - - -",
      "- exited restarting - running - -",
      "running exited - - - - -",
      "- - - - - - dead",
      "running - - - - removing dead",
      "- - - - - removing -",
    ]);
  });

  test.each([
    ["running", "start", "not-modified: container is already running"],
    ["paused", "start", "conflict: cannot start a paused container, try unpause instead"],
    ["dead", "start", "conflict: container is marked for removal and cannot be started"],
    [
      "running",
      "remove",
      'conflict: cannot remove container "/web": container is running: stop the container before removing or force remove',
    ],
    [
      "paused",
      "remove",
      'conflict: cannot remove container "/web": container is paused and must be unpaused first',
    ],
    ["removing", "remove", "conflict: removal of container 0123 is already in progress"],
    ["exited", "pause", "conflict: container 0123 is not running"],
    ["restarting", "pause", "conflict: container 0123 is restarting, wait until the container is running"],
    ["running", "unpause", "conflict: container 0123 is not paused"],
    ["created", "exit", "internal: container 0123 is created, which exit does not follow"],
  ] as const)("%s refuses %s in Docker's words", (status, transition, sentence) => {
    expect(outcome(status, transition)).toBe(sentence);
  });

  test("a container is up while its program runs, is frozen or is about to be started again", () => {
    expect(CONTAINER_STATUSES.filter(isUp)).toEqual(["running", "paused", "restarting"]);
  });
});
