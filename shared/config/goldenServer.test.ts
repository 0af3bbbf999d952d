import { describe, expect, test } from "bun:test";
import { RunSpec } from "../api/runs.ts";
import { AppError } from "../errors.ts";
import type { Path, ProblemKind } from "../schema/refusal.ts";
import { ELSEWHERE } from "../testing/differences.ts";
import { configurationCases, type Expected } from "../testing/golden.ts";
import { checkConfiguration } from "./checkConfiguration.ts";
import { checkGatewayUse, type GatewayState } from "./checkGatewayUse.ts";
import { checkVolumeUse } from "./checkVolumeUse.ts";
import type { AnyConfiguration, RunConfiguration } from "./configuration.ts";
import { GatewayConfiguration } from "./gateway.ts";
import { DEFAULT_IMAGES } from "./image.ts";
import { interpolate } from "./interpolate.ts";
import { getJobSpecs, type ImageConfig } from "./jobSpecs.ts";
import { loadConfiguration } from "./load.ts";
import { ConfigurationError, type Note } from "./problems.ts";

interface Found {
  loc: Path;
  kind: ProblemKind;
}

const gatewayOf = ({ gateway }: NonNullable<Expected["given"]>): GatewayState | undefined => {
  if (gateway === null) return undefined;
  const written = { type: "gateway", backend: "aws", region: "r", certificate: gateway?.certificate };
  const { certificate } = GatewayConfiguration.parse(written);
  return { status: "running", domain: "gw.example.com", ...gateway, certificate };
};

const isRun = (configuration: AnyConfiguration): configuration is RunConfiguration =>
  ["task", "service", "dev-environment"].includes(configuration.type);

/** What the server knows of the project of the golden data (its README, "surroundings"). */
const noteOutside = (run: RunConfiguration, { given = {} }: Expected, note: Note) => {
  const find = (name: string) => {
    const [backend, region] = given.volume_places?.[name] ?? ["aws", "eu-west-1"];
    return given.missing_volumes?.includes(name) ? undefined : { backend, region };
  };
  checkVolumeUse(run, { node: 0, find }, note);
  if (run.type === "service") checkGatewayUse(run, gatewayOf(given), note);
  try {
    const { username = "", password = "" } = run.registry_auth ?? {};
    for (const text of [username, password]) interpolate(text, { secrets: given.secrets ?? {} });
  } catch {
    note("bad_reference", [], "A secret that is not there");
  }
  const standard = { entrypoint: ["/entrypoint.sh"], cmd: ["serve"], user: null, architectures: ["x86"] };
  const getImageConfig = (image: string) => ({ ...standard, ...given.images?.[image] }) as ImageConfig;
  try {
    const options = { defaultPython: "3.12", images: DEFAULT_IMAGES, runName: "run", getImageConfig };
    getJobSpecs(RunSpec.parse({ configuration: run }), options);
  } catch (err) {
    if (!(err instanceof AppError)) throw err;
    if (/nothing to run/.test(err.message)) note("missing", ["commands"], err.message);
  }
};

const EARLY: Path = ["(on reading)"];

/** Some are refused as early as on reading. */
const load = (text: string, found: Found[]): AnyConfiguration | undefined => {
  try {
    return loadConfiguration(text, { path: "config.dstack.yml" });
  } catch (err) {
    if (!(err instanceof ConfigurationError)) throw err;
    found.push(...err.problems.map(({ kind }) => ({ loc: EARLY, kind })));
    return undefined;
  }
};

const problemsOf = (text: string, expected: Expected): Found[] => {
  const found: Found[] = [];
  const note: Note = (kind, loc) => found.push({ loc, kind });
  const configuration = load(text, found);
  if (!configuration) return found;
  checkConfiguration(configuration, null, note);
  if (isRun(configuration)) noteOutside(configuration, expected, note);
  return found;
};

const cases = configurationCases().filter(({ name }) => !(name in ELSEWHERE));
const refused = cases.filter(
  ({ name, expected, later }) =>
    (expected.stage === "server" || (expected.stage === "client" && /-fleet-/.test(name))) &&
    !later?.valid &&
    later?.stage !== "client",
);

describe("the server refuses what the reference's refuses", () => {
  test.each(refused)("$name", ({ text, expected }) => {
    const found = problemsOf(text, expected);
    expect(found).not.toBeEmpty();
    const [wanted] = expected.errors ?? [];
    if (expected.crash || !wanted || wanted.loc.length === 0) return;
    if (found.some(({ loc }) => loc === EARLY)) return;
    // The reference's sentence names the mistake's property or what holds it, without the group it is in.
    const named = found.filter(
      ({ loc }) =>
        Bun.deepEquals(loc.slice(0, wanted.loc.length), wanted.loc) ||
        Bun.deepEquals(loc.slice(-wanted.loc.length), wanted.loc),
    );
    expect(named.map(({ kind }) => kind)).toContain(wanted.kind);
  });
});

const accepted = cases.filter(({ expected, later }) => expected.valid && (later?.valid ?? true));

describe("and nothing else", () => {
  test.each(accepted)("$name", ({ text, expected }) => {
    const { env = {} } = expected.given ?? {};
    const found = problemsOf(text, expected).filter(({ kind }) => kind !== "bad_reference" || !env);
    expect(found).toEqual([]);
  });
});
