import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { AppError, messageOf } from "../../shared/errors.ts";
import { Credential, enrollProofText, type KeyProof } from "../../shared/protocol/enroll.ts";
import { TrustedAuthorities } from "../../shared/protocol/trust.ts";

/** Who this host is to its coordinator. The file holds the key and the credential: for its owner alone. */
const Identity = z.object({
  url: z.string(),
  /** Ed25519, PKCS#8 PEM; made once. */
  private_key: z.string(),
  /** Base64 of the raw 32 bytes. */
  public_key: z.string(),
  runtime: z.enum(["auto", "docker", "process"]).default("auto"),
  /** What the host is called, where that is not its host name. */
  name: z.string().nullish(),
  instance_id: z.string(),
  instance_name: z.string(),
  fleet_name: z.string(),
  project_name: z.string(),
  credential: Credential,
  /** What releases of the agent are trusted by; kept from the first time that it was told, until the host joins anew. */
  release_key: z.string().nullish(),
  /** By which authorities it knows its coordinator; absent: by those of the system. */
  trust: TrustedAuthorities.nullish(),
  /** When to ask for the next credential, milliseconds since 1970. */
  renew_at: z.number(),
});
export type Identity = z.infer<typeof Identity>;
const HostKey = Identity.pick({ private_key: true, public_key: true });
export type HostKey = z.infer<typeof HostKey>;

const pathIn = (stateDir: string): string => join(stateDir, "identity.json");
const authoritiesPathIn = (stateDir: string): string => join(stateDir, "authorities.pem");
const keyPathIn = (stateDir: string): string => join(stateDir, "joining.json");

export const findIdentity = (stateDir: string): Identity | undefined =>
  findPrivate(pathIn(stateDir), Identity);

/**
 * The key of a host that joins for the first time, made once: whoever joins again, because the answer was lost, is the
 * host that the coordinator may know by now.
 */
export const keepHostKey = (stateDir: string): HostKey => {
  const path = keyPathIn(stateDir);
  const known = findPrivate(path, HostKey);
  if (known) return known;
  const key = makeHostKey();
  savePrivate(path, `${JSON.stringify(key, null, 2)}\n`);
  return key;
};

const findPrivate = <S extends z.ZodType>(path: string, schema: S): z.output<S> | undefined => {
  try {
    return schema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new AppError("invalid", `Cannot read ${path}: ${messageOf(err).split("\n")[0]}`, {
      hint: "Remove it and join the host again",
      cause: err,
    });
  }
};

export const saveIdentity = (stateDir: string, identity: Identity): void => {
  savePrivate(pathIn(stateDir), `${JSON.stringify(identity, null, 2)}\n`);
  // For install.sh, when it is run again.
  const { authorities = [], system = true } = identity.trust ?? {};
  if (authorities.length > 0 && !system) savePrivate(authoritiesPathIn(stateDir), authorities.join(""));
  else rmSync(authoritiesPathIn(stateDir), { force: true });
  rmSync(keyPathIn(stateDir), { force: true });
};

/** A full disk, or one that has become read-only, is for whoever runs the host to mend. */
const savePrivate = (path: string, text: string): void => {
  try {
    writeDurably(path, text);
  } catch (err) {
    throw new AppError("unavailable", `Cannot write ${path}: ${messageOf(err)}`, {
      hint: "Make room there, and see that the file system can be written; then do this again",
      cause: err,
    });
  }
};

const writeDurably = (path: string, text: string): void => {
  const fd = openSync(`${path}.part`, "w", 0o600);
  try {
    writeSync(fd, text);
    // Or a power cut could leave an empty file in the place of the host's key.
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(`${path}.part`, path);
};

export const removeIdentity = (stateDir: string): void => rmSync(pathIn(stateDir), { force: true });

/** Two thirds into a credential's life: time enough to try again, and again. */
export const renewAt = (credential: Credential, now: number): number =>
  now + ((credential.expires_at - now) * 2) / 3;

export const makeHostKey = (): HostKey => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    // The last 32 bytes of the DER form are the key itself (RFC 8410 §4).
    public_key: publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("base64"),
  };
};

export const proveKey = (key: HostKey, at: number): KeyProof => {
  const text = Buffer.from(enrollProofText(key.public_key, at));
  return { at, signature: sign(null, text, createPrivateKey(key.private_key)).toString("base64") };
};
