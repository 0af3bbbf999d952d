import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { makeSelfSigned } from "./selfSigned.ts";

test("a certificate is of its own key, and valid for years", async () => {
  const { key, certificate } = await makeSelfSigned("a host", new Date("2026-05-06T07:08:09Z"));
  const read = new X509Certificate(certificate);
  expect(read.subject).toBe("CN=a host");
  expect(read.verify(read.publicKey)).toBe(true);
  expect([read.validFrom, read.validTo].map((date) => new Date(date).getUTCFullYear())).toEqual([2026, 2046]);
  expect(key).toStartWith("-----BEGIN PRIVATE KEY-----");
});
