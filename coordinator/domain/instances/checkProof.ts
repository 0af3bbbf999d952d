import { createPublicKey, verify } from "node:crypto";
import type { Clock } from "../../../shared/clock.ts";
import { AppError } from "../../../shared/errors.ts";
import { enrollProofText, type KeyProof } from "../../../shared/protocol/enroll.ts";
import { splitPin } from "../../../shared/tls/pinnedToken.ts";
import type { Db } from "../../store/db.ts";
import { findJoinToken, type JoinTokenRow } from "../../store/joinTokens.ts";
import { hashToken } from "../../store/tokens.ts";
import { useProof } from "../../store/usedProofs.ts";

/** How far a host's clock may be off for a proof by its key. */
const PROOF_SKEW_MS = 10 * 60_000;

interface Checking {
  db: Db;
  clock: Clock;
}

/** A join token, and why no new host joins with it any more, if so. */
export const readJoinToken = async (
  { db, clock }: Checking,
  text: string,
): Promise<{ token: JoinTokenRow; refusal: AppError | undefined }> => {
  // An older agent sends it with the pin that is for its host alone.
  const token = await findJoinToken(db, hashToken(splitPin(text).token));
  if (!token) throw refused("is not known");
  const over = token.revoked
    ? "was revoked"
    : token.expires_at <= clock.now()
      ? "has expired"
      : token.uses_left === 0
        ? "is used up"
        : undefined;
  return { token, refusal: over === undefined ? undefined : refused(over) };
};

const refused = (why: string): AppError =>
  new AppError("unauthenticated", `The join token ${why}`, {
    hint: "Make a new one with `dstack fleet token create FLEET`",
  });

/** DER prefix of an Ed25519 public key (RFC 8410 §4): what Node wants in front of the raw 32 bytes. */
const ED25519_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

export const checkSignature = (publicKey: string, { at, signature }: KeyProof): void => {
  const raw = Buffer.from(publicKey, "base64");
  const isValid =
    raw.length === 32 &&
    verify(
      null,
      Buffer.from(enrollProofText(publicKey, at)),
      createPublicKey({ key: Buffer.concat([ED25519_PREFIX, raw]), format: "der", type: "spki" }),
      Buffer.from(signature, "base64"),
    );
  if (!isValid) throw new AppError("unauthenticated", "The signature does not match the host's key");
};

/** An old proof may be somebody else's copy. */
export const checkMoment = ({ clock }: Checking, { at }: KeyProof): void => {
  if (Math.abs(clock.now() - at) > PROOF_SKEW_MS)
    throw new AppError("unauthenticated", "The host's clock is more than 10 minutes off", {
      hint: "Set the clock of the host (for example with an NTP service)",
    });
};

/** So is one that comes a second time: whoever asks again signs again. */
export const checkUnused = async (
  { db, clock }: Checking,
  publicKey: string,
  { at }: KeyProof,
): Promise<void> => {
  if (!(await useProof(db, { publicKey, at, endedAt: clock.now() - PROOF_SKEW_MS })))
    throw new AppError("unauthenticated", "This proof of the host's key was used before", {
      hint: "Ask again with a new one: each is good once",
    });
};
