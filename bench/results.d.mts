export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface Ratio {
  readonly of: string
  readonly by: string
  readonly basis: 'perSecond' | 'perCpuSecond'
  readonly perSecond: Spread
  readonly perCpuSecond: Spread
}

export interface Target {
  readonly of: string
  readonly by: string
  readonly measured: Spread | null
  readonly reached: boolean
}

export function conclude(figures: {
  readonly scenarios: Readonly<Record<string, Readonly<Record<string, readonly (object | null)[]>>>>
}): {
  readonly scenarios: readonly { readonly ratios: readonly Ratio[] }[]
  readonly targets: readonly Target[]
}
