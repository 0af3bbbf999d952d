import { expect, test } from "bun:test";
import { createPrivateKey } from "node:crypto";
import { generateSshKeyPair } from "./sshKeys.ts";

/** The strings of an SSH public key blob (RFC 4253 §6.6). */
const stringsOf = (blob: Buffer): Buffer[] => {
  const strings: Buffer[] = [];
  for (let at = 0; at < blob.length; ) {
    const length = blob.readUInt32BE(at);
    strings.push(blob.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
};

const withoutLeadingZeros = (bytes: Buffer): string => bytes.toString("hex").replace(/^(?:00)+/, "");

test("the two halves belong together and are in the formats clients expect", async () => {
  const { publicKey, privateKey } = await generateSshKeyPair("ann");
  expect(publicKey).toMatch(/^ssh-rsa AAAA[\w+/=]+ ann\n$/);
  expect(privateKey).toStartWith("-----BEGIN PRIVATE KEY-----\n");

  const { e = "", n = "" } = createPrivateKey(privateKey).export({ format: "jwk" });
  const [type, exponent, modulus] = stringsOf(Buffer.from(publicKey.split(" ")[1] ?? "", "base64"));
  expect(type?.toString()).toBe("ssh-rsa");
  expect(withoutLeadingZeros(exponent ?? Buffer.alloc(0))).toBe(Buffer.from(e, "base64url").toString("hex"));
  expect(withoutLeadingZeros(modulus ?? Buffer.alloc(0))).toBe(Buffer.from(n, "base64url").toString("hex"));
  // A positive number: its first bit is not set.
  expect((modulus?.[0] ?? 255) & 0x80).toBe(0);
});
