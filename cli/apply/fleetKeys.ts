import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { EnvVars } from "../../shared/config/env.ts";
import type { FleetConfiguration } from "../../shared/config/fleet.ts";
import { AppError } from "../../shared/errors.ts";
import type { Context } from "../context.ts";
import { publicKeyOf } from "./sshIdentity.ts";

type SshKey = { public: string; private: string | null };

/** What is read here and sent along: the keys of `identity_file`, and variables that are named only (docs/spec/cli.md §5.1). */
export const completeFleet = async (
  ctx: Context,
  configuration: FleetConfiguration,
): Promise<FleetConfiguration> => {
  const { ssh_config: ssh } = configuration;
  if (!ssh) return configuration;
  const known = new Map<string, Promise<SshKey>>();
  const read = (path: string): Promise<SshKey> => {
    const key = known.get(path) ?? readKey(ctx, path);
    known.set(path, key);
    return key;
  };
  type WithKey = { identity_file: string | null; ssh_key: SshKey | null };
  const fill = async <T extends WithKey>(one: T): Promise<T> =>
    one.identity_file === null ? one : { ...one, ssh_key: await read(one.identity_file) };
  const jumped = async <T extends WithKey & { proxy_jump: JumpOf | null }>(one: T): Promise<T> => {
    const filled = await fill(one);
    return one.proxy_jump ? { ...filled, proxy_jump: await fill(one.proxy_jump) } : filled;
  };
  const hosts = [];
  for (const host of ssh.hosts) hosts.push(typeof host === "string" ? host : await jumped(host));
  // Keys before all else (docs/spec/cli.md §5.1).
  const ssh_config = { ...(await jumped(ssh)), hosts };
  return { ...configuration, env: fillEnv(configuration.env, ctx.env), ssh_config };
};

type JumpOf = NonNullable<NonNullable<FleetConfiguration["ssh_config"]>["proxy_jump"]>;

const readKey = async ({ cwd, home }: Context, given: string): Promise<SshKey> => {
  const path = resolve(cwd, given.replace(/^~(?=[/\\]|$)/, home));
  // First: it says what is wrong with the file.
  const publicKey = await publicKeyOf(path);
  return { public: `${publicKey}\n`, private: readFileSync(path, "utf8") };
};

const fillEnv = (vars: EnvVars, env: Context["env"]): EnvVars =>
  Object.fromEntries(
    Object.entries(vars).map(([name, value]) => {
      if (typeof value === "string") return [name, value];
      const found = env[value.key];
      if (found === undefined) throw new AppError("invalid", `Environment variable ${value.key} is not set`);
      return [name, found];
    }),
  );
