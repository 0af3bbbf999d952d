/** One element. Comments, processing instructions and document types are not kept. */
export interface XmlElement {
  name: string;
  attributes: ReadonlyMap<string, string>;
  /** Its own characters, children's left out, trimmed. */
  text: string;
  children: XmlElement[];
}

/** No vendor's tool nests as deep; what does is not its output. */
const MAX_DEPTH = 64;

const NAME = "[A-Za-z_][\\w.:-]*";
const TOKEN = new RegExp(
  [
    "<!--[\\s\\S]*?-->",
    "<[?!][^>]*>",
    `</(?<close>${NAME})\\s*>`,
    `<(?<open>${NAME})(?<attributes>(?:\\s+${NAME}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)\\s*(?<empty>/?)>`,
    "(?<text>[^<]+)",
  ].join("|"),
  "y",
);
const ATTRIBUTE = new RegExp(`(${NAME})\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, "g");

const ENTITIES: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

const withoutEntities = (text: string): string =>
  text.replace(/&(lt|gt|amp|quot|apos);/g, (_all, name: string) => ENTITIES[name] ?? "");

/**
 * The part of XML that `nvidia-smi -q -x` writes: elements, attributes, the five entities. Begins at the element
 * `root`, whatever is said before it. Never throws: where the text stops being XML, because the tool was ended in the
 * middle or complains in between, the elements that were complete by then are answered. Undefined: no such element.
 */
export const parseXml = (source: string, root: string): XmlElement | undefined => {
  const start = source.search(new RegExp(`<${root}[\\s>]`));
  if (start < 0) return undefined;
  const top: XmlElement = { name: "", attributes: new Map(), text: "", children: [] };
  const open = [top];
  TOKEN.lastIndex = start;
  for (let found = TOKEN.exec(source); found?.groups; found = TOKEN.exec(source)) {
    const { close, open: name, attributes = "", empty, text } = found.groups;
    const parent = open.at(-1) ?? top;
    if (text !== undefined) parent.text += withoutEntities(text);
    if (name !== undefined) {
      const element = { name, attributes: parseAttributes(attributes), text: "", children: [] };
      // Even one that is never closed keeps what it had.
      parent.children.push(element);
      if (!empty) open.push(element);
      if (open.length > MAX_DEPTH) break;
    }
    if (close === undefined) continue;
    if (close !== parent.name) break;
    parent.text = parent.text.trim();
    open.pop();
    if (open.length === 1) break;
  }
  for (const element of open) element.text = element.text.trim();
  return top.children[0];
};

const parseAttributes = (text: string): Map<string, string> =>
  new Map(
    [...text.matchAll(ATTRIBUTE)].map(([, name = "", double, single]) => [
      name,
      withoutEntities(double ?? single ?? ""),
    ]),
  );

/** Every child of that name. */
export const childrenOf = (element: XmlElement, name: string): XmlElement[] =>
  element.children.filter((child) => child.name === name);

/** The text at a path of names like `pci/pci_bus_id`, the first of each; "" where there is none. */
export const textAt = (element: XmlElement, path: string): string => {
  let at: XmlElement | undefined = element;
  for (const name of path.split("/")) at = at?.children.find((child) => child.name === name);
  return at?.text ?? "";
};
