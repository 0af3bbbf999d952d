import { z } from "zod";
import { field, object, optionalField, orNull, type Report } from "../schema/field.ts";
import { accepts, either, TEXT } from "../schema/form.ts";
import { refuse } from "../schema/refusal.ts";
import { BOOLEAN, booleanOf, integerBetween, isMapping, parseBoolean, parseText } from "../schema/scalar.ts";
import { oneShape, refuseShape } from "../schema/union.ts";
import { Env } from "./env.ts";
import { aboutPlacement, ProfileFields } from "./profile.ts";
import { EntityReference } from "./reference.ts";
import { aboutRun } from "./run.ts";

const count = (min = 1) => optionalField(integerBetween(min));

const textOnly = (input: unknown): string =>
  typeof input === "string" && input !== "" ? input : refuseShape("a model's repository or a mapping", input);

/** Text that says something. */
const parseNonEmpty = accepts(
  { ...TEXT, minLength: 1 },
  (input: unknown): string => parseText(input) || refuse("out_of_range", "Expected a text, got an empty one"),
);

const ByBase = object({ base: field(parseNonEmpty) }, { about: { base: "The base model." } });
const ByRepo = object(
  { repo: field(parseNonEmpty), name: optionalField(parseText) },
  {
    from: (input) => (isMapping(input) ? input : { repo: textOnly(input) }),
    shorthand: TEXT,
    about: { repo: "The model's repository.", name: "What it is served as." },
  },
);

/** A text is the model's repository. */
const Model = oneShape([ByRepo, ByBase], (input) => (isMapping(input) && "base" in input ? 1 : 0));

const MAX_PROMPT = 10_000;

const parsePrompt = accepts({ ...TEXT, maxLength: MAX_PROMPT }, (input: unknown): string => {
  const prompt = parseNonEmpty(input);
  if (prompt.length <= MAX_PROMPT) return prompt;
  return refuse("out_of_range", `Expected at most ${MAX_PROMPT} characters, got ${prompt.length}`);
});

const Prompt = oneShape(
  [
    field(parsePrompt),
    object(
      { path: field(parseNonEmpty) },
      { about: { path: "A file with the text; relative to the configuration's folder." } },
    ),
  ],
  (input) => (isMapping(input) ? 1 : 0),
);

/** A name is kept as it is written: it is not looked up before a trial. */
const Gateway = oneShape(
  [
    field(
      accepts(
        either("true, false or a gateway", BOOLEAN, TEXT),
        (input: unknown): boolean | string => booleanOf(input) ?? parseText(input),
      ),
    ),
    EntityReference,
  ],
  (input) => (isMapping(input) ? 1 : 0),
);

const Agent = object(
  {
    provider: z.enum(["claude", "codex"]),
    model: optionalField(parseText),
    effort: orNull(z.enum(["low", "medium", "high", "xhigh", "max"])),
  },
  {
    about: {
      provider: "`claude` or `codex`.",
      model: "The model of the agent.",
      effort: "How hard it thinks; `max` is claude's.",
    },
  },
);

const bare = {
  type: z.literal("preset"),
  name: optionalField(parseText),
  model: orNull(Model),
  base: optionalField(parseNonEmpty),
  repo: optionalField(parseNonEmpty),
  prompt: orNull(Prompt),
  min_context_length: count(),
  max_ttft: count(),
  trials: count(),
  previous: orNull(z.array(field(parseText))),
  concurrency: count(),
  input_tokens: count(),
  output_tokens: count(2),
  shared_prefix_tokens: count(0),
  dataset: optionalField(parseNonEmpty),
  /** Null: true. */
  baseline: optionalField(parseBoolean),
  gateway: orNull(Gateway),
  agent: orNull(Agent),
  env: Env,
  ...ProfileFields,
};
type Bare = z.output<z.ZodObject<typeof bare>>;

const TOKENS = ["input_tokens", "output_tokens", "shared_prefix_tokens"] as const;

const checkPreset = (preset: Bare, report: Report) => {
  const { model, base, repo, dataset, agent } = preset;
  if (model === null && base === null && repo === null) {
    report("missing", "Give a base model, a repo or a model", ["model"]);
  }
  if (base !== null && repo !== null) report("conflict", "base and repo exclude each other");
  else if (model !== null && (base !== null || repo !== null)) {
    report("conflict", `model and ${base === null ? "repo" : "base"} exclude each other`);
  }
  const token = TOKENS.find((key) => preset[key] !== null);
  if (dataset !== null && dataset !== "random" && token !== undefined) {
    report("conflict", `dataset and ${token} exclude each other`);
  }
  const prefix = preset.shared_prefix_tokens ?? 0;
  if (prefix >= (preset.input_tokens ?? 1024)) {
    report("out_of_range", "shared_prefix_tokens is not below input_tokens");
  }
  if (agent?.provider === "codex" && agent.effort === "max") {
    report("conflict", "codex has no effort max");
  }
};

/** `base` and `repo` are other spellings of `model`; `agent` is absent, not null, when unset. */
const canonical = ({ base, repo, model, agent, ...rest }: Bare) => ({
  ...rest,
  base: null,
  repo: null,
  model: base !== null ? { base } : repo !== null ? { repo, name: null } : model,
  ...(agent === null ? {} : { agent }),
});

/** docs/spec/configuration.md §6. Read and checked; what a preset is made into is not there. */
export const PresetConfiguration = object(bare, {
  rules: checkPreset,
  about: {
    type: "`preset`",
    name: "The preset's name.",
    model: "The model: a repository, or `{base}`, or `{repo, name}`.",
    base: "The base model; the same as `model: {base}`.",
    repo: "The model's repository; the same as `model`.",
    prompt: "What to care for, as text or as `{path}` of a file.",
    min_context_length: "The least context length in tokens.",
    max_ttft: "The longest time to the first token in milliseconds.",
    trials: "How many trials to make.",
    previous: "Ids of earlier presets to begin from.",
    concurrency: "How many requests at once.",
    input_tokens: "Tokens of a request. Unset: 1024.",
    output_tokens: "Tokens of an answer. Unset: 1024.",
    shared_prefix_tokens: "Tokens that all requests begin with; fewer than `input_tokens`.",
    dataset: "The requests to use. Unset: random ones; others exclude the numbers of tokens.",
    baseline: "Whether a baseline is measured too. Unset: yes.",
    gateway: "The gateway to publish trials at.",
    agent: "Who makes the trials.",
    env: aboutRun.env,
    ...aboutPlacement,
  },
}).transform(canonical);
export type PresetConfiguration = z.infer<typeof PresetConfiguration>;
