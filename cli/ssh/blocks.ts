/** One `Host` block of `~/.dstack/ssh/config` that is there as long as its owner is. */
export interface AliasBlock {
  readonly host: string;
  /** Of the attachment; stands in the block, by which ours are told from the stock client's. */
  readonly owner: string;
  readonly options: readonly SshOption[];
}

export type SshOption = readonly [name: string, value: string];

const MARK = "    # attached by ";
const BEGIN = /^\s*(?:Host|Match)[\s=]/i;

const renderBlock = ({ host, owner, options }: AliasBlock): string =>
  [`Host ${host}`, `${MARK}${owner}`, ...options.map(([name, value]) => `    ${name} ${value}`), ""].join(
    "\n",
  );

/** The text with a block before all others, but behind what holds for every host. */
export const withBlock = (text: string, block: AliasBlock): string => {
  const [preamble, ...blocks] = partsOf(text).map(({ lines }) => lines.join(""));
  const isWhole = !preamble || preamble.endsWith("\n");
  return [preamble, isWhole ? "" : "\n", renderBlock(block), ...blocks].join("");
};

/** Who has blocks in it. */
export const ownersIn = (text: string): ReadonlySet<string> =>
  new Set(partsOf(text).flatMap(({ owner }) => owner ?? []));

/** The text without the blocks of some owners; everything else stays as it is, byte for byte. */
export const withoutOwners = (text: string, isGone: (owner: string) => boolean): string =>
  partsOf(text)
    .filter(({ owner }) => owner === undefined || !isGone(owner))
    .map(({ lines }) => lines.join(""))
    .join("");

interface Part {
  readonly lines: string[];
  owner: string | undefined;
}

/** What comes before the first block is a part, too. */
const partsOf = (text: string): Part[] => {
  const parts: Part[] = [{ lines: [], owner: undefined }];
  for (const line of text.split(/(?<=\n)/)) {
    if (BEGIN.test(line)) parts.push({ lines: [line], owner: undefined });
    else {
      const part = parts.at(-1);
      part?.lines.push(line);
      if (part?.lines.length === 2 && line.startsWith(MARK)) part.owner = line.slice(MARK.length).trim();
    }
  }
  return parts;
};
