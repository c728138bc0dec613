/** Class names of a style sheet, as esbuild makes them. Its build fails on a name that the sheet does not have. */
declare module '*.module.css'
