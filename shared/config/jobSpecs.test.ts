import { describe, expect, test } from "bun:test";
import { RunSpec, type RunSpec as Spec } from "../api/runs.ts";
import { AppError } from "../errors.ts";
import { configurationCases, type Expected } from "../testing/golden.ts";
import { afterDevCommands, beforeDevCommands } from "./devCommands.ts";
import { setupPython } from "./image.ts";
import { getJobSpecs, type ImageConfig } from "./jobSpecs.ts";

const cases = configurationCases().filter(({ expected }) => expected.job_specs);

const options = {
  defaultPython: "default",
  images: { base: "dstackai/base", version: "<version>", ubuntu: "24.04", dind: "dstackai/dind" },
};

const ANY_UUID = "00000000-0000-4000-8000-000000000000";

/** What the client adds to the configuration: the reference's own values, as they are on the wire. */
const specOf = (expected: Expected): Spec => {
  const [job] = expected.job_specs ?? [];
  const archives = (job?.["file_archives"] ?? []) as { path: string }[];
  return RunSpec.parse({
    configuration: expected.configuration,
    profile: expected.profile ?? null,
    file_archives: archives.map(({ path }) => ({ id: ANY_UUID, path })),
    repo_data: job?.["repo_data"],
    repo_dir: job?.["repo_dir"],
  });
};

const imagesOf =
  (expected: Expected) =>
  (image: string): ImageConfig => ({
    entrypoint: ["/entrypoint.sh"],
    cmd: ["serve"],
    user: null,
    architectures: ["x86"],
    ...expected.given?.images?.[image],
  });

/** Our own shell text, replaced as the golden data replaces the reference's. */
const withoutOurText = (text: string, { configuration }: Spec, runName: string): string => {
  const setup = setupPython("VERSION").split("VERSION");
  const pattern = new RegExp(setup.map((part) => RegExp.escape(part)).join("(\\S+)"), "g");
  const replaced = text.replace(pattern, "<setup python $1>");
  if (configuration.type !== "dev-environment") return replaced;
  return replaced
    .replace(beforeDevCommands(configuration), "<before>")
    .replace(afterDevCommands(configuration, runName), "<after>");
};

/** Job specs as the golden data writes them. */
const goldenForm = (expected: Expected): unknown => {
  const spec = specOf(expected);
  const runName = spec.configuration.name ?? "dry-run";
  const specs = getJobSpecs(spec, { ...options, runName, getImageConfig: imagesOf(expected) });
  return specs.map((job) => ({
    ...job,
    commands: job.commands.map((word) => withoutOurText(word, spec, runName)),
  }));
};

/** `<any>` stands for the id of an uploaded archive. */
const withIds = (specs: unknown): unknown =>
  JSON.parse(JSON.stringify(specs).replaceAll('"<any>"', JSON.stringify(ANY_UUID)));

describe("getJobSpecs() as the reference", () => {
  test.each(cases)("$name", ({ expected, later }) => {
    const actual = goldenForm(expected);
    const wanted = [expected, later].map((release) => withIds(release?.job_specs ?? []));
    const sameAsLater = Bun.deepEquals(actual, wanted[1]);
    expect(actual).toEqual(wanted[sameAsLater ? 1 : 0] as typeof actual);
  });
});

const task = (configuration: object): Spec =>
  RunSpec.parse({ configuration: { type: "task", commands: ["x"], ...configuration } });

const first = (spec: Spec, image?: ImageConfig) => {
  const [job] = getJobSpecs(spec, { ...options, runName: "run", getImageConfig: () => image });
  if (!job) throw new Error("no job");
  return job;
};

describe("getJobSpecs()", () => {
  test("refuses a variable without a value, naming it", () => {
    expect(() => first(task({ env: ["HF_TOKEN"] }))).toThrow(
      new AppError("invalid", "The variable HF_TOKEN has no value"),
    );
  });

  test("refuses an image that has nothing to run", () => {
    const empty: ImageConfig = { entrypoint: null, cmd: [], user: null, architectures: ["x86"] };
    expect(() => first(task({ image: "scratch", commands: [] }), empty)).toThrow(/nothing to run/);
  });

  test("leaves the command to the runtime while nothing is known about the image", () => {
    expect(first(task({ image: "app", commands: [] })).commands).toEqual([]);
    expect(first(task({ image: "app", commands: [] })).requirements.resources.cpu.arch).toBeNull();
  });

  test("gives a service only the jobs of the group that is asked for", () => {
    const replicas = [
      { name: "a", count: 1, commands: ["a"] },
      { name: "b", count: 1, commands: ["b"] },
    ];
    const spec = RunSpec.parse({ configuration: { type: "service", port: 80, image: "app", replicas } });
    const jobs = getJobSpecs(spec, { ...options, runName: "run", replicaNum: 3, replicaGroup: "b" });
    expect(jobs.map((job) => [job.replica_group, job.replica_num, job.job_name])).toEqual([
      ["b", 3, "run-0-3"],
    ]);
  });
});
