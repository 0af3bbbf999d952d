import { AppError } from "../../../shared/errors.ts";
import { defineCommand } from "../../args/command.ts";
import { count, flag, rest, text, value } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";

/** Every command of `preset` (docs/spec/cli.md §3.10): what is typed is understood, and answered by one sentence. */
export const command = defineCommand({
  description: "Presets are not there yet: what they need is an agent that tries configurations of a model.",
  options: {
    project: projectOption,
    file: value("-f, --file FILE", "A configuration", text, { complete: "file" }),
    name: value("-n, --name NAME", "A name, or how many to list", text),
    last: value("--last COUNT", "How many to list", count),
    all: flag("-a, --all", "List unfinished ones, too"),
    watch: flag("-w, --watch", "Show the list again and again"),
    verbose: flag("-v, --verbose", "Show more"),
    json: flag("--json", "Print JSON"),
    follow: flag("--follow", "Print what is still to come, too"),
    base: value("--base MODEL", "Of this model", text),
    repo: value("--repo REPO", "Of this repository", text),
    keepService: flag("--keep-service", "Leave the service running"),
    force: flag("--force", "Overwrite what is there"),
    yes: flag("-y, --yes", "Do not ask"),
  },
  exclusive: [["base", "repo"]],
  args: { ids: rest("ID", "Presets") },
  run: async () => {
    throw new AppError("unsupported", "Presets are not supported yet", {
      hint: "Write the service with the options that you want to try, and apply it: `type: service`",
    });
  },
});
