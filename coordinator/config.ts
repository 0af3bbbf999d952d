import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { AppError } from "../shared/errors.ts";
import { LOG_LEVELS } from "../shared/log.ts";
import { isNetwork } from "../shared/net/networks.ts";
import { serverDirOf } from "../shared/serverDir.ts";
import type { JobNetworkMode } from "./domain/instances/networkMode.ts";
import { DEFAULT_TUNNEL_LIMITS, type TunnelLimits } from "./relay/limits.ts";
import { publicUrlOf, TLS_VARIABLES, type TlsConfig, tlsConfigOf } from "./tls/tlsSettings.ts";

const DEFAULT_CODE_UPLOAD_LIMIT = 2 * 1024 * 1024;
const DEFAULT_UPLOAD_LIMIT = 4 * 1024 ** 3;
const DEFAULT_SILENCE_S = 120;
const DEFAULT_SSH_HOST_S = 600;
const DEFAULT_EVENTS_TTL_S = 30 * 24 * 3600;
const DEFAULT_FILES_TTL_S = 30 * 24 * 3600;

const flag = z.enum(["0", "1", "true", "false"]).transform((text) => text === "1" || text === "true");

/** Where the reference's proxy for SSH listens (docs/spec/agent.md §3). */
const DEFAULT_SSH_PORT = 30_022;

const readAddress = (text: string, ctx: z.core.$RefinementCtx): SshAddress => {
  const [, inBrackets, name, port] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([\w.][\w.-]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const hostname = inBrackets ?? name;
  if (hostname !== undefined && Number(port ?? 22) >= 1 && Number(port ?? 22) <= 65_535)
    return { hostname, port: port === undefined ? null : Number(port) };
  ctx.addIssue({ code: "custom", message: "expected host or host:port" });
  return z.NEVER;
};

const most = (byDefault: number) => z.coerce.number().int().min(1).max(1_000_000).default(byDefault);
/** Less than this, and a single connection over a long way would be slow. */
const LEAST_TUNNEL_BYTES = 16 * 1024 * 1024;
const mostBytes = (byDefault: number) => z.coerce.number().int().min(LEAST_TUNNEL_BYTES).default(byDefault);

const NETWORK_MODES = { "1": 1, "2": 2, "3": 3 } as const;

/**
 * The environment variables of the coordinator, with those of the reference under their own names
 * (docs/spec/cli.md §3.1, docs/spec/agent.md §2.9). Flags of `dstack server` arrive as the same variables.
 */
const Environment = z.object({
  HOME: z.string().default(homedir()),
  DSTACK_SERVER_HOST: z.string().min(1).default("127.0.0.1"),
  DSTACK_SERVER_PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
  ...TLS_VARIABLES,
  /** Addresses and networks of proxies whose X-Forwarded-For is believed, by spaces or commas. */
  DSTACK_SERVER_TRUSTED_PROXIES: z
    .string()
    .default("")
    .transform((text) => text.split(/[\s,]+/).filter((entry) => entry !== ""))
    .pipe(z.array(z.string().refine(isNetwork, "expected an address, or a network as 10.0.0.0/8")).max(100)),
  DSTACK_SERVER_DIR: z.string().optional(),
  DSTACK_SERVER_LOG_LEVEL: z
    .string()
    .default("info")
    .transform((level) => level.toLowerCase())
    .pipe(z.enum(LOG_LEVELS)),
  DSTACK_SERVER_LOG_FORMAT: z.enum(["json", "text"]).default("text"),
  DSTACK_SERVER_ADMIN_TOKEN: z.string().min(8).max(500).optional(),
  DSTACK_DATABASE_URL: z.string().optional(),
  DSTACK_DATABASE_AUTH_TOKEN: z.string().optional(),
  /** Bytes of one archive that comes in one request, as the stock client sends it; 0: unlimited. */
  DSTACK_SERVER_CODE_UPLOAD_LIMIT: z.coerce.number().int().min(0).optional(),
  /** The same for one that comes in parts, as ours does. Absent: the former where that is set. */
  DSTACK_SERVER_UPLOAD_LIMIT: z.coerce.number().int().min(0).optional(),
  /** Seconds after which uploads that are of no use any more are removed; 0: never. */
  DSTACK_SERVER_FILES_TTL_SECONDS: z.coerce.number().int().min(0).default(DEFAULT_FILES_TTL_S),
  /** Days after which a host that is not heard of is removed from its fleet; 0: never, it is only listed. */
  DSTACK_SERVER_FORGET_HOSTS_DAYS: z.coerce.number().min(0).max(3_650).default(0),
  /** Seconds for which events are kept; 0: none are. */
  DSTACK_SERVER_EVENTS_TTL_SECONDS: z.coerce.number().int().min(0).default(DEFAULT_EVENTS_TTL_S),
  /**
   * Seconds that a host may be silent before its jobs that are retried on `interruption` or `error` end there by the
   * host's own clock, and go on elsewhere.
   */
  DSTACK_SERVER_HOST_SILENCE_SECONDS: z.coerce.number().int().min(10).max(86_400).default(DEFAULT_SILENCE_S),
  DSTACK_SERVER_ARTIFACTS_DIR: z.string().optional(),
  /** `off`: agents stay as they are, whatever lies beside the coordinator. */
  DSTACK_SERVER_AGENT_UPGRADE: z.enum(["auto", "off"]).default("auto"),
  /** Bytes that a job may print in an hour, what is over is dropped; 0: all. Absent: the agents' own bound. */
  DSTACK_SERVER_LOG_QUOTA_PER_JOB_HOUR: z.coerce.number().int().min(0).optional(),
  /** Whether servers of editors are downloaded for the jobs that come next. */
  DSTACK_SERVER_IDE_DOWNLOADS: flag.default(true),
  DSTACK_DOCKER_BASE_IMAGE: z.string().optional(),
  DSTACK_DOCKER_BASE_IMAGE_VERSION: z.string().optional(),
  DSTACK_ALLOW_NON_ADMINS_CREATE_PROJECTS: flag.default(true),
  /** Whether members of a project may apply SSH fleets; its admins always may. */
  DSTACK_ALLOW_NON_ADMINS_MANAGE_SSH_FLEETS: flag.default(true),
  /** Seconds from when a host of an SSH fleet was applied until it is given up. */
  DSTACK_SERVER_SSH_FLEET_SECONDS: z.coerce.number().int().min(1).max(86_400).default(DEFAULT_SSH_HOST_S),
  /** Up to so many instances of fleets may be agents on the server's own machine; 0: none. */
  DSTACK_SERVER_LOCAL_INSTANCES: z.coerce.number().int().min(0).max(1_000).default(0),
  /** The agent's program for them, where it does not lie beside the server's. */
  DSTACK_SERVER_LOCAL_AGENT: z.string().min(1).optional(),
  /** `GET /metrics` for Prometheus; set to anything, as with the reference. */
  DSTACK_ENABLE_PROMETHEUS_METRICS: z.string().optional(),
  /** What Prometheus has to send as its bearer token; unset: nothing. */
  DSTACK_PROMETHEUS_AUTH_TOKEN: z.string().min(1).optional(),
  /** Where the coordinator answers SSH for clients that know no tunnels. Absent: where it answers HTTP. */
  DSTACK_SERVER_SSH_HOST: z.string().min(1).optional(),
  /** 0: any; off: it does not answer SSH. Absent: any where that of HTTP is any. */
  DSTACK_SERVER_SSH_PORT: z.union([z.literal("off"), z.coerce.number().int().min(0).max(65_535)]).optional(),
  /** `host[:port]` that clients are told for SSH. Absent: the host by which they reach the coordinator, and its port. */
  DSTACK_SERVER_SSHPROXY_ADDRESS: z.string().transform(readAddress).optional(),
  /** No key of a user is told to a host; set to anything, as with the reference. */
  DSTACK_SERVER_SSHPROXY_ENFORCED: z.string().optional(),
  /** `off`: no client is told how to reach a host past the coordinator. */
  DSTACK_SERVER_DIRECT_TUNNELS: z.enum(["auto", "off"]).default("auto"),
  /** With which a proxy for SSH asks for the way to a job. */
  DSTACK_SSHPROXY_API_TOKEN: z.string().min(1).optional(),
  /** Limits of tunnels: links, streams and how often they are opened, bytes, seconds (relay/limits.ts). */
  DSTACK_SERVER_TUNNELS: most(DEFAULT_TUNNEL_LIMITS.links),
  DSTACK_SERVER_TUNNELS_PER_USER: most(DEFAULT_TUNNEL_LIMITS.linksPerUser),
  DSTACK_SERVER_TUNNEL_STREAMS: most(DEFAULT_TUNNEL_LIMITS.streams),
  DSTACK_SERVER_TUNNEL_STREAMS_PER_USER: most(DEFAULT_TUNNEL_LIMITS.streamsPerUser),
  DSTACK_SERVER_TUNNEL_STREAMS_PER_TUNNEL: most(DEFAULT_TUNNEL_LIMITS.streamsPerLink),
  DSTACK_SERVER_TUNNEL_OPENS_PER_SECOND: most(DEFAULT_TUNNEL_LIMITS.opensPerSecond),
  DSTACK_SERVER_TUNNEL_MEMORY: mostBytes(DEFAULT_TUNNEL_LIMITS.memoryBytes),
  DSTACK_SERVER_TUNNEL_MEMORY_PER_USER: mostBytes(DEFAULT_TUNNEL_LIMITS.memoryBytesPerUser),
  /** A stream in which nothing moves for so long ends; 0: never. */
  DSTACK_SERVER_TUNNEL_IDLE_SECONDS: z.coerce
    .number()
    .int()
    .min(0)
    .default(DEFAULT_TUNNEL_LIMITS.idleMs / 1000),
  /** How long a tunnel, or a stream, lasts at most; 0: for ever. */
  DSTACK_SERVER_TUNNEL_LONGEST_SECONDS: z.coerce
    .number()
    .int()
    .min(0)
    .default(DEFAULT_TUNNEL_LIMITS.longestMs / 1000),
  /** Who has the network of its host. 1: jobs of several nodes; 2: jobs that have the whole host; 3: none. */
  DSTACK_SERVER_JOB_NETWORK_MODE: z.enum(["1", "2", "3"]).default("2"),
});

/** All that it reads of its environment, but for the home folder. */
export const VARIABLES: readonly string[] = Object.keys(Environment.shape).filter((name) => name !== "HOME");

/** Where clients find SSH; no port: that of SSH. */
export interface SshAddress {
  hostname: string;
  port: number | null;
}

export interface CoordinatorConfig {
  host: string;
  port: number;
  tls: TlsConfig;
  /** Whose X-Forwarded-For is believed. */
  trustedProxies: readonly string[];
  /** Undefined until the server listens: the port may be chosen by the system. */
  publicUrl: string | undefined;
  /** Database, logs, blobs and keys are under it. */
  serverDir: string;
  logLevel: z.infer<typeof Environment>["DSTACK_SERVER_LOG_LEVEL"];
  logFormat: "json" | "text";
  adminToken: string | undefined;
  databaseUrl: string;
  databaseAuthToken: string | undefined;
  /** Of one archive; 0: none. `inParts`: of one that comes in several requests, with the setting that says so. */
  uploadLimits: { inOne: number; inParts: number; partsSetting: string };
  filesTtlS: number;
  eventsTtlS: number;
  silenceMs: number;
  /** 0: never. */
  forgetHostsMs: number;
  artifactsDir: string | undefined;
  /** Whether agents are offered the release that lies beside the coordinator. */
  upgradesAgents: boolean;
  logQuotaHour: number | undefined;
  downloadsIdes: boolean;
  baseImage: string | undefined;
  baseImageVersion: string | undefined;
  canUsersCreateProjects: boolean;
  canUsersManageSshFleets: boolean;
  sshHostMs: number;
  prometheus: { isEnabled: boolean; token: string | undefined };
  /** Where SSH for jobs is answered; no port: nowhere. */
  ssh: { host: string; port: number | undefined };
  /** What clients are told; undefined: where they reach the coordinator. */
  sshAddress: SshAddress | undefined;
  isSshProxyEnforced: boolean;
  /** Undefined: there is no proxy for SSH other than the coordinator itself. */
  sshProxyToken: string | undefined;
  jobNetworkMode: JobNetworkMode;
  allowsDirectTunnels: boolean;
  tunnels: TunnelLimits;
  /** Undefined: there is no such backend. */
  localInstances: { most: number; agent: string | undefined } | undefined;
}

/** Who limits what the stock client may send means ours as well, unless that has a limit of its own. */
const uploadLimitsOf = ({
  DSTACK_SERVER_CODE_UPLOAD_LIMIT: code,
  DSTACK_SERVER_UPLOAD_LIMIT: own,
}: z.infer<typeof Environment>): CoordinatorConfig["uploadLimits"] => ({
  inOne: code ?? DEFAULT_CODE_UPLOAD_LIMIT,
  inParts: own ?? code ?? DEFAULT_UPLOAD_LIMIT,
  partsSetting:
    own === undefined && code !== undefined
      ? "DSTACK_SERVER_CODE_UPLOAD_LIMIT"
      : "DSTACK_SERVER_UPLOAD_LIMIT",
});

const sshPortOf = ({ DSTACK_SERVER_SSH_PORT: own, DSTACK_SERVER_PORT: port }: z.infer<typeof Environment>) =>
  own === "off" ? undefined : (own ?? (port === 0 ? 0 : DEFAULT_SSH_PORT));

const tunnelLimitsOf = (data: z.infer<typeof Environment>): TunnelLimits => ({
  links: data.DSTACK_SERVER_TUNNELS,
  linksPerUser: data.DSTACK_SERVER_TUNNELS_PER_USER,
  streams: data.DSTACK_SERVER_TUNNEL_STREAMS,
  streamsPerUser: data.DSTACK_SERVER_TUNNEL_STREAMS_PER_USER,
  streamsPerLink: data.DSTACK_SERVER_TUNNEL_STREAMS_PER_TUNNEL,
  opensPerSecond: data.DSTACK_SERVER_TUNNEL_OPENS_PER_SECOND,
  memoryBytes: data.DSTACK_SERVER_TUNNEL_MEMORY,
  memoryBytesPerUser: data.DSTACK_SERVER_TUNNEL_MEMORY_PER_USER,
  idleMs: data.DSTACK_SERVER_TUNNEL_IDLE_SECONDS * 1000,
  longestMs: data.DSTACK_SERVER_TUNNEL_LONGEST_SECONDS * 1000,
});

/** Checks the environment once, at the start. Throws `invalid`, naming every wrong variable with its value. */
export const loadCoordinatorConfig = (env: Record<string, string | undefined>): CoordinatorConfig => {
  const parsed = Environment.safeParse(env);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map(({ path, message }) => {
      const name = String(path[0]);
      return `${name}=${name.endsWith("TOKEN") ? "…" : (env[name] ?? "")}: ${message}`;
    });
    throw new AppError("invalid", `Cannot start: ${wrong.join("; ")}`);
  }
  const { data } = parsed;
  const serverDir = serverDirOf(data);
  return {
    host: data.DSTACK_SERVER_HOST,
    port: data.DSTACK_SERVER_PORT,
    tls: tlsConfigOf(data),
    trustedProxies: data.DSTACK_SERVER_TRUSTED_PROXIES,
    publicUrl: publicUrlOf(data),
    serverDir,
    logLevel: data.DSTACK_SERVER_LOG_LEVEL,
    logFormat: data.DSTACK_SERVER_LOG_FORMAT,
    adminToken: data.DSTACK_SERVER_ADMIN_TOKEN,
    databaseUrl: data.DSTACK_DATABASE_URL ?? `file:${join(serverDir, "data", "coordinator.db")}`,
    databaseAuthToken: data.DSTACK_DATABASE_AUTH_TOKEN,
    uploadLimits: uploadLimitsOf(data),
    filesTtlS: data.DSTACK_SERVER_FILES_TTL_SECONDS,
    eventsTtlS: data.DSTACK_SERVER_EVENTS_TTL_SECONDS,
    silenceMs: data.DSTACK_SERVER_HOST_SILENCE_SECONDS * 1000,
    forgetHostsMs: data.DSTACK_SERVER_FORGET_HOSTS_DAYS * 24 * 3_600_000,
    artifactsDir: data.DSTACK_SERVER_ARTIFACTS_DIR,
    upgradesAgents: data.DSTACK_SERVER_AGENT_UPGRADE === "auto",
    logQuotaHour: data.DSTACK_SERVER_LOG_QUOTA_PER_JOB_HOUR,
    downloadsIdes: data.DSTACK_SERVER_IDE_DOWNLOADS,
    baseImage: data.DSTACK_DOCKER_BASE_IMAGE,
    baseImageVersion: data.DSTACK_DOCKER_BASE_IMAGE_VERSION,
    localInstances:
      data.DSTACK_SERVER_LOCAL_INSTANCES === 0
        ? undefined
        : { most: data.DSTACK_SERVER_LOCAL_INSTANCES, agent: data.DSTACK_SERVER_LOCAL_AGENT },
    jobNetworkMode: NETWORK_MODES[data.DSTACK_SERVER_JOB_NETWORK_MODE],
    canUsersCreateProjects: data.DSTACK_ALLOW_NON_ADMINS_CREATE_PROJECTS,
    ssh: {
      host: data.DSTACK_SERVER_SSH_HOST ?? data.DSTACK_SERVER_HOST,
      port: sshPortOf(data),
    },
    sshAddress: data.DSTACK_SERVER_SSHPROXY_ADDRESS,
    isSshProxyEnforced: data.DSTACK_SERVER_SSHPROXY_ENFORCED !== undefined,
    allowsDirectTunnels: data.DSTACK_SERVER_DIRECT_TUNNELS === "auto",
    canUsersManageSshFleets: data.DSTACK_ALLOW_NON_ADMINS_MANAGE_SSH_FLEETS,
    sshHostMs: data.DSTACK_SERVER_SSH_FLEET_SECONDS * 1000,
    tunnels: tunnelLimitsOf(data),
    sshProxyToken: data.DSTACK_SSHPROXY_API_TOKEN,
    prometheus: {
      isEnabled: data.DSTACK_ENABLE_PROMETHEUS_METRICS !== undefined,
      token: data.DSTACK_PROMETHEUS_AUTH_TOKEN,
    },
  };
};
