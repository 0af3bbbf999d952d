import { createHash } from "node:crypto";

/** Of a key in the form of `authorized_keys`, as `ssh-keygen -l` tells it. */
export const fingerprintOf = (key: string): string => {
  const blob = Buffer.from(key.split(" ")[1] ?? "", "base64");
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
};
