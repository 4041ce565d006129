/**
 * Who a program runs as: `USER[:GROUP]` as a container or an exec names it, resolved in the image's passwd(5) and group(5).
 *
 * The files come out of an image and are hostile: a line that is not of the format is passed over.
 */

import { FathomError } from "../../std/errors.ts";

/** The texts of the image's two files; empty where it has none. */
export interface UserFiles {
  passwd: string;
  group: string;
}

export interface ResolvedUser {
  uid: number;
  gid: number;
  /** The primary group and all others, each once. */
  additionalGids: number[];
  home: string;
}

interface Account {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

interface Group {
  name: string;
  gid: number;
  members: string[];
}

/** As in Docker: what fits in a signed 32-bit number. */
const MOST = 2 ** 31 - 1;

/**
 * Resolves `user` (name or number, with an optional group) and the further groups that `--group-add` names.
 * @throws {FathomError} invalid, in Docker's words, when a name is in neither file.
 */
export function resolveUser(user: string, files: UserFiles, groupAdd: readonly string[] = []): ResolvedUser {
  const [userName = "", groupName = ""] = splitUser(user);
  const groups = parseGroup(files.group);
  const account = findAccount(userName, parsePasswd(files.passwd));
  const group = groupName === "" ? undefined : findGroup(groupName, groups);
  const gid = group ?? account.gid;
  const memberships = group === undefined ? groupsOf(account.name, groups) : [];
  const added = groupAdd.map((name) => findAddedGroup(name, groups));
  return {
    uid: account.uid,
    gid,
    additionalGids: [...new Set([gid, ...memberships, ...added])],
    home: account.home,
  };
}

function splitUser(user: string): [string, string] {
  const colon = user.indexOf(":");
  return colon < 0 ? [user, ""] : [user.slice(0, colon), user.slice(colon + 1)];
}

/** No name means root. A number that no line has is taken as it is. */
function findAccount(user: string, accounts: readonly Account[]): Account {
  const wanted = user === "" ? "0" : user;
  const number = numberOf(wanted);
  const found = accounts.find(({ name, uid }) => name === wanted || uid === number);
  if (found !== undefined) return found;
  if (number === undefined)
    throw new FathomError("invalid", `unable to find user ${user}: no matching entries in passwd file`);
  return { name: "", uid: number, gid: 0, home: "/" };
}

function findGroup(group: string, groups: readonly Group[]): number {
  const number = numberOf(group);
  const found = groups.find(({ name, gid }) => name === group || gid === number)?.gid ?? number;
  if (found !== undefined) return found;
  throw new FathomError("invalid", `unable to find group ${group}: no matching entries in group file`);
}

function findAddedGroup(group: string, groups: readonly Group[]): number {
  const found = groups.find(({ name }) => name === group)?.gid ?? numberOf(group);
  if (found !== undefined) return found;
  throw new FathomError("invalid", `Unable to find group ${group}: no matching entries in group file`);
}

function groupsOf(account: string, groups: readonly Group[]): number[] {
  if (account === "") return [];
  return groups.filter(({ members }) => members.includes(account)).map(({ gid }) => gid);
}

/** A user or group ID written as digits; undefined for a name. */
function numberOf(text: string): number | undefined {
  if (!/^-?\d+$/.test(text)) return undefined;
  const number = Number(text);
  if (number < 0 || number > MOST)
    throw new FathomError("invalid", `uids and gids must be in range 0-${MOST}`);
  return number;
}

function parsePasswd(text: string): Account[] {
  return rows(text).flatMap(([name = "", , uid = "", gid = "", , home = ""]) => {
    if (!isNumber(uid) || !isNumber(gid)) return [];
    return [{ name, uid: Number(uid), gid: Number(gid), home: home === "" ? "/" : home }];
  });
}

function parseGroup(text: string): Group[] {
  return rows(text).flatMap(([name = "", , gid = "", members = ""]) =>
    isNumber(gid) ? [{ name, gid: Number(gid), members: members.split(",") }] : [],
  );
}

function rows(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line.includes(":") && !line.startsWith("#"))
    .map((line) => line.trim().split(":"));
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text) && Number(text) <= MOST;
}
