/** `dstack-agent`. See `dstack-agent --help`. */
import type { Config } from "./config.ts";

/** Compiled, the program is one file; otherwise Bun runs this one. */
const isCompiled = Bun.main.startsWith("/$bunfs/");
const self = isCompiled ? [process.execPath] : [process.execPath, Bun.main];

/** Another agent has this host's identity: a service manager must not start this one again (install.sh). */
const FENCED_EXIT_CODE = 3;
/** The host is in no fleet, and no restart will change that (install.sh). */
const NOT_JOINED_EXIT_CODE = 4;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** A terminal that is closed ends the agent that was started in it; a service manager means "look again". */
const onHangUp = (listener: () => void): void => {
  if (!process.stdin.isTTY) process.on("SIGHUP", listener);
};

const start = async (config: Config): Promise<void> => {
  const { createLogger } = await import("../shared/log.ts");
  const log = createLogger({
    level: config.logLevel,
    format: process.stderr.isTTY ? "text" : "json",
    write: (line) => process.stderr.write(line),
  });
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.on(name, () => {
      // Whoever asks twice does not want to wait.
      if (stop.signal.aborted) process.exit(1);
      stop.abort();
    });
  }
  const deps = { log, signal: stop.signal };
  switch (config.command) {
    case "run": {
      const { run } = await import("./commands/run.ts");
      const own = isCompiled ? { path: process.execPath, args: process.argv.slice(2) } : undefined;
      return run(config, { ...deps, self, env: process.env, onHangUp, own });
    }
    case "join": {
      const { join } = await import("./commands/join.ts");
      const { instance_name, fleet_name, project_name, url } = await join(config, deps);
      process.stdout.write(`Joined ${url} as ${instance_name} in the fleet ${project_name}/${fleet_name}\n`);
      return;
    }
    case "status":
      process.stdout.write(await (await import("./commands/status.ts")).status(config, Date.now()));
      return;
    case "doctor": {
      const { doctor } = await import("./commands/doctor.ts");
      const { text, isWell } = await doctor(config, {
        env: process.env,
        program: isCompiled ? process.execPath : undefined,
        signal: stop.signal,
      });
      process.stdout.write(text);
      if (!isWell) process.exit(1);
      return;
    }
    case "inventory":
      process.stdout.write(await (await import("./commands/inventory.ts")).describeInventory(config, deps));
      return;
    case "drain":
    case "undrain": {
      const commands = await import("./commands/drain.ts");
      return commands[config.command](config, { signal: stop.signal, say });
    }
    case "leave":
      return (await import("./commands/leave.ts")).leave(config, { signal: stop.signal, say });
    case "version":
      process.stdout.write(`${(await import("../shared/version.ts")).VERSION}\n`);
  }
};

const main = async (): Promise<void> => {
  const { AppError, messageOf } = await import("../shared/errors.ts");
  let config: Config | "help" | undefined;
  try {
    const { HELP, loadConfig } = await import("./config.ts");
    config = loadConfig(process.argv.slice(2), process.env, { isRoot: process.getuid?.() === 0 });
    if (config === "help") process.stdout.write(HELP);
    else await start(config);
    process.exit(0);
  } catch (err) {
    const hint = err instanceof AppError && err.hint ? `\n  ${err.hint}` : "";
    const text = err instanceof AppError ? err.message : err instanceof Error ? err.stack : messageOf(err);
    process.stderr.write(`dstack-agent: ${text}${hint}\n`);
    const isRun = typeof config === "object" && config.command === "run";
    const code = err instanceof AppError && isRun ? err.code : undefined;
    process.exit(code === "fenced" ? FENCED_EXIT_CODE : code === "not_found" ? NOT_JOINED_EXIT_CODE : 1);
  }
};

// Everything is loaded only where it is needed: a supervisor must start at once and stay small.
if (process.argv[2] === "supervise") {
  const { supervise } = await import("./runtime/process/supervise.ts");
  supervise(process.argv[3] ?? "");
} else if (process.argv[2] === "guard") {
  const { guard, readGuardArgs } = await import("./upgrade/guard.ts");
  await guard(readGuardArgs(process.argv.slice(3)));
} else if (process.argv[2] === "fence") {
  const { fence } = await import("./fence/fence.ts");
  await fence(process.argv[3] ?? "", process.argv[4] ?? "");
} else if (process.argv[2] === "sftp") {
  const { sftp } = await import("./sftp/sftp.ts");
  sftp(process.argv[3] ?? "");
} else if (process.argv[2] === "sockets") {
  const { sockets } = await import("./sockets/sockets.ts");
  sockets(process.argv[3] ?? "");
} else await main();
