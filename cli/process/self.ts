/** How this program is run again: the compiled one, or its source by Bun. */
export const selfCommand = (execPath: string, mainPath: string): readonly string[] =>
  mainPath.startsWith("/$bunfs/") ? [execPath] : [execPath, mainPath];
