import { AppError } from "../../shared/errors.ts";
import type { Connection } from "./connect.ts";
import { exec } from "./exec.ts";
import probeScript from "./probe.sh" with { type: "text" };
import { commandFor, inputFor } from "./remoteScript.ts";

/** What one look at a host tells. */
export interface Probe {
  os: string;
  machine: string;
  libc: "glibc" | "musl" | "none";
  hasAvx2: boolean;
  isRoot: boolean;
  user: string;
  home: string;
  /** Without a password, with one, or not at all. */
  sudo: "free" | "password" | "none";
  /** What it downloads with. */
  tool: "curl" | "wget" | "none";
  /** Of the coordinator, as far as the host can tell. */
  reach: "yes" | "no" | "unknown";
  reachError: string;
  /** Seconds since 1970 by its clock. */
  clock: number;
  /** Free KiB where the agent's program would be, with root and without. */
  freeForRoot: number | null;
  freeForUser: number | null;
}

interface ProbeOptions {
  url: string;
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

const PROBE_MS = 30_000;

export const probe = async (connection: Connection, { url, env, signal }: ProbeOptions): Promise<Probe> => {
  const { hostname, port, protocol } = new URL(url);
  const input = inputFor({
    script: probeScript,
    sudo: "none",
    env,
    args: [url, hostname.replace(/^\[|\]$/g, ""), port || (protocol === "https:" ? "443" : "80")],
  });
  const ended = await exec(connection, commandFor("none"), {
    input,
    step: "looking",
    timeoutMs: PROBE_MS,
    signal,
  });
  return readProbe(ended);
};

/** The script prints NAME=VALUE lines; others are of the user's own shell, as a greeting is. */
export const readProbe = ({
  code,
  stdout,
  stderr,
}: {
  code: number | null;
  stdout: string;
  stderr: string;
}): Probe => {
  const said = new Map(
    stdout.split("\n").flatMap((line) => {
      const [, name, value] = /^dstack_(\w+)=(.*)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, value?.trim() ?? ""]];
    }),
  );
  const get = (name: string) => said.get(name) ?? "";
  const oneOf = <T extends string>(name: string, values: readonly T[], otherwise: T): T =>
    values.find((value) => value === get(name)) ?? otherwise;
  if (get("end") !== "yes")
    throw new AppError(
      "unavailable",
      `looking: the host runs no shell scripts (exit status ${code}): ${lastLine(stderr) || lastLine(stdout) || "it says nothing"}`,
      { hint: "Can the user log in there with a shell, and is there /bin/sh?" },
    );
  const free = (name: string) => (/^\d+$/.test(get(name)) ? Number(get(name)) : null);
  return {
    os: get("os"),
    machine: get("machine"),
    libc: oneOf("libc", ["glibc", "musl"], "none"),
    hasAvx2: get("avx2") === "yes",
    isRoot: get("uid") === "0",
    user: get("user"),
    home: get("home"),
    sudo: oneOf("sudo", ["free", "password"], "none"),
    tool: oneOf("tool", ["curl", "wget"], "none"),
    reach: oneOf("reach", ["yes", "no"], "unknown"),
    reachError: get("reach_error"),
    clock: Number(get("clock")) || 0,
    freeForRoot: free("free_root"),
    freeForUser: free("free_user"),
  };
};

const lastLine = (text: string): string => text.trim().split("\n").at(-1)?.slice(0, 200) ?? "";
