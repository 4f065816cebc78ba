/**
 * The files of the machine that is looked after: what fwctl keeps there, and what it has to know about
 * who else could write it. Texts are text in the sense of `decodeText`: every byte survives.
 */
export interface HostFiles {
  /** Of each path itself, links not followed; undefined where there is nothing. */
  inspect(paths: readonly string[]): Promise<readonly (FileStatus | undefined)[]>
  /** Where a path leads, links followed; the path itself when that can not be told. */
  realPath(path: string): Promise<string>
  /**
   * Opens each without following a link and without waiting for a FIFO; undefined where there is none.
   * The status is of what was opened; what is not a regular file has no text.
   */
  read(paths: readonly string[]): Promise<readonly (OpenedFile | undefined)[]>
  /**
   * Writes a file, mode 0600, so that whoever reads it, even after a power cut, finds the old text or
   * the new one and nothing in between. Throws FwctlError `command-failed`.
   */
  write(path: string, text: string): Promise<void>
  /** The same in two steps: what takes long first, while it is not yet known whether it is wanted. */
  stage(path: string, text: string): Promise<Staged>
  /**
   * Makes a new directory, 0700, with these files, by name. It is there as a whole, on the disk, or not
   * at all; until then it is called `.NAME.tmp`.
   */
  writeDirectory(path: string, files: Readonly<Record<string, string>>): Promise<void>
  stageDirectory(path: string, files: Readonly<Record<string, string>>): Promise<Staged>
  /** With the parents that are missing, 0700; one that is there stays as it is. */
  makeDirectory(path: string): Promise<void>
  /** An empty file, 0600, unless it is there. Throws for a link in its place. */
  makeFile(path: string): Promise<void>
  /** Takes the rights to a directory away from everybody but its owner. */
  makePrivate(path: string): Promise<void>
  /** The names in a directory; none when it is not there. */
  list(path: string): Promise<readonly string[]>
  /** Removes a file, for good also after a power cut. False: it was not there. */
  remove(path: string): Promise<boolean>
  /** Removes directories with all that is in them, or files. Renamed first: half of one is none. */
  removeAll(paths: readonly string[]): Promise<void>
}

/**
 * Something that is on the disk under a name that nobody reads. Killed meanwhile, it is swept away by
 * a later run (sweep.ts).
 */
export interface Staged {
  /** What it is called until then; absent: it is nowhere yet. */
  readonly path?: string
  /** It gets its name: once, and for good. */
  publish(): Promise<void>
  /** It goes, unless it has been published. */
  discard(): Promise<void>
}

export interface FileStatus {
  readonly kind: 'file' | 'directory' | 'link' | 'other'
  readonly uid: number
  /** The permission bits, with the sticky bit. */
  readonly mode: number
  /** By the machine's own clock, milliseconds since 1970. */
  readonly modifiedMs: number
}

export interface OpenedFile {
  readonly status: FileStatus
  readonly text: string
}
