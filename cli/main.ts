#!/usr/bin/env bun
// The way in. The table names every command but loads none: a command is read when it is called.
import { homedir } from "node:os";
import { isatty } from "node:tty";
import { systemClock } from "../shared/clock.ts";
import { commands } from "./commands/table.ts";
import type { Context } from "./context.ts";
import { runCommandLine } from "./dispatch.ts";
import { createInput } from "./process/input.ts";
import { createInterrupts } from "./process/interrupts.ts";
import { createLogFile } from "./process/logFile.ts";
import { createOutput } from "./process/output.ts";
import { selfCommand } from "./process/self.ts";
import { hideTyping } from "./process/terminalEcho.ts";
import { createTerminations } from "./process/terminations.ts";

const INTERRUPTED_EXIT = 130;

const env = process.env;
const interrupts = createInterrupts(() => process.exit(INTERRUPTED_EXIT));
process.on("SIGINT", interrupts.interrupt);

const home = env["HOME"] || homedir();
const err = createOutput(2, env);

const ctx: Context = {
  env,
  cwd: process.cwd(),
  home,
  input: createInput(() => Bun.stdin.stream(), isatty(0), hideTyping),
  out: createOutput(1, env),
  err,
  interrupts,
  onTermination: createTerminations((code) => process.exit(code)),
  self: selfCommand(process.execPath, Bun.main),
  clock: systemClock,
  log: createLogFile({
    home,
    env,
    now: systemClock.now,
    // A service or a container may have no home, and its output is read by programs.
    onFailure: (message) => err.isTerminal && err.write(`${message}\n`),
  }),
};

process.exit(await runCommandLine(commands, process.argv.slice(2), ctx));
