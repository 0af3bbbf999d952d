import { accessSync, chmodSync, constants, mkdirSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { parseArgs } from "node:util";
import { AppError, messageOf } from "../shared/errors.ts";
import { LOG_LEVELS, type LogLevel } from "../shared/log.ts";
import { findDockerHost } from "./runtime/docker/address.ts";

const COMMANDS = [
  "run",
  "join",
  "status",
  "doctor",
  "inventory",
  "drain",
  "undrain",
  "leave",
  "version",
] as const;
type Command = (typeof COMMANDS)[number];

export const HELP = `Usage: dstack-agent COMMAND [options]

  join       make this host an instance of a fleet: --url URL, and a join token in DSTACK_JOIN_TOKEN
  run        pull jobs and run them (joins first, if --url and a token are given and it has not)
  status     say who this host is, what it does, and whether its agent reaches the coordinator
  doctor     look at everything that this host needs, and say how to mend what is not well
  inventory  print what this host is and has, as JSON, without joining anything
  drain      take no new jobs; those that run go on, and the drain outlives restarts
  undrain    take jobs again
  leave      leave the fleet for good, when the last job is over
  version    print the version

  --state-dir DIR    identity, journal and logs (default: /var/lib/dstack-agent; without root ~/.local/state)
  --url URL          the coordinator (or DSTACK_URL)
  --token TOKEN      join token (better: DSTACK_JOIN_TOKEN, which other users of the host cannot see)
  --ca-file FILE     authorities (PEM) to know the coordinator by, in place of the system's (or DSTACK_CA_FILE);
                     not needed where the join token carries a fingerprint
  --runtime NAME     docker, process or auto (default: auto, docker where an engine answers)
  --name NAME        what the host is called in its fleet (default: its host name)
  --reason TEXT      of drain: shown to those whose runs wait
  --wait             of drain: until the last job is over
  --force            of leave: kill the jobs, and go also where the coordinator does not answer
  --json             of status and doctor: as JSON
  --upgrade WHEN     auto or off: take the releases that the coordinator offers, or stay as it is
                     (default: auto; or DSTACK_AGENT_UPGRADE)
  --direct PORT      where clients in the same network may reach jobs without the coordinator between: auto (any
                     free port), off, or a port (default: auto; or DSTACK_AGENT_DIRECT)
  --log-level LEVEL  debug, info, warn or error (or DSTACK_AGENT_LOG_LEVEL)
`;

export type RuntimeChoice = "auto" | "docker" | "process";

export interface Config {
  command: Command;
  stateDir: string;
  url: string | undefined;
  /** PEM file with authorities that the coordinator is known by, in place of the system's. */
  caFile: string | undefined;
  token: string | undefined;
  /** Undefined: as it was when the host joined. */
  runtime: RuntimeChoice | undefined;
  name: string | undefined;
  logLevel: LogLevel;
  /** DOCKER_HOST, or the socket of an engine of this host. */
  dockerHost: string;
  upgrade: "auto" | "off";
  /** 0: any port. */
  directPort: number | "off";
  /** How long another release may take to reach the coordinator before this one comes back. */
  trialMs: number;
  reason: string;
  wait: boolean;
  force: boolean;
  json: boolean;
}

const DEFAULT_TRIAL_S = 60;
const MAX_TRIAL_S = 3_600;

type Env = Readonly<Record<string, string | undefined>>;

/** A unix socket's address holds 107 bytes (unix(7)), and the agent has one in its state directory. */
const MAX_STATE_DIR_BYTES = 95;

/** One checked object of arguments and environment; throws an AppError that names what is wrong. "help": asked for. */
export const loadConfig = (
  args: readonly string[],
  env: Env,
  { isRoot }: { isRoot: boolean },
): Config | "help" => {
  const { values, positionals } = parse(args);
  const [command, ...extra] = positionals;
  if (values.help || command === "help") return "help";
  if (command === undefined || !isOneOf(COMMANDS, command))
    throw wrong(command === undefined ? "No command given" : `Unknown command "${command}"`);
  if (extra.length > 0) throw wrong(`Unexpected argument "${extra[0]}"`);
  const runtime = values.runtime || undefined;
  if (runtime !== undefined && !isOneOf(["auto", "docker", "process"] as const, runtime))
    throw wrong(`--runtime is docker, process or auto, not "${runtime}"`);
  const logLevel = values["log-level"] ?? env["DSTACK_AGENT_LOG_LEVEL"] ?? "info";
  if (!isOneOf(LOG_LEVELS, logLevel))
    throw wrong(`--log-level is one of ${LOG_LEVELS.join(", ")}, not "${logLevel}"`);
  const upgrade = values.upgrade ?? (env["DSTACK_AGENT_UPGRADE"] || "auto");
  if (!isOneOf(["auto", "off"] as const, upgrade)) throw wrong(`--upgrade is auto or off, not "${upgrade}"`);
  const trialS = Number(env["DSTACK_AGENT_TRIAL_SECONDS"] || DEFAULT_TRIAL_S);
  if (!(trialS >= 1 && trialS <= MAX_TRIAL_S))
    throw wrong(
      `DSTACK_AGENT_TRIAL_SECONDS is 1 to ${MAX_TRIAL_S}, not "${env["DSTACK_AGENT_TRIAL_SECONDS"]}"`,
    );
  return {
    command,
    upgrade,
    directPort: readDirectPort(values.direct ?? (env["DSTACK_AGENT_DIRECT"] || "auto")),
    trialMs: trialS * 1000,
    stateDir: checkStateDir(values["state-dir"] ?? defaultStateDir(env, isRoot)),
    url: checkUrl(values.url ?? env["DSTACK_URL"]),
    caFile: values["ca-file"] || env["DSTACK_CA_FILE"] || undefined,
    token: values.token || env["DSTACK_JOIN_TOKEN"] || undefined,
    runtime,
    name: values.name || undefined,
    logLevel,
    dockerHost: env["DOCKER_HOST"] || findDockerHost(env),
    reason: checkReason(values.reason ?? ""),
    wait: values.wait ?? false,
    force: values.force ?? false,
    json: values.json ?? false,
  };
};

/** Makes the folder where it is missing, for its owner alone. */
export const makeStateDir = (stateDir: string): void => {
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    chmodSync(stateDir, 0o700);
    accessSync(stateDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (err) {
    throw new AppError("invalid", `Cannot use the state directory ${stateDir}: ${messageOf(err)}`, {
      hint: "Name one that this user may write to with --state-dir",
      cause: err,
    });
  }
};

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        "state-dir": { type: "string" },
        url: { type: "string" },
        "ca-file": { type: "string" },
        token: { type: "string" },
        runtime: { type: "string" },
        name: { type: "string" },
        "log-level": { type: "string" },
        upgrade: { type: "string" },
        direct: { type: "string" },
        reason: { type: "string" },
        wait: { type: "boolean" },
        force: { type: "boolean" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (err) {
    throw wrong(messageOf(err));
  }
};

const defaultStateDir = (env: Env, isRoot: boolean): string => {
  if (isRoot) return "/var/lib/dstack-agent";
  const home = env["HOME"];
  const base = env["XDG_STATE_HOME"] ?? (home ? join(home, ".local/state") : undefined);
  if (base === undefined) throw wrong("HOME is not set: name a folder with --state-dir");
  return join(base, "dstack-agent");
};

const checkStateDir = (path: string): string => {
  if (!isAbsolute(path)) throw wrong(`--state-dir must be an absolute path, not "${path}"`);
  if (Buffer.byteLength(path) > MAX_STATE_DIR_BYTES)
    throw wrong(
      `--state-dir may have at most ${MAX_STATE_DIR_BYTES} bytes, for the sake of its socket: "${path}"`,
    );
  return path.replace(/(?<=.)\/+$/, "");
};

const readDirectPort = (text: string): number | "off" => {
  if (text === "off") return "off";
  if (text === "auto") return 0;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw wrong(`--direct is auto, off or a port, not "${text}"`);
};

const MAX_REASON = 200;

const checkReason = (text: string): string => {
  if (text.length <= MAX_REASON) return text;
  throw wrong(`--reason may have at most ${MAX_REASON} characters, not ${text.length}`);
};

const checkUrl = (text: string | undefined): string | undefined => {
  if (!text) return undefined;
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw wrong(`--url must begin with http:// or https://, not "${text}"`);
  return text.replace(/\/+$/, "");
};

const isOneOf = <T extends string>(all: readonly T[], text: string): text is T =>
  (all as readonly string[]).includes(text);

const wrong = (message: string): AppError =>
  new AppError("invalid", message, { hint: "See dstack-agent --help" });
