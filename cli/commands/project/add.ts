import { readAuthorities } from "../../../shared/tls/authorities.ts";
import { parseFingerprint } from "../../../shared/tls/fingerprint.ts";
import { createApi } from "../../api/client.ts";
import { getProject } from "../../api/projects.ts";
import { defineCommand } from "../../args/command.ts";
import { BadValue, flag, requiredValue, text, value } from "../../args/option.ts";
import { UsageError } from "../../args/parse.ts";
import type { Context } from "../../context.ts";
import { printInfo } from "../../output/message.ts";
import { confirm } from "../../output/prompt.ts";
import { findAuthority, keepAuthorities, tlsFor } from "../../settings/authorities.ts";
import {
  configPath,
  type ProjectEntry,
  readProjects,
  saveProjects,
  withProject,
} from "../../settings/configFile.ts";
import { apiVersionOf, withoutSlash } from "../../settings/connection.ts";

const sha256 = (given: string): string => {
  const found = parseFingerprint(given);
  if (found === undefined) throw new BadValue(`invalid value: '${given}' (64 hexadecimal digits)`);
  return found;
};

export const command = defineCommand({
  description: "Add a project of a server to this client, or change its address and token.",
  options: {
    name: requiredValue("--name NAME", "The name of the project", text),
    url: requiredValue("--url URL", "The address of the server", text),
    token: requiredValue("--token TOKEN", "Your token", text),
    caFile: value(
      "--ca-file FILE",
      "Authorities (PEM) that the server is known by, in place of the system's",
      text,
    ),
    fingerprint: value(
      "--fingerprint SHA256",
      "Of the server's own authority, as the server prints it: only that one is trusted",
      sha256,
    ),
    yes: flag("-y, --yes", "Make it the default without a question"),
    no: flag("-n, --no", "Do not make it the default"),
  },
  exclusive: [
    ["yes", "no"],
    ["caFile", "fingerprint"],
  ],
  run: async (ctx, { name, url, token, caFile, fingerprint, yes, no }) => {
    const entry = { name, url: withoutSlash(url), token };
    const projects = await readProjects(ctx.home);
    const authorities = await findAuthorities(entry.url, { caFile, fingerprint });
    const tls = authorities ? { ca: authorities } : tlsFor(ctx, entry.url);
    await getProject(
      createApi({ url: entry.url, token, project: name, apiVersion: apiVersionOf(ctx.env), tls }),
    );
    if (authorities) keepAuthorities(ctx.home, entry.url, authorities);
    const isDefault = await becomesDefault(ctx, { projects, entry, yes, no });
    saveProjects(ctx.home, withProject(projects, { ...entry, isDefault }));
    printInfo(ctx, `Configuration updated at ${configPath(ctx.home)}`);
  },
});

const findAuthorities = async (
  url: string,
  { caFile, fingerprint }: { caFile: string | undefined; fingerprint: string | undefined },
): Promise<string[] | undefined> => {
  if (caFile === undefined && fingerprint === undefined) return undefined;
  if (!url.startsWith("https:"))
    throw new UsageError("--ca-file and --fingerprint are for servers at https://");
  return fingerprint === undefined ? readAuthorities(caFile ?? "") : [await findAuthority(url, fingerprint)];
};

interface Wish {
  readonly projects: readonly ProjectEntry[];
  readonly entry: Omit<ProjectEntry, "isDefault">;
  readonly yes: boolean;
  readonly no: boolean;
}

const becomesDefault = async (ctx: Context, { projects, entry, yes, no }: Wish): Promise<boolean> => {
  if (no) return false;
  const current = projects.find((each) => each.isDefault);
  if (yes || !current) return true;
  const isSame = current.name === entry.name && current.url === entry.url && current.token === entry.token;
  return isSame || confirm(ctx, `Set '${entry.name}' as your default project?`);
};
