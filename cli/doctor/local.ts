import { statSync } from "node:fs";
import { messageOf } from "../../shared/errors.ts";
import type { Context } from "../context.ts";
import { configPath, readProjects } from "../settings/configFile.ts";
import { type Check, fail, ok, warn } from "./check.ts";

// What this machine has, before anybody is asked.

const OTHERS_MAY_READ = 0o077;

export const checkConfig = async (ctx: Context): Promise<Check> => {
  const name = "config";
  const path = configPath(ctx.home);
  try {
    const projects = await readProjects(ctx.home);
    if (projects.length === 0)
      return ctx.env["DSTACK_SERVER_URL"] && ctx.env["DSTACK_TOKEN"]
        ? ok(name, "No projects in the file; the environment says where to go")
        : warn(name, `No projects in ${path}`, "dstack project add --name NAME --url URL --token TOKEN");
    if (process.platform !== "win32" && (statSync(path).mode & OTHERS_MAY_READ) !== 0)
      return warn(name, `${path} holds tokens, and others may read it`, `chmod 600 ${path}`);
    const names = projects.map((each) => (each.isDefault ? `${each.name} (default)` : each.name));
    return ok(name, `${path}: ${names.join(", ")}`);
  } catch (err) {
    return fail(name, messageOf(err), `Correct or remove ${path}, then dstack project add`);
  }
};

export const checkGit = ({ env }: Context): Check => {
  const name = "git";
  const path = Bun.which("git", { PATH: env["PATH"] ?? "" });
  if (path === null)
    return warn(
      name,
      "There is no git in PATH",
      "Install Git; it is needed for `repos` and `dstack init` only",
    );
  const { stdout, exitCode } = Bun.spawnSync([path, "--version"], { stderr: "ignore" });
  const version = stdout.toString().trim();
  return exitCode === 0
    ? ok(name, version)
    : warn(name, `${path} does not run`, "Install Git; it is needed for `repos` and `dstack init` only");
};

export const checkTerminal = ({ env, out, input }: Context): Check => {
  const name = "terminal";
  if (!out.isTerminal || !input.isTerminal)
    return ok(name, "None: nothing is asked, and no progress is drawn");
  if (env["TERM"] === "dumb")
    return warn(name, "TERM is dumb: no progress is drawn", "Set TERM to what the terminal is");
  const colour = out.hasColour ? "with colours" : "without colours (NO_COLOR)";
  const size = `${out.columns ?? "?"} columns, ${out.rows ?? "?"} rows`;
  if ((out.columns ?? 80) < 80)
    return warn(name, `${size}: tables are cut`, "Make the window 80 columns wide, or use -o json");
  return ok(name, `${size}, ${colour}`);
};
