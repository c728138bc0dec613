/** Folders of `src`, and files directly below it, by layer, lowest first. Folders of one layer do not import each other. */
export const LAYERS = [
  ['flag'],
  ['telemetry', 'console'],
  ['repository'],
  ['cache', 'config'],
  ['middleware'],
  ['routes', 'grpc'],
  ['app.ts', 'server'],
  ['trial', 'operator', 'scanner'],
  ['main.ts', 'cli.ts', 'operator.ts'],
]

/** The folder of a file directly below `src`, or the file itself. */
export const folderOf = (file: string): string => file.split('/')[0] ?? file

/** The layer of a file of `src`, counted from 0; -1 if its folder has none. */
export const layerOf = (file: string): number => LAYERS.findIndex((folders) => folders.includes(folderOf(file)))
