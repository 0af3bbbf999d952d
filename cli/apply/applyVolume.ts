import type { Volume } from "../../shared/api/volumes.ts";
import { differing } from "../../shared/config/difference.ts";
import { printMemory } from "../../shared/resources/memory.ts";
import type { Api } from "../api/client.ts";
import { getMyUser } from "../api/projects.ts";
import { createVolume, deleteVolume, findVolume } from "../api/volumes.ts";
import type { Source } from "../configuration/source.ts";
import type { Context } from "../context.ts";
import { startLive } from "../output/live.ts";
import { renderProperties } from "../output/table.ts";
import { hourAndMinute } from "../output/time.ts";
import { interruptible } from "../process/interruptible.ts";
import { renderVolumes } from "../views/volumes.ts";
import { applyMade, type MadeKind, type MadeProposal, type MadeWish } from "./made.ts";

type Configuration = Volume["configuration"];

interface Wanted {
  readonly configuration: Configuration;
  readonly source: Source;
  readonly wish: MadeWish;
}

/** Plans a volume, asks, makes it and waits for it (docs/spec/cli.md §5.2). Returns the exit code. */
export const applyVolume = async (
  ctx: Context,
  api: Api,
  { configuration, source, wish }: Wanted,
): Promise<number> => {
  const { user, current } = await interruptible(ctx, async () => {
    using _ = startLive(ctx, "Getting apply plan...");
    const { username } = await getMyUser(api);
    const { name } = configuration;
    return { user: username, current: name === null ? undefined : await findVolume(api, name) };
  });
  const rows = planRows(configuration, { project: api.connection.project, user, path: source.path });
  ctx.out.write(`${renderProperties(ctx.out, rows)}\n`);
  return applyMade(ctx, {
    kind: volumesOf(ctx, api),
    proposal: propose(configuration, current),
    current,
    configuration,
    make: () => createVolume(api, configuration),
    wish,
  });
};

const planRows = (
  configuration: Configuration,
  { project, user, path }: { project: string; user: string; path: string },
): [string, string][] => {
  const isExternal = "volume_id" in configuration && configuration.volume_id !== null;
  const region = "region" in configuration ? configuration.region : "";
  const size = "size" in configuration ? configuration.size : null;
  return [
    ["Project", project],
    ["User", user],
    ["Configuration", path],
    ["Type", configuration.type],
    ["Volume type", isExternal ? "external" : "managed"],
    ["Backend", configuration.backend],
    ...(region ? [["Region", region] satisfies [string, string]] : []),
    ["Size", size === null ? "-" : printMemory(size)],
  ];
};

/** Nothing of a volume can be changed: it is deleted and made anew. */
const propose = (wanted: Configuration, current: Volume | undefined): MadeProposal => {
  if (!current) {
    const finding = wanted.name === null ? [] : [`Volume ${wanted.name} does not exist yet.`];
    return { finding, question: "Create the volume?", action: "create", isUnchanged: false };
  }
  const isUnchanged = differing(current.configuration, wanted).length === 0;
  const found = isUnchanged ? "No configuration changes detected." : "Configuration changes detected.";
  return {
    finding: [`Found volume ${current.name}. ${found}`],
    question: "Re-create the volume?",
    action: "recreate",
    isUnchanged,
  };
};

const volumesOf = (ctx: Context, api: Api): MadeKind<Volume> => ({
  noun: "volume",
  find: (name) => findVolume(api, name),
  remove: (name) => deleteVolume(api, name),
  isSettled: ({ status }) => status === "active" || status === "failed",
  failureOf: ({ status, status_message }) =>
    status === "failed" ? (status_message ?? "unknown") : undefined,
  table: (volume) =>
    renderVolumes(ctx.out, [volume], { isVerbose: volume.status === "failed", time: hourAndMinute }),
});
