// The policy schema as the compiled validator needs it. It leaves out what only editors need, and
// the options of matches and targets: there are hundreds, their code would cost more at every start
// than all the rest, and the compiler checks them against the catalogue anyway.

type Schema = { readonly [key: string]: unknown }

const ANNOTATIONS = new Set(['title', 'description', 'examples'])
/** Keywords whose value is a mapping of names to schemas. */
const NAMED = new Set(['properties', '$defs'])
const SINGLE = new Set(['items', 'additionalProperties'])
const EXTENSION = /^#\/\$defs\/(match|target|option)-/

export function slimSchema(schema: Schema): Schema {
  const kept: Record<string, unknown> = {}
  for (const [keyword, value] of Object.entries(schema)) {
    if (ANNOTATIONS.has(keyword)) continue
    if (keyword === '$defs') kept[keyword] = slimNamed(withoutExtensions(value as Schema))
    else if (NAMED.has(keyword)) kept[keyword] = slimNamed(value as Schema)
    else if (SINGLE.has(keyword) && typeof value === 'object')
      kept[keyword] = slimSchema(value as Schema)
    else if (keyword === 'anyOf') kept[keyword] = (value as Schema[]).map(slimSchema)
    else kept[keyword] = value
  }
  return joinTypes(openExtensions(kept))
}

function slimNamed(schemas: Schema): Schema {
  const slim = Object.entries(schemas).map(([name, s]) => [name, slimSchema(s as Schema)])
  return Object.fromEntries(slim)
}

function withoutExtensions(definitions: Schema): Schema {
  const kept = Object.entries(definitions).filter(([name]) => !EXTENSION.test(`#/$defs/${name}`))
  return Object.fromEntries(kept)
}

/** Anything in place of the known extensions and options. */
function openExtensions(schema: Record<string, unknown>): Schema {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>)
  const own = properties.filter(([, property]) => !EXTENSION.test(String(property.$ref)))
  if (own.length === properties.length) return schema
  const { properties: _, additionalProperties: __, ...rest } = schema
  if (own.length > 0) return { ...rest, properties: Object.fromEntries(own) }
  return { ...rest, additionalProperties: { type: ['object', 'null'] } }
}

/**
 * Alternatives of different types, one of which is any text, are one schema with several types:
 * keywords for numbers and lists do not apply to texts, and an enumeration of texts says nothing.
 */
function joinTypes(schema: Schema): Schema {
  const { anyOf, ...rest } = schema
  if (!Array.isArray(anyOf)) return schema
  const variants = anyOf as Schema[]
  const anyText = variants.some((v) => v.type === 'string' && Object.keys(v).length === 1)
  const others = variants.filter((v) => !isText(v))
  const types = new Set(others.map((v) => v.type))
  const simple = types.size === others.length && ![...types].some((t) => typeof t !== 'string')
  if (!anyText || !simple) return schema
  return { ...rest, ...Object.assign({}, ...others), type: [...types, 'string'] }
}

function isText(variant: Schema): boolean {
  const isEnumOfTexts =
    Array.isArray(variant.enum) && variant.enum.every((value) => typeof value === 'string')
  return variant.type === 'string' || isEnumOfTexts
}
