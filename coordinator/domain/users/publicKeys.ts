import { toWireTime } from "../../../shared/api/scalars.ts";
import type { AddPublicKeyRequest, PublicKeyInfo } from "../../../shared/api/users.ts";
import { AppError } from "../../../shared/errors.ts";
import { fingerprintOf } from "../../../shared/ssh/fingerprint.ts";
import type { Deps } from "../../deps.ts";
import { writeAll } from "../../store/db.ts";
import {
  deletePublicKeys,
  insertPublicKey,
  listPublicKeys,
  type PublicKeyRow,
} from "../../store/publicKeys.ts";
import type { UserRow } from "../../store/users.ts";
import { publicKeyAdded, publicKeyDeleted } from "../events/adminEvents.ts";

const TYPES = [
  "ssh-ed25519",
  "ssh-rsa",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
];

interface ParsedKey {
  /** Type and blob, as in `authorized_keys`. */
  key: string;
  type: string;
  comment: string;
  /** As `ssh-keygen -l` tells it. */
  fingerprint: string;
}

/** One line of OpenSSH: type, blob, and maybe a comment. The blob begins with its type again (RFC 4253 §6.6). */
export const parsePublicKey = (text: string): ParsedKey => {
  const bad = () =>
    new AppError("invalid", "Invalid public key: expected one line as in ~/.ssh/id_ed25519.pub");
  const [, type = "", base64 = "", comment = ""] =
    /^(\S+)[ \t]+(\S+)(?:[ \t]+(.*))?$/.exec(text.trim()) ?? [];
  if (!TYPES.includes(type)) throw bad();
  const blob = Buffer.from(base64, "base64");
  if (blob.length < 4 || blob.toString("base64") !== base64) throw bad();
  const length = blob.readUInt32BE(0);
  if (blob.subarray(4, 4 + length).toString() !== type || blob.length <= 4 + length) throw bad();
  const key = `${type} ${base64}`;
  return { key, type, comment: comment.trim(), fingerprint: fingerprintOf(key) };
};

const view = ({ id, added_at, name, type, fingerprint }: PublicKeyRow): PublicKeyInfo => ({
  id,
  added_at: toWireTime(added_at),
  name,
  type,
  fingerprint,
});

export const listKeys = async ({ db }: Deps, user: UserRow): Promise<PublicKeyInfo[]> =>
  (await listPublicKeys(db, user.id)).map(view);

/** Without a name it goes by its comment, or else by its fingerprint. */
export const addKey = async (
  deps: Deps,
  user: UserRow,
  { key: text, name }: AddPublicKeyRequest,
): Promise<PublicKeyInfo> => {
  const { key, type, comment, fingerprint } = parsePublicKey(text);
  const row: PublicKeyRow = {
    id: crypto.randomUUID(),
    user_id: user.id,
    name: name ?? (comment || fingerprint),
    key,
    type,
    fingerprint,
    added_at: deps.clock.now(),
  };
  await insertPublicKey(deps.db, row, deps.tell([publicKeyAdded(user, user.id)]));
  return view(row);
};

/** Those that are the user's own; others are not there for them. */
export const deleteKeys = async ({ db, tell }: Deps, user: UserRow, ids: string[]): Promise<void> => {
  const own = (await listPublicKeys(db, user.id)).filter((row) => ids.includes(row.id));
  if (own.length === 0) return;
  await writeAll(db, [
    deletePublicKeys(
      db,
      user.id,
      own.map((row) => row.id),
    ),
    ...tell(own.map(() => publicKeyDeleted(user, user.id))),
  ]);
};
