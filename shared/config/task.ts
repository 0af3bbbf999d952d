import { z } from "zod";
import { field, object, optionalField, type Report } from "../schema/field.ts";
import { reference } from "../schema/form.ts";
import { integerBetween } from "../schema/scalar.ts";
import { groupList } from "./groups.ts";
import { parseGroupName } from "./names.ts";
import { Port } from "./ports.ts";
import { aboutRun, checkImageSource, Resources, RunFields, texts } from "./run.ts";

const ports = () => z.array(Port).default(() => []);

/** Of a run, in all of its groups. Its plan names each of them, so that more would be a burden to everybody. */
const MOST_NODES = 4096;

/** A group of equal nodes; does not inherit the task's resources. */
export const NodeGroup = object(
  {
    name: field(parseGroupName),
    nodes: field(integerBetween(1, MOST_NODES)).default(1),
    resources: Resources(),
    commands: texts(),
    ports: ports(),
  },
  {
    about: {
      name: "The group's name. Unset, its number.",
      nodes: "How many nodes it has.",
      resources: "What each of its nodes needs of a host.",
      commands: `What its nodes run. May refer to other nodes: ${reference("groups[0].nodes[0].IP_ADDRESS")}.`,
      ports: "Ports to forward to the client.",
    },
  },
);
export type NodeGroup = z.infer<typeof NodeGroup>;

const bare = {
  type: z.literal("task"),
  ...RunFields,
  nodes: optionalField(integerBetween(1, MOST_NODES)),
  groups: groupList(NodeGroup),
  commands: texts(),
  ports: ports(),
};
type Bare = z.output<z.ZodObject<typeof bare>>;

const checkGroups = (task: Bare, groups: readonly NodeGroup[], report: Report) => {
  if (task.nodes !== null)
    report("conflict", "nodes and groups exclude each other: give nodes in each group");
  for (const key of ["commands", "ports"] as const) {
    if (task[key].length > 0)
      report("conflict", `${key} and groups exclude each other: give ${key} in each group`);
  }
  const nodes = groups.reduce((sum, group) => sum + group.nodes, 0);
  if (nodes > MOST_NODES)
    report("out_of_range", `Expected at most ${MOST_NODES} nodes in all groups, got ${nodes}`, ["groups"]);
  if (task.entrypoint !== null) report("conflict", "entrypoint and groups exclude each other");
  const idle = groups.find((group) => group.commands.length === 0);
  if (idle && !task.image)
    report("missing", `The group ${idle.name} has nothing to run: give it commands, or the task an image`);
};

/** docs/spec/configuration.md §4.2. `nodes` and `groups` are absent, not null, when unset. */
export const TaskConfiguration = object(bare, {
  about: {
    type: "`task`",
    ...aboutRun,
    nodes: "How many nodes the task runs on. Unset: 1.",
    groups: "Groups of nodes that differ in what they run or need; instead of `nodes`, `commands`, `ports`.",
    commands: `What to run, one after the other; the first that fails ends the job. May refer to ${reference("run.args")}.`,
    ports: "Ports to forward to the client.",
  },
  rules: (task, report) => {
    checkImageSource(task, report);
    if (task.groups) checkGroups(task, task.groups, report);
    else if (task.commands.length === 0 && !task.image)
      report("missing", "Nothing to run: give commands or an image");
  },
}).transform(({ nodes, groups, ...rest }) => ({
  ...rest,
  ...(nodes === null ? {} : { nodes }),
  ...(groups === null ? {} : { groups }),
}));
export type TaskConfiguration = z.infer<typeof TaskConfiguration>;
