const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder; name a file in it',
  ENOTDIR: 'a part of its path is no folder',
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EROFS: 'that file system is read-only',
  ENOSPC: 'the disk is full',
  EEXIST: 'it exists already, and stays as it is: move it away, or choose another name',
}

/** What the file system said, in words. */
export function whyNot(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  return (code === undefined ? undefined : WHY[code]) ?? message
}
