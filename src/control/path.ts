/** Where it is. */
export const CONTROL_PATH = '/.sidewire/'

/** Whether it is for the control endpoint. */
export function isControlPath(url: string): boolean {
  return url.startsWith(CONTROL_PATH)
}
