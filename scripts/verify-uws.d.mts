/**
 * Compares the installed uWebSockets.js with the SHA-256 of its files.
 * @throws with a text that names each file that differs
 */
export declare function verifyUws(folder?: string): string

/** The SHA-256 of a file, in hexadecimal. */
export declare function hashOf(file: string): string
