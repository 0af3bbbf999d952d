import type { WireDifference } from "./goldenWire.ts";

/** A difference that is meant, or that no replay can do without. */
interface Expected {
  /** Of the file's name; left out: any. */
  file?: RegExp;
  /** The end of the request's path. */
  route: RegExp;
  /** Of the value's path in the answer. */
  at: RegExp;
  why: string;
}

/** The machine of the recordings, which had more hosts, all of them reached by SSH. */
const SURROUNDINGS: Expected[] = [
  {
    route: /\/fleets\/list$/,
    at: /^(?:\.length|\[\].*)$/,
    why: "the fleets of the recording's machine, with hosts that its server reached by SSH",
  },
  {
    route: /\/runs\/\w+$/,
    at: /\.job_provisioning_data\.(?:ssh_port|instance_id|instance_type\.name)$/,
    why: "hosts that join have an id instead of an address with a port",
  },
  {
    route: /\/runs\/\w+$/,
    at: /\.job_runtime_data\.(?:working_dir|username)$/,
    why: "the working directory of the job's image",
  },
  {
    route: /\/(?:runs|gpus)\/\w+$/,
    at: /\.offers(?:\.length|\[\]\.(?:blocks|total_blocks|availability|instance\.resources\.cpu_arch))$|\.total_offers$/,
    why: "how many hosts there are, and how they are divided",
  },
  {
    route: /\/events\/list$/,
    at: /^(?:\.length|\[\].*)$/,
    why: "what happened: the host of the test pulls no image, and all of it within a moment",
  },
  {
    route: /\/metrics\/job\/\w+/,
    at: /^\.metrics(?:\.length|\[\].*)$/,
    why: "what the job used",
  },
];

const OTHERS: Expected[] = [
  {
    file: /^two-nodes$/,
    route: /\/runs\/list$/,
    at: /^\.length$/,
    why: "the one run that was asked for was of another recording, and was left out",
  },
];

/** The same questions, answered later in the recording: here a job is placed, or refused, before `apply` answers. */
const AT_ONCE: Expected[] = [
  {
    route: /\/runs\/(?:apply|get|list|get_plan)$/,
    at: /\.(?:status|status_message|fleet|finished_at|exit_status|termination_reason|termination_reason_message|job_runtime_data|job_runtime_data\.ports|job_provisioning_data|job_connection_info)$/,
    why: "a run is placed before its apply is answered, and where it stands depends on the moment",
  },
];

/** What the recorder has put in the place of sizes. */
const RECORDER: Expected[] = [
  {
    file: /^fleet-ssh$/,
    route: /\/fleets\/apply$/,
    at: /\.instance_type\.resources\.(?:memory_mib|disk\.size_mib)$/,
    why: "of a host that was not looked at yet",
  },
];

/** On purpose; docs/compatibility.md has the reasons. */
const ON_PURPOSE: Expected[] = [
  {
    route: /\/runs\/\w+$/,
    at: /\.job_spec\.requirements\.resources\.cpu\.arch$/,
    why: "no registry is asked for the architecture of an image",
  },
  {
    route: /\/(?:runs|fleets)\/\w+$/,
    at: /\.(?:no_offers_reason|queue|agent_version|ssh)$/,
    why: "ours: why there is no offer, where a run stands in the queue, which agent a host has, how it came in",
  },
  {
    file: /errors$/,
    route: /\/runs\/list$/,
    at: /^\.detail\[\]\.msg$/,
    why: "it names the server's version",
  },
  {
    file: /^login-no-provider$/,
    route: /^\/$/,
    at: /^\.(?:bytes|sha256)$/,
    why: "another page",
  },
  {
    file: /volumes-gateways$/,
    route: /\/(?:volumes\/create|gateways\/get_plan)$/,
    at: /^\.detail\[\]\.msg$/,
    why: "it says that there are no cloud backends, where the reference lists those that it has",
  },
];

const EXPECTED = [...SURROUNDINGS, ...RECORDER, ...OTHERS, ...AT_ONCE, ...ON_PURPOSE];

/** Those that nothing explains. */
export const unexplained = (
  differences: readonly WireDifference[],
  { file, route }: { file: string; route: string },
): WireDifference[] =>
  differences.filter(
    ({ path }) =>
      !EXPECTED.some(
        (expected) =>
          (expected.file?.test(file) ?? true) && expected.route.test(route) && expected.at.test(path),
      ),
  );
