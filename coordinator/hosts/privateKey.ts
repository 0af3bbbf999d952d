import ssh2 from "ssh2";

const SUPPORTED = /^(?:ssh-rsa|ssh-ed25519|ecdsa-sha2-)/;

/** Why a key opens nothing (docs/spec/configuration.md §5), in words that follow "the private key"; undefined: it may. */
export const whyNoKey = (text: string): string | undefined => {
  const parsed = ssh2.utils.parseKey(text);
  if (parsed instanceof Error)
    return "cannot be read: RSA, ECDSA and Ed25519 keys without a passphrase are supported";
  if (!parsed.isPrivateKey()) return "is a public one";
  return SUPPORTED.test(parsed.type) ? undefined : `is of the kind ${parsed.type}, which is not supported`;
};
