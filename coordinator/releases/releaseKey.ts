import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { AppError, messageOf } from "../../shared/errors.ts";

/** What agents trust releases by: they keep its public half from the moment that they join. */
export interface ReleaseKey {
  /** Base64 of the raw 32 bytes. */
  publicKey: string;
  /** Base64. */
  sign(text: string): string;
}

/** Reads the key, or makes it at the first start. Losing it means that hosts must join anew to be upgraded. */
export const openReleaseKey = (path: string): ReleaseKey => {
  if (!existsSync(path)) make(path);
  let key: ReturnType<typeof createPrivateKey>;
  try {
    key = createPrivateKey(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new AppError("invalid", `Cannot read the release key ${path}: ${messageOf(cause)}`, {
      cause,
      hint: "Put it back from a backup; agents take releases by no other key",
    });
  }
  const der = createPublicKey(key).export({ type: "spki", format: "der" });
  return {
    // The last 32 bytes of the DER form are the key itself (RFC 8410 §4).
    publicKey: der.subarray(-32).toString("base64"),
    sign: (text) => sign(null, Buffer.from(text), key).toString("base64"),
  };
};

const make = (path: string): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });
  writeFileSync(`${path}.part`, pem, { mode: 0o600 });
  renameSync(`${path}.part`, path);
};
