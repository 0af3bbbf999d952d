import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { rememberHostKey } from "./knownHosts.ts";

const linesIn = (home: string) =>
  readFileSync(join(home, ".dstack/ssh/known_hosts"), "utf8").split("\n").slice(0, -1);

test("a host has one key, the newest; the others are left alone", () => {
  using home = tempDir();
  rememberHostKey(home.path, "web.dstack", "ssh-ed25519 AAAAone");
  rememberHostKey(home.path, "web", "ssh-ed25519 AAAAother");
  rememberHostKey(home.path, "web.dstack", "ssh-ed25519 AAAAtwo");
  rememberHostKey(home.path, "web.dstack", "ssh-ed25519 AAAAtwo");
  expect(linesIn(home.path)).toEqual(["web ssh-ed25519 AAAAother", "web.dstack ssh-ed25519 AAAAtwo"]);
});

test("they do not become more and more", () => {
  using home = tempDir();
  for (let n = 0; n < 1_010; n++) rememberHostKey(home.path, `run${n}`, "ssh-ed25519 AAAA");
  expect(linesIn(home.path)).toHaveLength(1_000);
  expect(linesIn(home.path).at(-1)).toBe("run1009 ssh-ed25519 AAAA");
});

test.each([
  "",
  "ssh-ed25519",
  "ssh-ed25519 AAAA\n* ssh-ed25519 BBBB",
  "ssh-ed25519 AAAA web",
  "@cert-authority * AAAA",
])("%j is no host key", (key) => {
  using home = tempDir();
  expect(() => rememberHostKey(home.path, "web", key)).toThrow("holds no host key");
});
