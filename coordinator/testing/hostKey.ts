import { generateKeyPairSync, sign } from "node:crypto";
import { enrollProofText, type KeyProof } from "../../shared/protocol/enroll.ts";

export interface HostKey {
  /** Base64 of the raw 32 bytes. */
  publicKey: string;
  prove(at: number): KeyProof;
}

/** A key as a host makes one for itself. */
export const newHostKey = (): HostKey => {
  const keys = generateKeyPairSync("ed25519");
  // The last 32 bytes of the DER form are the key itself (RFC 8410 §4).
  const publicKey = keys.publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("base64");
  return {
    publicKey,
    prove: (at) => {
      const text = Buffer.from(enrollProofText(publicKey, at));
      return { at, signature: sign(null, text, keys.privateKey).toString("base64") };
    },
  };
};
