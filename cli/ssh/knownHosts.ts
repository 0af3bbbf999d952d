import { AppError } from "../../shared/errors.ts";
import { withLock } from "../process/fileLock.ts";
import { knownHostsPath, readIfThere, replaceFile } from "./files.ts";

/** One line of known_hosts, and nothing that could be two. */
const KEY = /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]+={0,3}$/;
/** The newest; who comes again after so many others is written down again. */
const MOST = 1_000;

/**
 * Has OpenSSH expect this key, and no other, of the host of that name. A job's key is another one after each submission,
 * and is told by the coordinator, which the client trusts anyway.
 */
export const rememberHostKey = (home: string, name: string, key: string): void => {
  if (!KEY.test(key))
    throw new AppError("unsupported", "The host's answer holds no host key that is understood");
  const path = knownHostsPath(home);
  const line = `${name} ${key}`;
  const others = (lines: readonly string[]) => lines.filter((one) => !one.startsWith(`${name} `));
  const read = () => (readIfThere(path) ?? "").split("\n").filter((one) => one !== "");
  const isKnown = (lines: readonly string[]) =>
    lines.includes(line) && others(lines).length === lines.length - 1;
  if (isKnown(read())) return;
  withLock(`${path}.lock`, () => {
    const lines = read();
    if (!isKnown(lines)) replaceFile(path, `${[...others(lines).slice(1 - MOST), line].join("\n")}\n`);
  });
};
