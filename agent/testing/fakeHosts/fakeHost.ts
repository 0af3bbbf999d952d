/** Hosts with GPUs that are not there: their device files, what the kernel says, and the vendors' tools. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { GpuDevice } from "../../../shared/protocol/inventory.ts";

/** What a tool answers to these arguments. */
interface FakeAnswer {
  args: string;
  stdout: string;
  exitCode?: number;
}

export interface FakeHost {
  name: string;
  /** By path from the root. */
  files: Readonly<Record<string, string>>;
  tools: Readonly<Record<string, readonly FakeAnswer[]>>;
  /** What a host with nothing else is said to have. */
  gpus: readonly Partial<GpuDevice>[];
  /** Of each one held out: its id and a part of the reason. */
  heldOut?: Readonly<Record<string, string>>;
  failures?: readonly string[];
}

const testdata = join(import.meta.dir, "../../inventory/testdata");
export const sample = (name: string): string => readFileSync(join(testdata, name), "utf8");

/** Writes `root/` and, with the tools, `bin/` into the folder. */
export const writeFakeHost = (dir: string, { files, tools }: Pick<FakeHost, "files" | "tools">) => {
  const [root, bin] = [join(dir, "root"), join(dir, "bin")];
  for (const folder of [root, bin]) mkdirSync(folder, { recursive: true });
  for (const [path, text] of Object.entries(files)) write(join(root, path), text);
  for (const [tool, answers] of Object.entries(tools)) write(join(bin, tool), toolScript(bin, tool, answers));
  return { root, bin };
};

const write = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

/** Answers by its arguments, and refuses others as the tools do. */
const toolScript = (bin: string, tool: string, answers: readonly FakeAnswer[]): string => {
  const cases = answers.map(({ args, stdout, exitCode = 0 }, index) => {
    const file = join(bin, "answers", `${tool}-${index}`);
    write(file, stdout);
    return `  "${args}") cat "${file}"; exit ${exitCode} ;;`;
  });
  const path = join(bin, tool);
  write(path, "");
  chmodSync(path, 0o755);
  return [
    "#!/bin/sh",
    'case "$*" in',
    ...cases,
    "esac",
    'echo "unknown arguments: $*" >&2',
    "exit 2",
    "",
  ].join("\n");
};
