import { appendFileSync, existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../shared/errors.ts";

type Level = "DEBUG" | "INFO" | "WARNING" | "ERROR";

const RANKS: Readonly<Record<string, number>> = { DEBUG: 10, INFO: 20, WARNING: 30, ERROR: 40, CRITICAL: 50 };

/** What a command did, for whoever looks into it later. Never arguments: they may be secret. */
export type Log = (level: Level, message: string) => void;

interface Place {
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  /** Called once, if the file cannot be written; the command goes on. */
  readonly onFailure: (message: string) => unknown;
}

/**
 * `~/.dstack/logs/cli/latest.log`, where the stock client writes, too (docs/spec/cli.md §1). Nothing is opened before
 * there is something to write.
 */
export const createLogFile = ({ home, env, now, onFailure }: Place): Log => {
  const least = RANKS[env["DSTACK_CLI_FILE_LOG_LEVEL"]?.toUpperCase() ?? "DEBUG"] ?? 0;
  const dir = join(home, ".dstack", "logs", "cli");
  const path = join(dir, "latest.log");
  let isOpen = false;
  let isBroken = false;
  return (level, message) => {
    if (isBroken || (RANKS[level] ?? 0) < least) return;
    try {
      if (!isOpen) {
        mkdirSync(dir, { recursive: true, mode: 0o700 });
        putAside(dir, now());
        isOpen = true;
      }
      appendFileSync(path, `${timeOf(now())} - dstack.cli - ${level} - ${message}\n`, { mode: 0o600 });
    } catch (err) {
      isBroken = true;
      onFailure(`Cannot write ${path}: ${messageOf(err)}`);
    }
  };
};

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const timeOf = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace("T", " ");

/** A file of an earlier day gets the name of that day. */
const putAside = (dir: string, nowMs: number): void => {
  const path = join(dir, "latest.log");
  const stats = statSync(path, { throwIfNoEntry: false });
  const day = stats && dateOf(stats.mtimeMs);
  if (day === undefined || day >= dateOf(nowMs)) return;
  let name = `${day}.log`;
  for (let at = 1; existsSync(join(dir, name)); at++) name = `${day}-${at}.log`;
  renameSync(path, join(dir, name));
};
