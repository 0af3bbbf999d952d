import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";

const ENTRY = /(?:DNS|IP Address):([^,\s]+)/g;

/** Host names and addresses that a certificate is for, as `canonicalName` writes them. */
export const namesOf = (cert: string): string[] =>
  [...(new X509Certificate(cert).subjectAltName ?? "").matchAll(ENTRY)].map(([, name = ""]) =>
    canonicalName(name),
  );

/** One IPv6 address can be written in many ways. */
export const canonicalName = (name: string): string =>
  isIP(name) === 6 ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name.toLowerCase();
