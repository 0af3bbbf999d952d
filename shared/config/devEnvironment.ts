import { z } from "zod";
import { parseInactivityDuration } from "../resources/duration.ts";
import { object, optionalField, orNull } from "../schema/field.ts";
import { parseText } from "../schema/scalar.ts";
import { Port } from "./ports.ts";
import { aboutRun, checkImageSource, RunFields, texts } from "./run.ts";

/** docs/spec/configuration.md §4.1 */
export const DevEnvironmentConfiguration = object(
  {
    type: z.literal("dev-environment"),
    ...RunFields,
    ide: orNull(z.enum(["vscode", "cursor", "windsurf", "zed"])),
    version: optionalField(parseText),
    init: texts(),
    inactivity_duration: optionalField(parseInactivityDuration),
    ports: z.array(Port).default(() => []),
  },
  {
    about: {
      type: "`dev-environment`",
      ...aboutRun,
      ide: "The editor to prepare: `vscode`, `cursor`, `windsurf` or `zed`. Unset: SSH only.",
      version: "The editor's version; of windsurf with its commit, `<version>@<commit>`.",
      init: "Commands at the start.",
      inactivity_duration: "Ends the run when nobody has been connected for so long. Unset: never.",
      ports: "Ports to forward to the client.",
    },
    rules: (env, report) => {
      checkImageSource(env, report);
      if (env.entrypoint !== null) {
        report("conflict", "A dev environment has no entrypoint: it runs the editor's server", [
          "entrypoint",
        ]);
      }
      if (env.version !== null && env.ide === null) report("missing", "version needs ide");
      if (env.version !== null && env.ide === "windsurf" && !/^[^@]+@[0-9a-f]+$/.test(env.version)) {
        report("invalid_value", `For windsurf, version is <version>@<commit>, got "${env.version}"`);
      }
      if (env.dstack && env.inactivity_duration !== null) {
        report("conflict", "dstack: true and inactivity_duration exclude each other");
      }
    },
  },
);
export type DevEnvironmentConfiguration = z.infer<typeof DevEnvironmentConfiguration>;
