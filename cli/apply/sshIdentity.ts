import { existsSync, readFileSync } from "node:fs";
import { AppError } from "../../shared/errors.ts";

const PUBLIC_KEY = /^(ssh-|ecdsa-|sk-)\S+ \S+/;

/** The public half of a private key: from the file beside it or, where there is none, as ssh-keygen derives it. */
export const publicKeyOf = async (path: string): Promise<string> => {
  const key = read(path);
  if (PUBLIC_KEY.test(key))
    throw new AppError("invalid", `Expected a private key at ${path}, got a public key`);
  if (existsSync(`${path}.pub`)) {
    const beside = read(`${path}.pub`).trim();
    if (PUBLIC_KEY.test(beside)) return beside;
  }
  return derive(path);
};

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new AppError("invalid", `Unable to read the SSH key at ${path}`, { cause });
  }
};

const derive = async (path: string): Promise<string> => {
  const unsupported = (cause?: unknown) =>
    new AppError("invalid", `Unsupported or invalid SSH key at ${path}`, {
      cause,
      hint: `Is it a private key without a passphrase? A public key in ${path}.pub is used as it is`,
    });
  let child: Bun.Subprocess<"ignore", "pipe", "ignore">;
  try {
    // An empty passphrase: nobody is asked for one.
    child = Bun.spawn(["ssh-keygen", "-y", "-P", "", "-f", path], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    });
  } catch (cause) {
    throw unsupported(cause);
  }
  const [derived, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  if (code !== 0) throw unsupported();
  return derived.trim();
};
