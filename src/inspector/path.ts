import { pathOf } from '../engine/handshake/request.ts'

/** Where the page is, and what it asks. */
export const INSPECTOR_PATH = '/.sidewire/'

/** Whether it is for the inspector. */
export function isInspectorPath(url: string): boolean {
  const path = pathOf(url)
  return `${path}/` === INSPECTOR_PATH || path === INSPECTOR_PATH || path.startsWith(`${INSPECTOR_PATH}page/`)
}
