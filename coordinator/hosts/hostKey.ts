/** As clients pin it: kind and base64 of the key that a server has shown (RFC 4253 §6.6). */
export const printHostKey = (key: Buffer): string => `${kindOf(key)} ${key.toString("base64")}`;

/** `SHA256:…`, as `ssh-keygen -l` prints it. */
export const fingerprintOf = (printed: string): string => {
  const [, blob = ""] = printed.split(" ");
  const digest = new Bun.CryptoHasher("sha256").update(Buffer.from(blob, "base64")).digest("base64");
  return `SHA256:${digest.replace(/=+$/, "")}`;
};

/** A key begins with its kind, behind the length of that. */
const kindOf = (key: Buffer): string => key.subarray(4, 4 + key.readUInt32BE(0)).toString("latin1");
