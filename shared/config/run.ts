import { z } from "zod";
import { defaultResources, ResourcesSpec } from "../resources/spec.ts";
import { field, object, optionalField, orNull, type Report } from "../schema/field.ts";
import { integerBetween, parseBoolean, parseText } from "../schema/scalar.ts";
import { Env } from "./env.ts";
import { FileMapping } from "./files.ts";
import { Mount } from "./mounts.ts";
import { ProfileFields } from "./profile.ts";
import { RepoSpec } from "./repos.ts";
import { parsePython, parseShell, parseUser } from "./runScalars.ts";

export const texts = () => z.array(field(parseText)).default(() => []);

export const Resources = () => ResourcesSpec.default(defaultResources);

const repos = z
  .array(RepoSpec)
  .superRefine((list, ctx) => {
    if (list.length < 2) return;
    const message = "At most one repo can be given";
    ctx.addIssue({ code: "custom", message, params: { kind: "conflict" }, continue: false });
  })
  .default(() => []);

/** What tasks, services and dev environments have in common (docs/spec/configuration.md §2 and §3). */
export const RunFields = {
  name: optionalField(parseText),
  image: optionalField(parseText),
  user: optionalField(parseUser),
  privileged: field(parseBoolean).default(false),
  entrypoint: optionalField(parseText),
  working_dir: optionalField(parseText),
  /** Without effect; kept on the wire. */
  home_dir: field(parseText).default("/root"),
  registry_auth: orNull(object({ username: field(parseText), password: field(parseText) })),
  python: optionalField(parsePython),
  nvcc: optionalField(parseBoolean),
  docker: optionalField(parseBoolean),
  single_branch: optionalField(parseBoolean),
  env: Env,
  shell: optionalField(parseShell),
  resources: Resources(),
  priority: optionalField(integerBetween(0, 100)),
  volumes: z.array(Mount).default(() => []),
  repos,
  files: z.array(FileMapping).default(() => []),
  dstack: field(parseBoolean).default(false),
  setup: texts(),
  ...ProfileFields,
};

interface ImageSource {
  image: string | null;
  python: string | null;
  nvcc: boolean | null;
  docker: boolean | null;
}

/** What the job's image is made from: at most one of `image`, `docker: true`, and the default image's `python`, `nvcc`. */
export const checkImageSource = ({ image, python, nvcc, docker }: ImageSource, report: Report) => {
  if (image && python)
    report("conflict", "image and python exclude each other: python is for the default image", ["python"]);
  if (!docker) return;
  const other = image ? "image" : python ? "python" : nvcc ? "nvcc" : undefined;
  if (other) report("conflict", `docker: true and ${other} exclude each other`, ["docker"]);
};
