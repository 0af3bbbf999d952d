import { expect, test } from "bun:test";
import { parsePublicKey } from "./publicKeys.ts";

const BLOB = "AAAAC3NzaC1lZDI1NTE5AAAAIIjGg/loTHPWasEHahgHE3QduyA1w99hGX7KXecyqod1";
/** As `ssh-keygen -l` tells it. */
const FINGERPRINT = "SHA256:4ndFLs1LENYLi+m9KkyOtrWSIutoOA2aejSlVbPL7ZA";

test("a key is type and blob; its fingerprint is that of ssh-keygen", () => {
  expect(parsePublicKey(`  ssh-ed25519 ${BLOB}  ann's laptop \n`)).toEqual({
    key: `ssh-ed25519 ${BLOB}`,
    type: "ssh-ed25519",
    comment: "ann's laptop",
    fingerprint: FINGERPRINT,
  });
  expect(parsePublicKey(`ssh-ed25519 ${BLOB}`)).toMatchObject({ comment: "", fingerprint: FINGERPRINT });
});

test.each([
  ["nothing", ""],
  ["no blob", "ssh-ed25519"],
  ["an unknown type", `ssh-dss ${BLOB}`],
  ["another type than the blob's", `ssh-rsa ${BLOB}`],
  ["a blob that is no base64", "ssh-ed25519 ???"],
  ["a blob that is cut off", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"],
  ["two keys", `ssh-ed25519 ${BLOB}\nssh-ed25519 ${BLOB}`],
  ["a private key", "-----BEGIN OPENSSH PRIVATE KEY-----"],
])("%s is refused", (_, text) => {
  expect(() => parsePublicKey(text)).toThrow("Invalid public key");
});
