import { describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { publicKeyOf } from "./sshIdentity.ts";

describe.skipIf(Bun.which("ssh-keygen") === null)("the public half of a key (needs ssh-keygen)", () => {
  const makeKey = (dir: string, passphrase = "") => {
    const path = join(dir, "id");
    Bun.spawnSync(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "me", "-f", path]);
    return path;
  };

  test("is read beside it, or derived", async () => {
    using dir = tempDir();
    const path = makeKey(dir.path);
    const beside = await publicKeyOf(path);
    expect(beside).toMatch(/^ssh-ed25519 \S+ me$/);
    rmSync(`${path}.pub`);
    expect(await publicKeyOf(path)).toBe(beside);
  });

  test("cannot be had of what is no private key", async () => {
    using dir = tempDir();
    const path = makeKey(dir.path, "secret");
    await expect(publicKeyOf(`${path}.pub`)).rejects.toThrow(
      `Expected a private key at ${path}.pub, got a public key`,
    );
    rmSync(`${path}.pub`);
    await expect(publicKeyOf(path)).rejects.toThrow(`Unsupported or invalid SSH key at ${path}`);
    writeFileSync(path, "nonsense\n");
    await expect(publicKeyOf(path)).rejects.toThrow(`Unsupported or invalid SSH key at ${path}`);
    await expect(publicKeyOf("/no/such/key")).rejects.toThrow("Unable to read the SSH key at /no/such/key");
  });
});
