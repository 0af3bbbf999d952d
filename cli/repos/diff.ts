import { openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "../../shared/errors.ts";
import { showBytes } from "../../shared/showBytes.ts";
import type { Content } from "../files/content.ts";
import { type GitOptions, runGit, spawnGit } from "./git.ts";
import type { LocalRepo } from "./localRepo.ts";

/** What a work tree has over a commit, in a file without a name: nothing of it stays when the command ends. */
export interface Diff extends Content {
  /** SHA-256 of the content, in hex. */
  readonly hash: string;
  /** Where most of its bytes come from, for people. */
  readonly largestText: string;
}

/** How long the diff may take before the user is told what takes so long. */
const SLOW_MS = 5_000;
const CHUNK = 1024 ** 2;
const SHOWN = 3;

/**
 * A binary diff of what git knows, then every file that it does not know and does not ignore (docs/spec/cli.md §4.3).
 * Undefined: there is nothing.
 */
export const diffLocalRepo = async (
  { root, commit }: LocalRepo,
  { env, onSlow }: { env: GitOptions["env"]; onSlow: () => void },
): Promise<Diff | undefined> => {
  const timer = setTimeout(onSlow, SLOW_MS);
  const path = join(tmpdir(), `dstack-${crypto.randomUUID()}.diff`);
  const file = openSync(path, "wx+", 0o600);
  unlinkSync(path);
  const hash = new Bun.CryptoHasher("sha256");
  let size = 0;
  const collect = async (args: string[], isGood: (code: number) => boolean): Promise<number> => {
    const before = size;
    const child = spawnGit(["-c", "core.quotePath=true", ...args], { cwd: root, env });
    const said = new Response(child.stderr).text();
    for await (const piece of child.stdout) {
      hash.update(piece);
      for (let done = 0; done < piece.length; ) done += writeSync(file, piece, done);
      size += piece.length;
    }
    const code = await child.exited;
    if (!isGood(code)) throw new AppError("invalid", `git ${args.join(" ")} failed: ${(await said).trim()}`);
    return size - before;
  };
  const options = ["--no-ext-diff", "--no-color", "--binary"];
  const sizes: { name: string; bytes: number }[] = [];
  try {
    const bytes = await collect(["diff", ...options, commit], (code) => code === 0);
    sizes.push({ name: "changes of files that git knows", bytes });
    const others = ["ls-files", "--others", "--exclude-standard", "-z"];
    const { stdout } = await runGit(others, { cwd: root, env });
    for (const name of stdout
      .split("\0")
      .filter((one) => one !== "")
      .sort()) {
      // It answers 1, as there is a difference.
      const args = ["diff", ...options, "--no-index", "--", "/dev/null", name];
      sizes.push({ name, bytes: await collect(args, (code) => code <= 1) });
    }
  } finally {
    clearTimeout(timer);
  }
  if (size === 0) return undefined;
  return {
    size,
    hash: hash.digest("hex"),
    read: (from = 0) => readFrom(file, { from, size }),
    largestText: `The largest are ${sizes
      .toSorted((a, b) => b.bytes - a.bytes)
      .slice(0, SHOWN)
      .map((one) => `${one.name} (${showBytes(one.bytes)})`)
      .join(", ")}`,
  };
};

function* readFrom(
  file: number,
  { from, size }: { from: number; size: number },
): Generator<Uint8Array, void> {
  const piece = new Uint8Array(Math.min(CHUNK, size - from));
  for (let at = from; at < size; ) {
    const length = readSync(file, piece, 0, Math.min(piece.length, size - at), at);
    if (length === 0) throw new Error(`The diff ends at ${at} of ${size} bytes`);
    at += length;
    yield piece.subarray(0, length);
  }
}
