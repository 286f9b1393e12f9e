import type { Faults } from '../engine/handler/faults.ts'
import { fast4g, flaky, offline, slow3g, slow4g } from './profiles.ts'

export type ProfileName = 'slow3g' | 'slow4g' | 'fast4g' | 'flaky' | 'offline'

/** For who asks in words: a flag, a page. */
export const PROFILES: Readonly<Record<ProfileName, Faults>> = { slow3g, slow4g, fast4g, flaky, offline }
