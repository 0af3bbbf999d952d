import { expect, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { openSecretBox } from "./secretBox.ts";

test("what was sealed opens again, with the key of the file, which is private", () => {
  using dir = tempDir();
  const file = `${dir.path}/data/encryption.key`;
  const sealed = openSecretBox(file).seal("wörd");
  expect(sealed).not.toContain("wörd");
  expect(openSecretBox(file).open(sealed)).toBe("wörd");
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("the same text is sealed differently each time, and a changed one does not open", () => {
  using dir = tempDir();
  const box = openSecretBox(`${dir.path}/key`);
  expect(box.seal("a")).not.toBe(box.seal("a"));
  const bytes = Buffer.from(box.seal("secret"), "base64");
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  expect(() => box.open(bytes.toString("base64"))).toThrow();
});

test("a damaged key file is named", () => {
  using dir = tempDir();
  writeFileSync(`${dir.path}/key`, "short");
  expect(() => openSecretBox(`${dir.path}/key`)).toThrow(`The encryption key in ${dir.path}/key is damaged`);
});
