import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import ssh2 from "ssh2";
import { AppError } from "../../shared/errors.ts";

/** A private key as the SSH library reads it, which does not know PKCS#8, the form of the keys that servers keep. */
export const readPrivateKey = (path: string): string => {
  const text = readFileSync(path, "utf8");
  if (!(ssh2.utils.parseKey(text) instanceof Error)) return text;
  const unusable = (cause?: unknown) =>
    new AppError("unsupported", `The SSH key at ${path} cannot be used by dstack itself`, {
      hint: "Is it one without a passphrase?",
      cause,
    });
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch (err) {
    throw unusable(err);
  }
  if (key.asymmetricKeyType === "rsa") return key.export({ type: "pkcs1", format: "pem" }).toString();
  if (key.asymmetricKeyType === "ec") return key.export({ type: "sec1", format: "pem" }).toString();
  throw unusable();
};
