/**
 * Compares the installed uWebSockets.js with the SHA-256 of its files.
 * @throws with a text that names each file that differs
 */
export declare function verifyUws(folder?: string): string
