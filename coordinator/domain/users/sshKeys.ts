import { generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { AppError } from "../../../shared/errors.ts";
import type { Deps } from "../../deps.ts";
import { writeAll } from "../../store/db.ts";
import { replaceRunKeys } from "../../store/runs.ts";
import { replaceUserSshKeys, setUserSshKeys, type UserRow } from "../../store/users.ts";
import { userSshKeyRefreshed } from "../events/adminEvents.ts";

/** RSA-2048: the private half PKCS#8 PEM, the public half one OpenSSH line with a newline at its end. */
export interface SshKeyPair {
  publicKey: string;
  privateKey: string;
}

const generate = promisify(generateKeyPair);

export const generateSshKeyPair = async (comment: string): Promise<SshKeyPair> => {
  const { publicKey, privateKey } = await generate("rsa", { modulusLength: 2048 });
  return {
    publicKey: `ssh-rsa ${sshRsaBlob(publicKey).toString("base64")} ${comment}\n`,
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
};

/** RFC 4253 §6.6: the strings "ssh-rsa", e and n, each behind its length. */
const sshRsaBlob = (key: KeyObject): Buffer => {
  const { e = "", n = "" } = key.export({ format: "jwk" });
  return Buffer.concat(
    [Buffer.from("ssh-rsa"), mpint(e), mpint(n)].flatMap((part) => [lengthOf(part), part]),
  );
};

/** A number whose first bit is set gets a zero in front, or it would be negative (RFC 4251 §5). */
const mpint = (base64url: string): Buffer => {
  const bytes = Buffer.from(base64url, "base64url");
  return (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes;
};

const lengthOf = (part: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(part.length);
  return length;
};

/** The user with a key pair, which is made the first time that somebody needs it. */
export const withSshKeys = async (deps: Deps, user: UserRow): Promise<UserRow> => {
  if (user.ssh_public_key !== null) return user;
  const { publicKey, privateKey } = await generateSshKeyPair(user.username);
  const pair = { publicKey, privateKeySealed: deps.secrets.seal(privateKey) };
  const updated = await setUserSshKeys(deps.db, user.id, pair);
  if (!updated) throw new AppError("not_found", `User "${user.username}" does not exist any more`);
  return updated;
};

/** The user with another pair, which takes the place of the old one in runs that are not over, too. */
export const refreshSshKeys = async (deps: Deps, user: UserRow, actorId: string): Promise<UserRow> => {
  const { publicKey, privateKey } = await generateSshKeyPair(user.username);
  const pair = { publicKey, privateKeySealed: deps.secrets.seal(privateKey) };
  const { ssh_public_key: from } = user;
  await writeAll(deps.db, [
    replaceUserSshKeys(deps.db, user.id, pair),
    ...(from === null ? [] : [replaceRunKeys(deps.db, user.id, { from, to: publicKey })]),
    ...deps.tell([userSshKeyRefreshed(user, actorId)]),
  ]);
  return { ...user, ssh_public_key: pair.publicKey, ssh_private_key_sealed: pair.privateKeySealed };
};
