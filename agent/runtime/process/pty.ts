import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";

/** A command on a terminal of its own, as its supervisor sees it. */
export interface PtyCommand {
  pid: number;
  /** Path of the terminal, e.g. `/dev/pts/3`. */
  terminal: string;
  exited: Promise<{ code: number | null; signal: string | null }>;
  /** Resolves when all that was written has been handed to `onData`; to be called once nothing holds the terminal. */
  drained(): Promise<void>;
}

interface PtyOptions {
  argv: readonly [string, ...string[]];
  env: Record<string, string>;
  cwd: string;
  /** What it answers is waited for before more is read, and so by the command, where the terminal can be left unread. */
  onData: (bytes: Uint8Array) => Promise<void> | undefined;
}

export type OpenPty = (options: PtyOptions) => PtyCommand;

const SIZE = { cols: 80, rows: 24 } as const;

/** How long a terminal may stay open by something that could not be killed. */
const DRAIN_MS = 2_000;

/** The native part of node-pty 1.1: forkpty(3), and a thread that waits for the child. */
interface NativePty {
  fork(
    file: string,
    args: string[],
    env: string[],
    cwd: string,
    cols: number,
    rows: number,
    uid: number,
    gid: number,
    isUtf8: boolean,
    helper: string,
    onExit: (code: number, signal: number) => void,
  ): { fd: number; pid: number; pty: string };
}

const signalName = (number: number): string | null =>
  Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ??
  (number > 0 ? `SIG${number}` : null);

const within = (promise: Promise<unknown>, ms: number): Promise<void> => {
  const timeUp = Promise.withResolvers<void>();
  const timer = setTimeout(timeUp.resolve, ms);
  return Promise.race([promise.then(() => {}), timeUp.promise]).finally(() => clearTimeout(timer));
};

/**
 * Its JavaScript half is left out: it reads through `tty.ReadStream`, which under Bun ends at the first EAGAIN
 * (oven-sh/bun#25822). Bun's own file stream waits for more, and ends with EIO when nothing holds the terminal.
 */
const openWith =
  (native: NativePty): OpenPty =>
  ({ argv: [file, ...args], env, cwd, onData }) => {
    const exited = Promise.withResolvers<{ code: number | null; signal: string | null }>();
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const { fd, pid, pty } = native.fork(
      file,
      args,
      variables,
      cwd,
      SIZE.cols,
      SIZE.rows,
      -1,
      -1,
      true,
      "",
      (code, signal) =>
        exited.resolve(signal === 0 ? { code, signal: null } : { code: null, signal: signalName(signal) }),
    );
    const read = async () => {
      try {
        for await (const bytes of Bun.file(fd).stream()) await onData(bytes);
      } catch (err) {
        if ((err as NodeJS.ErrnoException).code !== "EIO") throw err;
      }
    };
    const all = read();
    return { pid, terminal: pty, exited: exited.promise, drained: () => within(all, DRAIN_MS) };
  };

/** Terminals whose master this process has open (Linux: `tty-index` in /proc/PID/fdinfo). */
const ownTerminals = (): string[] =>
  readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const index = readFileSync(`/proc/self/fdinfo/${fd}`, "utf8").match(/^tty-index:\s+(\d+)$/m)?.[1];
      return index === undefined ? [] : [`/dev/pts/${index}`];
    } catch (err) {
      // The folder's own descriptor, closed since it was listed.
      if ((err as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw err;
    }
  });

/**
 * By Bun alone, where there is no native module (musl) or it cannot be loaded. Bun makes neither a session nor a
 * controlling terminal: `setsid -c` (util-linux, busybox) does, in the process that becomes the command. Bun also
 * keeps the terminal open itself, so that it never ends: a mark written behind the output tells that all is read.
 */
export const openByBun: OpenPty = ({ argv, env, cwd, onData }) => {
  const mark = Buffer.from(crypto.randomUUID());
  const drained = Promise.withResolvers<void>();
  let held = Buffer.alloc(0);
  let isMarked = false;
  const end = (bytes: Uint8Array) => {
    if (bytes.length > 0) void onData(bytes);
    held = Buffer.alloc(0);
    drained.resolve();
  };
  const others = new Set(ownTerminals());
  const terminal = new Bun.Terminal({
    ...SIZE,
    data: (_, bytes) => {
      if (!isMarked) {
        void onData(bytes);
        return;
      }
      held = Buffer.concat([held, bytes]);
      const at = held.indexOf(mark);
      if (at >= 0) end(held.subarray(0, at));
    },
    exit: () => end(held),
  });
  const path = ownTerminals().find((one) => !others.has(one));
  if (path === undefined) throw new Error("Cannot find the terminal that was just opened");
  const setsid = Bun.which("setsid", { PATH: "/usr/bin:/bin:/usr/sbin:/sbin" });
  const child = Bun.spawn([...(setsid ? [setsid, "-c"] : []), ...argv], { terminal, env, cwd });
  const exited = child.exited.then((code) =>
    child.signalCode === null ? { code, signal: null } : { code: null, signal: String(child.signalCode) },
  );
  return {
    pid: child.pid,
    terminal: path,
    exited,
    drained: () => {
      isMarked = true;
      writeFileSync(path, mark);
      return within(drained.promise, DRAIN_MS);
    },
  };
};

/** The way to open terminals on this host (docs/adr/0004-pty.md); loads what it takes, so that it is ready. */
export const loadPty = (): OpenPty => {
  try {
    // biome-ignore lint/style/noCommonJs: the program that is built puts the binding in its place, at this call
    const found: { requireBinary: (name: string) => NativePty } = require("node-pty/requireBinary.js");
    return openWith(found.requireBinary("pty.node"));
  } catch {
    return openByBun;
  }
};
