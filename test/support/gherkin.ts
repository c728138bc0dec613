/** One step, with the rows of its table. */
export type Step = { readonly text: string; readonly table: readonly (readonly string[])[] }
/** One scenario; an outline is one for each row of its examples. Steps of the background come first. */
export type Scenario = { readonly name: string; readonly tags: ReadonlySet<string>; readonly steps: readonly Step[] }

type Block = { kind: string; name: string; tags: string[]; steps: { text: string; table: string[][] }[] }

const HEADER = /^(Feature|Background|Scenario Outline|Scenario|Examples|Scenarios):\s*(.*)$/
const STEP = /^(?:Given|When|Then|And|But)\s+(.*)$/

/** Parses the part of Gherkin that flagd's test bed uses. */
export function readFeature(text: string): Scenario[] {
  const scenarios: Scenario[] = []
  const blocks = readBlocks(text)
  const feature = blocks.find(({ kind }) => kind === 'Feature')
  const background = blocks.find(({ kind }) => kind === 'Background')?.steps ?? []
  let outline: Block | undefined
  for (const block of blocks) {
    if (block.kind === 'Scenario Outline') outline = block
    if (block.kind === 'Scenario') scenarios.push(toScenario([feature, block], [...background, ...block.steps]))
    if (block.kind === 'Examples' && outline !== undefined)
      scenarios.push(...expand(feature, outline, block, background))
  }
  return scenarios
}

function readBlocks(text: string): Block[] {
  const blocks: Block[] = []
  let tags: string[] = []
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    const header = HEADER.exec(line)
    if (line.startsWith('@')) tags.push(...line.split(/\s+/))
    else if (header !== null) {
      const kind = header[1]?.replace('Scenarios', 'Examples') ?? ''
      blocks.push({ kind, name: header[2] ?? '', tags, steps: [] })
      tags = []
    } else readStep(line, blocks.at(-1))
  }
  return blocks
}

function readStep(line: string, block: Block | undefined): void {
  const step = STEP.exec(line)
  if (step !== null) block?.steps.push({ text: step[1] ?? '', table: [] })
  if (!line.startsWith('|') || block === undefined) return
  if (block.kind === 'Examples' && block.steps.length === 0) block.steps.push({ text: '', table: [] })
  block.steps.at(-1)?.table.push(
    line
      .slice(1, line.lastIndexOf('|'))
      .split('|')
      .map((cell) => cell.trim()),
  )
}

function toScenario(blocks: readonly (Block | undefined)[], steps: readonly Step[]): Scenario {
  const tags = new Set(blocks.flatMap((block) => block?.tags ?? []))
  return { name: blocks.at(1)?.name ?? '', tags, steps }
}

function expand(feature: Block | undefined, outline: Block, examples: Block, background: readonly Step[]): Scenario[] {
  const [head = [], ...rows] = examples.steps[0]?.table ?? []
  return rows.map((row) => {
    const fill = (text: string) =>
      head.reduce((filled, name, at) => filled.replaceAll(`<${name}>`, () => row[at] ?? ''), text)
    const steps = outline.steps.map(({ text, table }) => ({
      text: fill(text),
      table: table.map((cells) => cells.map(fill)),
    }))
    const scenario = toScenario([feature, outline, examples], [...background, ...steps])
    return { ...scenario, name: `${outline.name}: ${row.join(', ').slice(0, 80)}` }
  })
}
