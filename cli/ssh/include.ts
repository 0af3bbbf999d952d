import { join } from "node:path";
import { messageOf } from "../../shared/errors.ts";
import { accountHome } from "../process/accountHome.ts";
import { withLock } from "../process/fileLock.ts";
import { aliasesPath, readIfThere, replaceFile } from "./files.ts";

/** What stands in front of the first of these holds for every host. */
const CONDITION = /^\s*(?:Host|Match)[\s=]/im;

/**
 * Has OpenSSH read the aliases, by one line at the top of `~/.ssh/config` (docs/spec/cli.md §6.3). Returns why that
 * cannot be; then `ssh -F` reads them still.
 */
export const includeAliases = (home: string, homeOfAccount = accountHome()): string | undefined => {
  const path = join(home, ".ssh", "config");
  const aliases = aliasesPath(home);
  // OpenSSH takes `~` for the home of the account, whatever HOME says.
  const line = `Include ${home === homeOfAccount ? "~/.dstack/ssh/config" : quoted(aliases)}`;
  const isIncluded = (text: string) => beforeConditions(text).some((one) => one === line);
  try {
    if (isIncluded(readIfThere(path) ?? "")) return undefined;
    withLock(`${aliases}.lock`, () => {
      const text = readIfThere(path) ?? "";
      if (!isIncluded(text)) replaceFile(path, text === "" ? `${line}\n` : `${line}\n\n${text}`);
    });
    return undefined;
  } catch (err) {
    return `Cannot write ${path}: ${messageOf(err)}`;
  }
};

const beforeConditions = (text: string): string[] =>
  text
    .slice(0, CONDITION.exec(text)?.index ?? text.length)
    .split("\n")
    .map((one) => one.trim());

const quoted = (path: string): string => (/\s/.test(path) ? `"${path}"` : path);
