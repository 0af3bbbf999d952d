import { labelsText, parseLabelChange } from "../../../shared/api/labels.ts";
import { labelInstance } from "../../api/instances.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, one, rest } from "../../args/option.ts";
import { UsageError } from "../../args/parse.ts";
import { projectOption } from "../../args/resolve.ts";
import { printJson } from "../../output/json.ts";

const change = (given: string): [string, string | null] => {
  const read = parseLabelChange(given);
  if (read) return read;
  throw new UsageError(
    `argument LABEL: invalid value: '${given}' (KEY=VALUE, like rack=a1, or KEY-, which takes it away)`,
  );
};

export const command = defineCommand({
  description: "Change labels of an instance, which runs can select by (`instances: [rack=a1]`).",
  options: {
    project: projectOption,
    json: flag("--json", "Print the instance as JSON"),
  },
  args: {
    name: one("NAME", "The name of the instance", "instance"),
    labels: rest("LABEL", "KEY=VALUE sets a label, KEY- takes it away"),
  },
  run: async (ctx, { project, json, name, labels: given }) => {
    if (given.length === 0) throw new UsageError("the following arguments are required: LABEL");
    const api = await openApi(ctx, { project });
    const instance = await labelInstance(api, name, Object.fromEntries(given.map(change)));
    if (json) return printJson(ctx.out, instance);
    const { labels } = instance;
    ctx.out.write(`Instance ${name} has ${labels ? `the labels ${labelsText(labels)}` : "no labels"}\n`);
  },
});
