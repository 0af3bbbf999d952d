import { refuse } from "../schema/refusal.ts";
import { quote } from "../schema/scalar.ts";

export type Variables = Record<string, Record<string, string>>;

const NAME = /^[a-zA-Z_]\w*\.[a-zA-Z_]\w*$/;
/** The address of another node, which is known once that is placed. */
const NODE_ADDRESS = /^groups\[\d+\]\.(?:nodes|replicas)\[\d+\]\.IP_ADDRESS$/;

/**
 * Fills `${{ ns.name }}` (docs/spec/configuration.md §9). References into the namespaces of `keep` stay as written,
 * for whoever knows them; `$$` stands for `$`. Throws `Refusal`.
 */
export const interpolate = (text: string, vars: Variables, keep: readonly string[] = []): string => {
  const missing: string[] = [];
  let result = "";
  let position = 0;
  while (true) {
    const dollar = text.indexOf("$", position);
    if (dollar < 0 || dollar === text.length - 1) break;
    if (text.charAt(dollar + 1) === "$") {
      result += text.slice(position, dollar + 1);
      position = dollar + 2;
      continue;
    }
    const open = text.indexOf("${{", dollar);
    if (open < 0) break;
    const close = text.indexOf("}}", open);
    if (close < 0) return refuse("bad_reference", `No }} after \${{ in ${quote(text)}`);
    const name = text.slice(open + 3, close).trim();
    const value = resolve(name, text.slice(open, close + 2), vars, keep);
    if (value === undefined) missing.push(name);
    result += text.slice(position, open) + (value ?? "");
    position = close + 2;
  }
  if (missing.length > 0) return refuse("bad_reference", `Not known here: ${missing.join(", ")}`);
  return result + text.slice(position);
};

/** Undefined: well formed, but not known. */
const resolve = (
  name: string,
  written: string,
  vars: Variables,
  keep: readonly string[],
): string | undefined => {
  if (keep.includes("groups") && NODE_ADDRESS.test(name)) return written;
  if (!NAME.test(name))
    return refuse("bad_reference", `Not a reference like \${{ env.NAME }}: ${quote(name)}`);
  const [namespace = "", key = ""] = name.split(".");
  if (keep.includes(namespace)) return written;
  const values = Object.hasOwn(vars, namespace) ? vars[namespace] : undefined;
  return values && Object.hasOwn(values, key) ? values[key] : undefined;
};
