import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { setImmediate } from '../engine/timers.ts'
import { shortPath } from '../documents/short-path.ts'
import { fileError, recordingError } from './recording-error.ts'

/** With more than that a turn of the event loop does not end before it is written. */
const MAX_WAITING = 256 * 1024

/** Whatever ends the process in an orderly way, `process.exit()` included, writes what waits. */
const openFiles = new Set<LineFile>()
const writeAll = (): void => openFiles.forEach((file) => file.write())

/**
 * A file that only grows, by whole lines. Those of one turn of the event loop are written together, by one call into the
 * system's cache: some microseconds for many messages, without a queue that could grow, and a process that is killed loses
 * nothing of the turns before. A write by the thread pool would lose all that waits for it.
 */
export class LineFile {
  readonly path: string
  readonly #descriptor: number
  readonly #onFailure: (error: Error) => void
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #written = 0
  #isPlanned = false
  #isOpen = true

  /**
   * @param onFailure - told once that the file takes no more, such as on a full disk; it ends with a whole line then
   * @throws `ERR_RECORDING`; nothing is left behind
   */
  constructor(path: string, overwrite: boolean, onFailure: (error: Error) => void) {
    this.path = path
    this.#onFailure = onFailure
    try {
      mkdirSync(dirname(path), { recursive: true })
      this.#descriptor = openSync(path, overwrite ? 'w' : 'wx')
    } catch (cause) {
      throw fileError(path, 'record to', cause)
    }
    if (!fstatSync(this.#descriptor).isFile()) {
      closeSync(this.#descriptor)
      throw recordingError(
        `cannot record to ${shortPath(path)}: it is no ordinary file; name one that is new`,
      )
    }
    if (openFiles.size === 0) process.on('exit', writeAll)
    openFiles.add(this)
  }

  /** Of all its lines, those that wait included. */
  get bytes(): number {
    return this.#written + this.#waitingBytes
  }

  add(line: Buffer): void {
    if (!this.#isOpen) return
    this.#waiting.push(line)
    this.#waitingBytes += line.length
    if (this.#waitingBytes > MAX_WAITING) return this.write()
    if (this.#isPlanned) return
    this.#isPlanned = true
    setImmediate(() => {
      this.#isPlanned = false
      this.write()
    })
  }

  /** Hands to the system what waits. */
  write(): void {
    if (this.#waitingBytes === 0 || !this.#isOpen) return
    const bytes = Buffer.concat(this.#waiting)
    this.#waiting = []
    this.#waitingBytes = 0
    try {
      // The system may take less than all, on a disk that is about to be full for example.
      for (let sent = 0; sent < bytes.length;) sent += writeSync(this.#descriptor, bytes, sent)
      this.#written += bytes.length
    } catch (cause) {
      this.#fail(fileError(this.path, 'write to', cause))
    }
  }

  #fail(error: Error): void {
    try {
      ftruncateSync(this.#descriptor, this.#written)
    } catch {
      // Half of a line is left then, which readers know to leave out.
    }
    this.close()
    this.#onFailure(error)
  }

  /** Writes what waits, and closes. Idempotent. */
  close(): void {
    if (!this.#isOpen) return
    this.write()
    // It may just have failed, and that has closed it.
    if (!this.#isOpen) return
    this.#isOpen = false
    openFiles.delete(this)
    if (openFiles.size === 0) process.off('exit', writeAll)
    closeSync(this.#descriptor)
  }

  /** Closes it and takes it away: nothing is worth keeping. */
  remove(): void {
    this.close()
    rmSync(this.path, { force: true })
  }
}
