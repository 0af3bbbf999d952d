import type { Path } from "../schema/refusal.ts";
import { quote } from "../schema/scalar.ts";
import type { RunConfiguration } from "./configuration.ts";
import type { Note } from "./problems.ts";

/** Names of `${{ groups… }}` in a text. Without a regular expression: it would look for each end anew. */
const namesIn = (text: string): string[] => {
  const names: string[] = [];
  for (let open = text.indexOf("${{"); open >= 0; ) {
    const close = text.indexOf("}}", open);
    if (close < 0) break;
    const name = text.slice(open + 3, close).trim();
    if (/^groups\b/.test(name)) names.push(name);
    open = text.indexOf("${{", close);
  }
  return names;
};

const parseName = (name: string) => {
  const [, group, member, index] =
    /^groups\[(\d+)\]\.(nodes|replicas)\[(\d+)\]\.IP_ADDRESS$/.exec(name) ?? [];
  return member === undefined ? undefined : { group: Number(group), member, index: Number(index) };
};

const REFERENCE = /\$\{\{ {0,9}groups\[(\d{1,9})\]\.(?:nodes|replicas)\[(\d{1,9})\]\.IP_ADDRESS {0,9}\}\}/g;

/** The text with addresses in place of the references that `addressOf` knows; the others stay as they are. */
export const insertNodeAddresses = (
  text: string,
  addressOf: (group: number, index: number) => string | undefined,
): string =>
  text.replace(
    REFERENCE,
    (reference, group: string, index: string) => addressOf(Number(group), Number(index)) ?? reference,
  );

/** How many addresses each group of a run has for certain. */
const sizesOf = (configuration: RunConfiguration): { member: "nodes" | "replicas"; sizes: number[] } => {
  if (configuration.type === "task") {
    const { groups, nodes = 1 } = configuration;
    return { member: "nodes", sizes: groups ? groups.map((group) => group.nodes) : [nodes] };
  }
  if (configuration.type === "dev-environment") return { member: "nodes", sizes: [1] };
  const { replicas } = configuration;
  const counts = Array.isArray(replicas) ? replicas.map(({ count }) => count) : [replicas ?? { min: 1 }];
  return { member: "replicas", sizes: counts.map(({ min }) => min ?? 0) };
};

const checkText = (text: string, configuration: RunConfiguration, refuse: (message: string) => void) => {
  const { member, sizes } = sizesOf(configuration);
  for (const name of namesIn(text)) {
    const reference = parseName(name);
    const form = `groups[0].${member}[0].IP_ADDRESS`;
    if (reference?.member !== member) {
      refuse(`Not a reference like \${{ ${form} }}: ${quote(name)}`);
      continue;
    }
    const size = sizes[reference.group];
    if (size === undefined) refuse(`There is no group ${reference.group}: ${quote(name)}`);
    else if (reference.index >= size) {
      refuse(`Group ${reference.group} has ${size} ${member} for certain: ${quote(name)} is none of them`);
    }
  }
};

/**
 * References to addresses of other nodes: they must be of that form and inside the run's groups, and stand in commands
 * alone (docs/spec/configuration.md §9).
 */
export const checkNodeReferences = (configuration: RunConfiguration, note: Note) => {
  for (const [name, value] of Object.entries(configuration.env)) {
    if (typeof value === "string" && namesIn(value).length > 0) {
      note("bad_reference", ["env", name], "Addresses of nodes can be had in commands alone");
    }
  }
  const check = (commands: readonly string[], path: Path) =>
    commands.forEach((text, index) => {
      checkText(text, configuration, (message) => note("bad_reference", [...path, index], message));
    });
  if (configuration.type === "dev-environment") {
    configuration.init.forEach((text, index) => {
      // A well-formed one is plain text there.
      const isWrong = namesIn(text).some((name) => parseName(name) === undefined);
      if (isWrong)
        note("bad_reference", ["init", index], `Not a reference to a node's address: ${quote(text)}`);
    });
    return;
  }
  check(configuration.commands, ["commands"]);
  const groups = configuration.type === "task" ? (configuration.groups ?? []) : configuration.replicas;
  const key = configuration.type === "task" ? "groups" : "replicas";
  if (!Array.isArray(groups)) return;
  for (const [index, group] of groups.entries()) check(group.commands, [key, index, "commands"]);
};
