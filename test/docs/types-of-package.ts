import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const INDEX = 'src/index.ts'
/** A file that is not there: what a page says, as TypeScript. */
const SAID = join(ROOT, 'src/said.ts')

/** What users import, as the compiler sees it. */
export class TypesOfPackage {
  readonly #options: ts.CompilerOptions
  readonly #program: ts.Program
  readonly #checker: ts.TypeChecker
  readonly #exports: ReadonlyMap<string, ts.Symbol>
  readonly #imports: readonly string[]

  /** @param beside - what else a page may name */
  constructor(index: string = INDEX, beside?: TypesOfPackage) {
    const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path))
    this.#options = ts.parseJsonConfigFileContent(config, ts.sys, ROOT).options
    this.#program = ts.createProgram([join(ROOT, index)], this.#options)
    this.#checker = this.#program.getTypeChecker()
    const module = this.#checker.getSymbolAtLocation(this.#program.getSourceFile(join(ROOT, index))!)!
    this.#exports = new Map(this.#checker.getExportsOfModule(module).map((symbol) => [symbol.name, symbol]))
    const names = this.exports.join(', ')
    this.#imports = [
      ...(beside ? beside.#imports : []),
      `import type { ${names} } from './${index.slice('src/'.length)}'`,
    ]
  }

  get exports(): string[] {
    return [...this.#exports.keys()].filter((name) => name !== 'default')
  }

  get interfaces(): string[] {
    return this.exports.filter((name) => (this.#symbol(name).flags & ts.SymbolFlags.Interface) !== 0)
  }

  membersOf(type: string): string[] {
    // Not those that stand for a symbol, as `Symbol.asyncIterator` does.
    return this.#properties(type).flatMap(({ name }) => (name.startsWith('__@') ? [] : name))
  }

  /** Of a union of texts. */
  literalsOf(type: string): string[] {
    const declared = this.#checker.getDeclaredTypeOfSymbol(this.#symbol(type))
    return (declared as ts.UnionType).types.map((each) => (each as ts.StringLiteralType).value)
  }

  /** The codes of the `@throws` above a member, in the order of the alphabet. */
  thrownBy(type: string, member: string): string[] {
    const declaration = this.#properties(type).find(({ name }) => name === member)?.declarations?.[0]
    const text = declaration?.getFullText().slice(0, declaration.getLeadingTriviaWidth()) ?? ''
    return [...new Set(/@throws [^]*/.exec(text)?.[0].match(/\bERR_[A-Z_]+\b/g))].toSorted()
  }

  /** The members whose type is not the one that is said, each with what is wrong. */
  unlike(type: string, said: ReadonlyMap<string, string>): string[] {
    const lines = [
      ...this.#imports,
      'type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false',
      // The parameters of a type that a function infers by are left out of what a page says.
      'type Call<F> = F extends (...args: infer Args) => infer Result ? [Args, Result] : F',
      ...[...said].map(
        ([name, text]) =>
          `export const ${name}_: Same<Call<Required<${type}>['${name}']>, Call<${text || 'undefined'}>> = true`,
      ),
    ]
    const names = [...lines.slice(0, -said.size).map(() => ''), ...said.keys()]
    const host = ts.createCompilerHost(this.#options)
    const read = host.getSourceFile.bind(host)
    host.getSourceFile = (path, languageVersion, ...rest) =>
      path === SAID
        ? ts.createSourceFile(path, lines.join('\n'), languageVersion)
        : (this.#program.getSourceFile(path) ?? read(path, languageVersion, ...rest))
    const program = ts.createProgram([SAID], this.#options, host)
    const file = program.getSourceFile(SAID)!
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map((each) => {
      const { line } = file.getLineAndCharacterOfPosition(each.start ?? 0)
      return `${type}.${names[line]} is not \`${said.get(names[line] ?? '')}\`: ${ts.flattenDiagnosticMessageText(each.messageText, ' ')}`
    })
  }

  #properties(type: string): ts.Symbol[] {
    return this.#checker.getDeclaredTypeOfSymbol(this.#symbol(type)).getProperties()
  }

  #symbol(name: string): ts.Symbol {
    const symbol = this.#exports.get(name)
    if (!symbol) throw new Error(`the package exports no ${name}`)
    return symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol
  }
}
