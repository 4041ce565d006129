/** File modes as Go's io/fs package counts them, which is how Docker's API gives them: type and special bits stand at the top. */

export const GO_MODE = {
  directory: 2 ** 31,
  symlink: 2 ** 27,
  device: 2 ** 26,
  namedPipe: 2 ** 25,
  socket: 2 ** 24,
  setuid: 2 ** 23,
  setgid: 2 ** 22,
  character: 2 ** 21,
  sticky: 2 ** 20,
  irregular: 2 ** 19,
} as const;

/** inode(7): the type's bits to Go's. */
const TYPES: ReadonlyMap<number, number> = new Map([
  [0o140000, GO_MODE.socket],
  [0o120000, GO_MODE.symlink],
  [0o100000, 0],
  [0o060000, GO_MODE.device],
  [0o040000, GO_MODE.directory],
  [0o020000, GO_MODE.device + GO_MODE.character],
  [0o010000, GO_MODE.namedPipe],
]);

/** Go's mode of one that stat(2) gave. */
export function goFileMode(mode: number): number {
  const special = [
    (mode & 0o4000) !== 0 ? GO_MODE.setuid : 0,
    (mode & 0o2000) !== 0 ? GO_MODE.setgid : 0,
    (mode & 0o1000) !== 0 ? GO_MODE.sticky : 0,
  ];
  const type = TYPES.get(mode & 0o170000) ?? GO_MODE.irregular;
  return special.reduce((sum, bit) => sum + bit, type + (mode & 0o777));
}

/** Whether a bit is set in Go's mode, which has 32 and so is beyond JavaScript's own operators. */
export function hasGoMode(mode: number, bit: number): boolean {
  return Math.floor(mode / bit) % 2 === 1;
}
