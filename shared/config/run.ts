import { z } from "zod";
import { defaultResources, ResourcesSpec } from "../resources/spec.ts";
import { field, object, optionalField, orNull, type Report } from "../schema/field.ts";
import { accepts, reference } from "../schema/form.ts";
import { integerBetween, parseBoolean, parseText } from "../schema/scalar.ts";
import { Env } from "./env.ts";
import { FileMapping } from "./files.ts";
import { Mount } from "./mounts.ts";
import { aboutPlacement, ProfileFields } from "./profile.ts";
import { RepoSpec } from "./repos.ts";
import { parsePython, parseShell, parseUser } from "./runScalars.ts";

export const texts = () => z.array(field(parseText)).default(() => []);

export const Resources = () => ResourcesSpec.default(defaultResources);

const repos = accepts(
  { maxItems: 1 },
  z.array(RepoSpec).superRefine((list, ctx) => {
    if (list.length < 2) return;
    const message = "At most one repo can be given";
    ctx.addIssue({ code: "custom", message, params: { kind: "conflict" }, continue: false });
  }),
).default(() => []);

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
  registry_auth: orNull(
    object(
      { username: field(parseText), password: field(parseText) },
      {
        about: {
          username: `The user. May refer to ${reference("env.NAME")} and ${reference("secrets.NAME")}.`,
          password: `The password or token. May refer to ${reference("env.NAME")} and ${reference("secrets.NAME")}.`,
        },
      },
    ),
  ),
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

export const aboutRun = {
  name: "The run's name: 2 to 41 of a-z, 0-9 and -, beginning with a letter. Unset, one is made up.",
  image: "The image to run in. Unset, the default one, with Python and CUDA.",
  user: "The user in the container, and the group. Unset, the image's.",
  privileged: "Whether the container is privileged. `docker: true` makes it so.",
  entrypoint: "Replaces the image's entrypoint; `commands` become its arguments.",
  working_dir: "Where commands run: absolute, or beginning with `~`. Unset, the image's.",
  home_dir: "Without effect.",
  registry_auth: "How to log in at the image's registry.",
  python: "The version of Python in the default image; excludes `image`.",
  nvcc: "Whether the default image has the CUDA compiler.",
  docker: "Whether the job has a Docker of its own; excludes `image`, `python` and `nvcc`.",
  single_branch: "Whether only one branch of the repo is cloned. Unset: yes, but not for dev environments.",
  env: `Variables: a list of \`NAME=VALUE\`, or a mapping. A name alone is taken from the client's environment. Values may refer to ${reference("secrets.NAME")}.`,
  shell: "What runs the commands: `sh`, `bash` or an absolute path. Unset: `sh` with `image`, else `bash`.",
  resources: "What the job needs of a host.",
  priority: "From 0 to 100; a higher one is placed first. Unset: 0.",
  volumes: "Network volumes and folders of the host to mount.",
  repos: "A Git repository to have in the container; at most one.",
  files: "Files and folders to bring along, without what `.gitignore` and `.dstackignore` leave out.",
  dstack: "Whether the job can reach the server.",
  setup: "Deprecated: use `init`.",
  ...aboutPlacement,
} as const satisfies Record<keyof typeof RunFields, string>;

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
