/** The one place that knows colours. Whether they are wanted is the caller's to say. */
export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'
export type Style = Readonly<Record<Colour, (text: string) => string>>

/** Start and end of each in the terminal (ECMA-48, SGR). */
const CODES: Readonly<Record<Colour, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
}

export function makeStyle(colour: boolean): Style {
  const paint = (name: Colour): ((text: string) => string) => {
    const [start, end] = CODES[name]
    return (text) => (colour && text !== '' ? `\u001b[${start}m${text}\u001b[${end}m` : text)
  }
  return {
    bold: paint('bold'),
    dim: paint('dim'),
    red: paint('red'),
    green: paint('green'),
    yellow: paint('yellow'),
    cyan: paint('cyan'),
  }
}
