import { basename } from "node:path";

/**
 * Those that take longest, longest first: one that begins last stretches the whole run. What is not named comes after
 * them; a name too many, or an order that is no longer quite right, costs some seconds and nothing else.
 */
const LONGEST = [
  "upgrade",
  "schemathesis",
  "kill9",
  "lostHost",
  "tunnelCuts",
  "matrix",
  "attach",
  "sshFleet",
  // What these need is downloaded first, where the checkout is new.
  "stockClient",
  "vscode",
  "jupyter",
  "stockModels",
  "dockerRuntime",
  "joiningCuts",
  "devEnvironment",
  "headlessPool",
  "gang",
  "metrics",
  "demo",
  "network",
  "fence",
  "joining",
  "acme",
  "tls",
  "podman",
  "load",
  "uploads",
  "configFuzz",
  "terminalViews",
];

const rankOf = (path: string): number => {
  const at = LONGEST.indexOf(basename(path, ".test.ts"));
  return at < 0 ? LONGEST.length : at;
};

export const longestFirst = (paths: readonly string[]): string[] =>
  paths.toSorted((one, other) => rankOf(one) - rankOf(other) || (one < other ? -1 : 1));

/** Each item once, in their order, so many of them at the same time; answers what they came to, in the same order. */
export const inLanes = async <Item, Result>(
  items: readonly Item[],
  lanes: number,
  run: (item: Item) => Promise<Result>,
): Promise<Result[]> => {
  const waiting = [...items.entries()];
  const results: Result[] = [];
  const lane = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) results[next[0]] = await run(next[1]);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
};
