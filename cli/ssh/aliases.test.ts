import { expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { waitFor } from "../../shared/testing/waitFor.ts";
import { openAlias } from "./aliases.ts";
import { includeAliases } from "./include.ts";

const STOCK = "Host other\n    HostName localhost\n";
const options = [["User", "root"]] as const;
const configIn = (home: string) => readFileSync(join(home, ".dstack/ssh/config"), "utf8");
const hostsIn = (home: string) => [...configIn(home).matchAll(/^Host (\S+)/gm)].map(([, host]) => host);

test("an alias is there as long as its attachment, for the owner's eyes only; what was there stays", () => {
  using home = tempDir();
  mkdirSync(join(home.path, ".dstack/ssh"), { recursive: true });
  writeFileSync(join(home.path, ".dstack/ssh/config"), STOCK);
  const alias = openAlias(home.path, { host: "web", options });
  expect(hostsIn(home.path)).toEqual(["web", "other"]);
  alias[Symbol.dispose]();
  alias[Symbol.dispose]();
  expect(configIn(home.path)).toBe(STOCK);
  expect(readdirSync(join(home.path, ".dstack/ssh/attached"))).toEqual([]);
});

test("new files are the owner's alone", () => {
  using home = tempDir();
  using _ = openAlias(home.path, { host: "web", options });
  const modeOf = (path: string) => (statSync(join(home.path, path)).mode & 0o777).toString(8);
  expect(includeAliases(home.path)).toBeUndefined();
  expect([".dstack/ssh", ".dstack/ssh/config", ".ssh", ".ssh/config"].map(modeOf)).toEqual([
    "700",
    "600",
    "700",
    "600",
  ]);
});

test("two attachments to one run: the alias is there until both have left", () => {
  using home = tempDir();
  const [first, second] = [1, 2].map((n) =>
    openAlias(home.path, { host: "web", options: [["Port", `${n}`]] }),
  );
  expect(hostsIn(home.path)).toEqual(["web", "web"]);
  // OpenSSH takes what it reads first.
  expect(configIn(home.path).indexOf("Port 2")).toBeLessThan(configIn(home.path).indexOf("Port 1"));
  second?.[Symbol.dispose]();
  expect(hostsIn(home.path)).toEqual(["web"]);
  first?.[Symbol.dispose]();
  expect(hostsIn(home.path)).toEqual([]);
});

const HOLD = `
const { openAlias } = await import(${JSON.stringify(join(import.meta.dir, "aliases.ts"))});
openAlias(process.argv[1], { host: process.argv[2], options: [] });
console.log("here");
setInterval(() => {}, 1_000);
`;

test("what an attachment has left behind that was killed goes with the next one; the living stay", async () => {
  using home = tempDir();
  const start = async (host: string) => {
    const child = Bun.spawn([process.execPath, "-e", HOLD, home.path, host], {
      stdout: "pipe",
      stderr: "inherit",
    });
    for await (const _ of child.stdout) break;
    return child;
  };
  const [dead, alive] = [await start("dead"), await start("alive")];
  try {
    dead.kill("SIGKILL");
    await dead.exited;
    expect(hostsIn(home.path).toSorted()).toEqual(["alive", "dead"]);
    using _ = openAlias(home.path, { host: "web", options });
    expect(hostsIn(home.path)).toEqual(["web", "alive"]);
  } finally {
    alive.kill("SIGKILL");
    await alive.exited;
  }
});

test("a process that is started meanwhile does not keep the lock of one that has left", async () => {
  using home = tempDir();
  const script = `${HOLD}\nBun.spawn(["sleep", "600"], { stdin: "ignore", stdout: "ignore" }).unref(); console.log("child");`;
  const child = Bun.spawn([process.execPath, "-e", script, home.path, "parent"], { stdout: "pipe" });
  let heard = "";
  for await (const bytes of child.stdout) {
    heard += Buffer.from(bytes).toString();
    if (heard.includes("child")) break;
  }
  const sleeping = await waitFor("the child", () => childOf(child.pid));
  try {
    child.kill("SIGKILL");
    await child.exited;
    using _ = openAlias(home.path, { host: "web", options });
    expect(hostsIn(home.path)).toEqual(["web"]);
  } finally {
    process.kill(sleeping, "SIGKILL");
  }
});

const childOf = (pid: number): number | undefined => {
  const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  return first ? Number(first) : undefined;
};

test("many at once do not lose each other's", async () => {
  using home = tempDir();
  const script = `
const { openAlias } = await import(${JSON.stringify(join(import.meta.dir, "aliases.ts"))});
for (let n = 0; n < 20; n++) openAlias(process.argv[1], { host: process.argv[2] + n, options: [] })[Symbol.dispose]();
openAlias(process.argv[1], { host: process.argv[2], options: [] });
console.log("here");
setInterval(() => {}, 1_000);
`;
  const children = Array.from({ length: 6 }, (_, n) =>
    Bun.spawn([process.execPath, "-e", script, home.path, `run${n}`], { stdout: "pipe", stderr: "inherit" }),
  );
  try {
    for (const child of children) for await (const _ of child.stdout) break;
    expect(hostsIn(home.path).toSorted()).toEqual(children.map((_, n) => `run${n}`));
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map(({ exited }) => exited));
  }
}, 60_000);

test("OpenSSH is told to read them once, at the top, by what leads there from the account's home", () => {
  using home = tempDir();
  const path = join(home.path, ".ssh/config");
  expect(includeAliases(home.path, home.path)).toBeUndefined();
  expect(readFileSync(path, "utf8")).toBe("Include ~/.dstack/ssh/config\n");
  writeFileSync(path, "Host *\n  User me\n");
  for (let n = 0; n < 2; n++) includeAliases(home.path, home.path);
  expect(readFileSync(path, "utf8")).toBe("Include ~/.dstack/ssh/config\n\nHost *\n  User me\n");
  // Where it holds for one host only it does not count.
  writeFileSync(path, "Host x\n  Include ~/.dstack/ssh/config\n");
  includeAliases(home.path, home.path);
  expect(readFileSync(path, "utf8")).toStartWith("Include ~/.dstack/ssh/config\n\nHost x\n");
  includeAliases(home.path, "/home/of/the/account");
  expect(readFileSync(path, "utf8")).toStartWith(`Include ${home.path}/.dstack/ssh/config\n`);
});

test("a link to somebody's own file stays a link", () => {
  using home = tempDir();
  mkdirSync(join(home.path, ".ssh"));
  writeFileSync(join(home.path, "mine"), "Host *\n", { mode: 0o640 });
  symlinkSync(join(home.path, "mine"), join(home.path, ".ssh/config"));
  expect(includeAliases(home.path, home.path)).toBeUndefined();
  expect(readFileSync(join(home.path, "mine"), "utf8")).toBe("Include ~/.dstack/ssh/config\n\nHost *\n");
  expect(statSync(join(home.path, "mine")).mode & 0o777).toBe(0o640);
});

test("what cannot be written is said, and nothing is left half done", () => {
  using home = tempDir();
  writeFileSync(join(home.path, ".ssh"), "a file, not a folder");
  expect(includeAliases(home.path, home.path)).toStartWith(`Cannot write ${home.path}/.ssh/config: `);
  expect(existsSync(join(home.path, ".ssh/config"))).toBe(false);
});
