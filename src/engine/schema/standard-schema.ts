// Standard Schema 1.1, https://standardschema.dev: types only, which its authors offer for copying. So a handler takes the
// schemas of zod, valibot, arktype and others, and none of them is a dependency.

/** A schema of any library that follows the standard. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

/** One thing that is wrong. */
export interface SchemaIssue {
  readonly message: string
  /** Where: keys, from the outside in. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}
