/** Both ways of `docker cp`. */

import { isatty } from "node:tty";
import { formatDecimalSize } from "../../std/units.ts";
import type { Context } from "../command.ts";
import { CommandError } from "../errors.ts";
import { printError } from "../output.ts";
import { copyRaw } from "../streams.ts";
import { checkOutput, localDestination, localSource } from "./local.ts";
import { packLocal } from "./pack.ts";
import { absolute, followed, linkedPath, splitEntry } from "./paths.ts";
import { type Destination, planCopy, type Source } from "./plan.ts";
import { archivePath, isDirectory, isLink, refusedTarget, remoteStat, statOf } from "./remote.ts";
import { unpackLocal } from "./unpack.ts";

const STDERR = 2;

export interface Copy {
  container: string;
  source: string;
  destination: string;
  archive: boolean;
  followLink: boolean;
  quiet: boolean;
}

/** From a container to this host, or to standard output as an archive. */
export async function copyFrom({ client }: Context, copy: Copy): Promise<void> {
  const { container } = copy;
  const toOutput = copy.destination === "-";
  const destination = absolute(copy.destination, process.cwd());
  if (!toOutput) await checkOutput(destination);
  const { path, name } = copy.followLink ? await followedPath({ client }, copy) : { path: copy.source };
  const reply = await client.send("GET", archivePath(container), { query: { path } });
  if (toOutput) return await copyRaw(reply.body);
  const source: Source = {
    path,
    isDirectory: isDirectory(statOf(reply)),
    ...(name !== undefined && { name }),
  };
  const plan = planCopy(source, await localDestination(destination));
  const counted = counting(reply.body);
  const rename = { from: splitEntry(path).name, to: plan.name };
  await unpackLocal(counted.stream, { directory: plan.directory, rename });
  if (!copy.quiet) report(counted.bytes(), destination);
}

/** A link at the end of the path is followed, and what it leads to goes by the link's name. */
async function followedPath(
  { client }: Pick<Context, "client">,
  { container, source }: Copy,
): Promise<{ path: string; name?: string }> {
  const stat = await remoteStat(client, container, source);
  if (stat === undefined || !isLink(stat)) return { path: source };
  return followed(source, linkedPath(source, stat.linkTarget));
}

/** From this host, or an archive on standard input, to a container. */
export async function copyTo({ client }: Context, copy: Copy): Promise<void> {
  const { container, quiet } = copy;
  const found = await remoteDestination({ client }, copy);
  const { directory, stream } = copy.source === "-" ? fromInput(found, copy) : await fromHost(found, copy);
  const counted = counting(stream);
  await client.call("PUT", archivePath(container), {
    query: { path: directory, noOverwriteDirNonDir: "true", ...(copy.archive && { copyUIDGID: "true" }) },
    stream: counted.stream,
  });
  if (!quiet) report(counted.bytes(), `${container}:${found.path}`);
}

async function remoteDestination(
  { client }: Pick<Context, "client">,
  { container, destination }: Copy,
): Promise<Destination> {
  let path = destination;
  let stat = await remoteStat(client, container, path);
  if (stat !== undefined && isLink(stat)) {
    path = linkedPath(path, stat.linkTarget);
    stat = await remoteStat(client, container, path);
  }
  const refused = stat === undefined ? undefined : refusedTarget(stat);
  if (refused !== undefined)
    throw new CommandError(
      `destination "${container}:${destination}" must be a directory or a regular file: ${refused}`,
    );
  return { path, isDirectory: stat === undefined ? undefined : isDirectory(stat) };
}

interface Upload {
  /** The container's directory that takes the archive. */
  directory: string;
  stream: AsyncIterable<Uint8Array>;
}

function fromInput(found: Destination, { container, destination }: Copy): Upload {
  if (found.isDirectory !== true)
    throw new CommandError(`destination "${container}:${destination}" must be a directory`);
  return { directory: found.path, stream: Bun.stdin.stream() };
}

async function fromHost(found: Destination, { source, followLink }: Copy): Promise<Upload> {
  const from = await localSource(absolute(source, process.cwd()), followLink);
  const { directory, name } = planCopy(from, found);
  return { directory, stream: packLocal(from, name) };
}

function counting(source: AsyncIterable<Uint8Array>): {
  stream: AsyncIterable<Uint8Array>;
  bytes: () => number;
} {
  let bytes = 0;
  async function* stream(): AsyncGenerator<Uint8Array, void> {
    for await (const piece of source) {
      bytes += piece.length;
      yield piece;
    }
  }
  return { stream: stream(), bytes: () => bytes };
}

/** For people only, as with the docker command. */
function report(bytes: number, destination: string): void {
  if (!isatty(STDERR)) return;
  printError(`Successfully copied ${formatDecimalSize(bytes, 3)} to ${destination}\n`);
}
