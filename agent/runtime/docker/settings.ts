import { z } from "zod";
import { AppError } from "../../../shared/errors.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** A resource limit as engines take it; -1: unlimited. */
export interface Ulimit {
  Name: string;
  Soft: number;
  Hard: number;
}

/** What the operator of a host decides about its containers (docs/containers.md). */
export interface DockerSettings {
  /** Of the agent's own environment, what every container gets (docs/spec/agent.md §2.4). */
  passEnv: Readonly<Record<string, string>>;
  /** So many containers of finished jobs stay, for a look at what went wrong. */
  keepFinished: number;
  /** False: jobs that ask for it are refused. */
  allowPrivileged: boolean;
  /** The image's files cannot be changed; `/tmp` and `/run` are in memory. */
  readOnly: boolean;
  ulimits: readonly Ulimit[];
  /** What a job may write beside its mounts, where the engine's storage can keep to it; undefined: no limit. */
  diskGib: number | undefined;
  /** Of the engine's disk, the percentage in use from which on images are removed. */
  imagesHighPercent: number;
  /** Whose: those that the agent pulled, any that no container uses, or none. */
  pruneImages: "pulled" | "all" | "none";
}

const PROXY_NAMES = ["http_proxy", "https_proxy", "no_proxy"].flatMap((name) => [name, name.toUpperCase()]);

const yesOrNo = z.enum(["0", "1", "true", "false"]).transform((text) => text === "1" || text === "true");

const ULIMIT = /^([a-z]+)=(-1|\d+)(?::(-1|\d+))?$/;
const ulimits = z.string().transform((text, context) =>
  listOf(text).flatMap((item): Ulimit[] => {
    const [, name, soft, hard = soft] = ULIMIT.exec(item) ?? [];
    if (name !== undefined) return [{ Name: name, Soft: Number(soft), Hard: Number(hard) }];
    context.addIssue({ code: "custom", message: `"${item}" is not of the form NAME=SOFT[:HARD]` });
    return [];
  }),
);

const listOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

const Environment = z.object({
  DSTACK_DOCKER_PASS_ENV: z.string().transform(listOf).default(PROXY_NAMES),
  DSTACK_AGENT_KEEP_FINISHED: z.coerce.number().int().min(0).max(1_000).default(5),
  DSTACK_AGENT_PRIVILEGED: z.enum(["allow", "forbid"]).default("allow"),
  DSTACK_AGENT_READ_ONLY: yesOrNo.default(false),
  DSTACK_AGENT_ULIMITS: ulimits.default([]),
  DSTACK_AGENT_JOB_DISK_GIB: z.coerce.number().int().positive().optional(),
  DSTACK_AGENT_IMAGES_HIGH_PERCENT: z.coerce.number().int().min(1).max(100).default(85),
  DSTACK_AGENT_PRUNE_IMAGES: z.enum(["pulled", "all", "none"]).default("pulled"),
});

/** Checks the agent's environment. Throws `invalid`, naming every wrong variable with its value. */
export const readDockerSettings = (env: Env): DockerSettings => {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = Environment.safeParse(given);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map(({ path, message }) => {
      const name = String(path[0]);
      return `${name}=${env[name] ?? ""}: ${message}`;
    });
    throw new AppError("invalid", `Cannot use the agent's settings: ${wrong.join("; ")}`);
  }
  const { data } = parsed;
  return {
    passEnv: pick(env, data.DSTACK_DOCKER_PASS_ENV),
    keepFinished: data.DSTACK_AGENT_KEEP_FINISHED,
    allowPrivileged: data.DSTACK_AGENT_PRIVILEGED === "allow",
    readOnly: data.DSTACK_AGENT_READ_ONLY,
    ulimits: data.DSTACK_AGENT_ULIMITS,
    diskGib: data.DSTACK_AGENT_JOB_DISK_GIB,
    imagesHighPercent: data.DSTACK_AGENT_IMAGES_HIGH_PERCENT,
    pruneImages: data.DSTACK_AGENT_PRUNE_IMAGES,
  };
};

const pick = (env: Env, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = env[name];
      return value ? [[name, value]] : [];
    }),
  );
