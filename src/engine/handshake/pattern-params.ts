import type { Params } from './routing.ts'

/**
 * The type of `params` for a pattern that the compiler knows to the letter: `'/ws/chat/{room}'` gives
 * `{ readonly room: string }`, and a name that it lacks is a type error. Of a pattern that is computed no names are known.
 */
export type PatternParams<Pattern extends string> = Pattern extends unknown
  ? {} extends Record<Pattern, unknown> // `string`, or a template with `${string}` in it
    ? Params
    : { readonly [Name in NamesIn<Pattern>]: string }
  : never

type NamesIn<
  Pattern extends string,
  Names extends string = never,
> = Pattern extends `${string}{${infer Inside}`
  ? Inside extends `${infer Parameter}}${infer Rest}`
    ? Parameter extends `${infer Name}:${string}`
      ? NamesIn<BehindBrace<Inside>, Names | Name>
      : NamesIn<Rest, Names | Parameter>
    : Names
  : Names

/** What follows the brace that ends a parameter. An expression may hold pairs of braces (`\d{2,4}`), and escaped ones. */
type BehindBrace<
  Text extends string,
  Open extends readonly unknown[] = [],
> = Text extends `\\${'{' | '}'}${infer Rest}`
  ? BehindBrace<Rest, Open>
  : Text extends `${infer Char}${infer Rest}`
    ? Char extends '{'
      ? BehindBrace<Rest, [...Open, unknown]>
      : Char extends '}'
        ? Open extends readonly [unknown, ...infer Others]
          ? BehindBrace<Rest, Others>
          : Rest
        : BehindBrace<Rest, Open>
    : ''
