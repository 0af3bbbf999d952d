import { messageOf } from "../../shared/errors.ts";
import { type Api, createApi } from "../api/client.ts";
import { defineCommand } from "../args/command.ts";
import { projectOption } from "../args/resolve.ts";
import type { Context } from "../context.ts";
import { type Check, fail, ok, STATUS_STYLES } from "../doctor/check.ts";
import { checkConfig, checkGit, checkTerminal } from "../doctor/local.ts";
import { checkCapacity, checkProject, checkServer, checkToken, checkVersion } from "../doctor/server.ts";
import { formatOf, formatOptions, isData, printData } from "../output/format.ts";
import { startLive } from "../output/live.ts";
import { styled } from "../output/style.ts";
import { renderTable } from "../output/table.ts";
import { chooseConnection } from "../settings/connection.ts";

export const command = defineCommand({
  description:
    "Look for what may be wrong between this client, its server and the project, and say what to do. Exits with 1 if something is.",
  options: { project: projectOption, ...formatOptions },
  run: async (ctx, { project, ...wish }) => {
    const format = formatOf(wish);
    const checks = await examine(ctx, project);
    const hasFailed = checks.some(({ status }) => status === "fail");
    if (isData(format)) await printData(ctx.out, format, { ok: !hasFailed, checks });
    else ctx.out.write(render(ctx, checks));
    return hasFailed ? 1 : 0;
  },
});

const examine = async (ctx: Context, project: string | undefined): Promise<Check[]> => {
  using _ = startLive(ctx, "Looking...");
  const local = [await checkConfig(ctx), checkGit(ctx), checkTerminal(ctx)];
  let api: Api;
  try {
    api = createApi(await chooseConnection(ctx, project));
  } catch (err) {
    const remedy = "Use --project NAME, or dstack project add";
    return [...local, fail("connection", messageOf(err), remedy)];
  }
  const { connection } = api;
  const chosen = ok("connection", `Project ${connection.project} at ${connection.url}`);
  const server = await checkServer(ctx, api);
  // Of one that does not answer, the rest is not to be had.
  if (server.some(({ status }) => status === "fail")) return [...local, chosen, ...server];
  const token = await checkToken(api);
  const theirs = await Promise.all([
    checkVersion(api),
    ...(token.status === "ok" ? [checkProject(api)] : []),
  ]);
  const isIn = token.status === "ok" && theirs.every(({ status }) => status !== "fail");
  return [...local, chosen, ...server, token, ...theirs, ...(isIn ? [await checkCapacity(api)] : [])];
};

const render = (ctx: Context, checks: readonly Check[]): string => {
  const { out } = ctx;
  const columns = [{ title: "", isWhole: true }, { title: "", isWhole: true }, { title: "" }];
  const rows = checks.flatMap(({ name, status, message, remedy }) => [
    { cells: [{ text: status, style: STATUS_STYLES[status] }, name, message] },
    ...(remedy === null ? [] : [{ cells: ["", "", { text: `→ ${remedy}`, style: "dim" as const }] }]),
  ]);
  const warned = checks.filter(({ status }) => status === "warn").length;
  const failed = checks.filter(({ status }) => status === "fail").length;
  const sum =
    failed + warned === 0
      ? styled(out, "Nothing is wrong", "green")
      : [count(failed, "failure"), count(warned, "warning")].filter(Boolean).join(", ");
  return `${renderTable(out, columns, rows)}\n ${sum}\n`;
};

const count = (number: number, noun: string): string =>
  number === 0 ? "" : `${number} ${noun}${number === 1 ? "" : "s"}`;
