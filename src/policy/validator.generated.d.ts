/** One violation of the schema, as ajv reports it. */
export interface SchemaError {
  readonly instancePath: string
  readonly schemaPath: string
  readonly keyword: string
  readonly params: Readonly<Record<string, unknown>>
}

export interface Validate {
  (data: unknown): boolean
  errors?: SchemaError[] | null
}

export declare const validate: Validate
