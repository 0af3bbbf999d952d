import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ssh2 from "ssh2";

export interface HostKey {
  /** As OpenSSH keeps it. */
  private: string;
  /** `ssh-ed25519 AAAA…`: what a client pins. */
  public: string;
}

const FILE = "ssh_host_ed25519_key";

/** The key by which a job's SSH server is known: made when it is first asked for, the same as long as the job is here. */
export const hostKeyIn = (dir: string): HostKey => {
  const path = join(dir, FILE);
  const kept = readIfThere(path) ?? make(path);
  const parsed = ssh2.utils.parseKey(kept);
  if (parsed instanceof Error) throw parsed;
  return { private: kept, public: `${parsed.type} ${parsed.getPublicSSH().toString("base64")}` };
};

const readIfThere = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw err;
  }
};

/**
 * A new pair of keys. One in 256 that ssh2 (1.17) makes is malformed: it takes the zero that a public key begins with for
 * padding. Such a one is thrown away.
 */
export const newKeyPair = (): ReturnType<typeof ssh2.utils.generateKeyPairSync> => {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync("ed25519");
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
};

const make = (path: string): string => {
  const made = newKeyPair().private;
  // Whole or not at all: a key that a client has pinned must not be another one after a power cut.
  writeFileSync(`${path}.part`, made, { mode: 0o600 });
  renameSync(`${path}.part`, path);
  return made;
};
