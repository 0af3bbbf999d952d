import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../shared/clock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { createApi } from "../api/client.ts";
import { contextOn } from "../testing/contextOn.ts";
import { memoryOutput } from "../testing/memoryOutput.ts";
import { openIdentities } from "./identity.ts";

let home: ReturnType<typeof tempDir>;
let asked = 0;
let key: { ssh_public_key: string | null; ssh_private_key: string | null };
let server: Bun.Server<undefined>;
let url: string;

beforeEach(() => {
  home = tempDir();
  asked = 0;
  key = { ssh_public_key: "ssh-rsa AAAA1 ada\n", ssh_private_key: "private 1\n" };
  server = Bun.serve({
    port: 0,
    fetch: () => {
      asked += 1;
      return Response.json(key);
    },
  });
  url = `http://127.0.0.1:${server.port}`;
});
afterEach(async () => {
  await server.stop(true);
  home[Symbol.dispose]();
});

const filesFor = (runKey: string | null, { given, token = "t" }: { given?: string; token?: string } = {}) => {
  const ctx = contextOn(memoryOutput().output, { home: home.path });
  const connection = { url, token, project: "main", apiVersion: "1" };
  return openIdentities(ctx, createApi(connection), given).filesFor(runKey);
};
const KEY_1 = "ssh-rsa AAAA1 ada\n";
const KEY_2 = "ssh-rsa AAAA2 ada\n";

test("the user's key is fetched once in ten minutes, for the owner's eyes only", async () => {
  const [file = ""] = await filesFor(KEY_1);
  expect(file).toMatch(/\/\.dstack\/ssh\/[0-9a-f]{8}$/);
  expect([readFileSync(file, "utf8"), readFileSync(`${file}.pub`, "utf8")]).toEqual(["private 1\n", KEY_1]);
  expect((statSync(file).mode & 0o777).toString(8)).toBe("600");
  expect(await filesFor(KEY_1)).toEqual([file]);
  expect(asked).toBe(1);
  const elevenMinutesAgo = (systemClock.now() - 11 * 60_000) / 1000;
  utimesSync(file, elevenMinutesAgo, elevenMinutesAgo);
  expect(await filesFor(KEY_1)).toEqual([file]);
  expect(asked).toBe(2);
});

test("a run that was submitted with another key has the key asked for again: it may have been replaced", async () => {
  const [file = ""] = await filesFor(KEY_1);
  key = { ssh_public_key: KEY_2, ssh_private_key: "private 2\n" };
  expect(await filesFor(KEY_2)).toEqual([file]);
  expect(readFileSync(file, "utf8")).toBe("private 2\n");
  // One that was submitted before lets in who asks all the same.
  expect(await filesFor(KEY_1)).toEqual([file]);
});

test("without a server the key that is here is used", async () => {
  const [file = ""] = await filesFor(KEY_1);
  utimesSync(file, 0, 0);
  await server.stop(true);
  expect(await filesFor(KEY_1)).toEqual([file]);
});

test("a server that keeps no keys: the old key of the stock client, or the reason why there is none", async () => {
  key = { ssh_public_key: null, ssh_private_key: null };
  const old = join(home.path, ".dstack/ssh/id_rsa");
  await expect(filesFor(KEY_1)).rejects.toThrow(
    `User SSH key doesn't match; default SSH key (${old}) doesn't exist`,
  );
  mkdirSync(join(home.path, ".dstack/ssh"), { recursive: true });
  writeFileSync(old, "private");
  expect(await filesFor(KEY_1)).toEqual([old]);
});

test("a key that is given is the only one, and has to be there", async () => {
  const given = join(home.path, "mine");
  expect(() => filesFor(KEY_1, { given })).toThrow(`Unable to read the SSH key at ${given}`);
  writeFileSync(given, "private");
  expect(await filesFor(KEY_1, { given })).toEqual([given]);
  expect(asked).toBe(0);
});

test("each user has a file of their own", async () => {
  await filesFor(KEY_1);
  await filesFor(KEY_1, { token: "of another" });
  const keys = readdirSync(join(home.path, ".dstack/ssh")).filter((name) => /^[0-9a-f]{8}$/.test(name));
  expect(keys).toHaveLength(2);
});
