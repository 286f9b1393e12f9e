import type { Node } from './node.ts'

/** A message or an operation with its traits, member by member. */
export class Traits {
  readonly node: Node
  readonly #order: readonly Node[]

  /** @param traitsWin - as in 2.x; from 3.0 on no trait changes what is there */
  constructor(node: Node, traitsWin: boolean) {
    this.node = node
    const traits = (node.get('traits')?.items() ?? []).toReversed()
    this.#order = traitsWin ? [...traits, node] : [node, ...traits]
  }

  get(key: string): Node | undefined {
    for (const each of this.#order) {
      const member = each.get(key)
      if (member) return member
    }
    return undefined
  }

  text(key: string): string | undefined {
    const value = this.get(key)?.value
    return typeof value === 'string' ? value : undefined
  }

  /** What it is bound to. */
  get bindings(): readonly string[] {
    return this.#order.flatMap((each) => each.get('bindings')?.entries() ?? []).map(([name]) => name)
  }
}
