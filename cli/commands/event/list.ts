import type { Event, EventTargetType } from "../../../shared/api/events.ts";
import { toWireTime, type WireTime } from "../../../shared/api/scalars.ts";
import { AppError } from "../../../shared/errors.ts";
import type { Api } from "../../api/client.ts";
import { type EventFilter, eventsSince, listEvents } from "../../api/events.ts";
import { openApi } from "../../api/open.ts";
import { defineCommand } from "../../args/command.ts";
import { flag, list, oneOf, text, value } from "../../args/option.ts";
import { projectOption } from "../../args/resolve.ts";
import { parseSince } from "../../args/since.ts";
import type { Context } from "../../context.ts";
import { formatOf, formatOptions, isData, printData } from "../../output/format.ts";
import { delayOn } from "../../process/delayOn.ts";
import { renderEvent } from "../../views/events.ts";
import { type NamedFilter, resolveFilter } from "./filter.ts";

const TYPES = [
  "project",
  "user",
  "fleet",
  "instance",
  "run",
  "job",
  "volume",
  "gateway",
  "gateway-replica",
  "secret",
  "preset",
] as const satisfies readonly EventTargetType[];

/** How often it is looked for news, and how far back: what a server has committed late was recorded before. */
const EVERY_MS = 2_000;
const OVERLAP_MS = 20_000;

export const command = defineCommand({
  description:
    "Print the newest 100 events of the project, oldest first, or those about some of its runs, fleets and so on.",
  options: {
    project: projectOption,
    watch: flag("-w, --watch", "Go on printing events as they come"),
    since: value("--since TIME", "All that came after: seconds, 5m, 2h, or a time with an offset", text),
    targetFleet: list("--target-fleet NAME", "Events about this fleet", text, { complete: "fleet" }),
    targetInstance: list(
      "--target-instance NAME",
      "Events about this instance, and about what had its name before",
      text,
      {
        complete: "instance",
      },
    ),
    targetRun: list("--target-run NAME", "Events about this run", text, { complete: "anyRun" }),
    targetVolume: list("--target-volume NAME", "Events about this volume", text, { complete: "volume" }),
    targetGateway: list("--target-gateway NAME", "Events about this gateway", text, { complete: "gateway" }),
    targetSecret: list("--target-secret NAME", "Events about this secret", text, { complete: "secret" }),
    withinFleet: list("--within-fleet NAME", "Events about this fleet and its instances", text, {
      complete: "fleet",
    }),
    withinRun: list("--within-run NAME", "Events about this run and its jobs", text, { complete: "anyRun" }),
    withinGateway: list("--within-gateway NAME", "Events about this gateway and its replicas", text, {
      complete: "gateway",
    }),
    types: list("--include-target-type TYPE", "Only events about a target of this type", oneOf(TYPES), {
      choices: TYPES,
    }),
    ...formatOptions,
  },
  exclusive: [
    ["targetFleet", "targetInstance", "targetRun", "targetVolume", "targetGateway", "targetSecret"],
    ["withinFleet", "withinRun", "withinGateway"],
  ],
  run: async (ctx, { project, watch, since, types, output, json, ...named }) => {
    const format = formatOf({ output, json });
    if (isData(format) && watch)
      throw new AppError("invalid", "JSON output is not supported together with --watch");
    const start = since === undefined ? undefined : parseSince(since, ctx.clock.now());
    const api = await openApi(ctx, { project });
    const filter: EventFilter = {
      ...(await resolveFilter(api, named satisfies NamedFilter)),
      ...(types.length > 0 ? { include_target_types: types } : {}),
    };
    if (watch) return follow(ctx, { api, filter, start });
    const events = await firstEvents(api, filter, start);
    if (isData(format)) return printData(ctx.out, format, { project: api.connection.project, events });
    for (const event of events) ctx.out.write(renderEvent(ctx.out, event, api.connection.project));
  },
});

const firstEvents = async (api: Api, filter: EventFilter, start: WireTime | undefined): Promise<Event[]> =>
  start === undefined
    ? (await listEvents(api, filter, { ascending: false })).toReversed()
    : await Array.fromAsync(eventsSince(api, filter, start));

interface Following {
  readonly api: Api;
  readonly filter: EventFilter;
  readonly start: WireTime | undefined;
}

/** Prints each event once, until Ctrl-C. */
const follow = async (ctx: Context, { api, filter, start }: Following): Promise<void> => {
  using interrupt = ctx.interrupts.listen();
  const { signal } = interrupt;
  let newestMs = ctx.clock.now();
  const known = new Map<string, number>();
  const print = (event: Event): void => {
    const at = Date.parse(event.recorded_at);
    if (!known.has(event.id)) ctx.out.write(renderEvent(ctx.out, event, api.connection.project));
    known.set(event.id, at);
    newestMs = known.size === 1 ? at : Math.max(newestMs, at);
  };
  for (const event of await firstEvents(api, filter, start)) print(event);
  for (;;) {
    await delayOn(ctx.clock, EVERY_MS, signal);
    if (signal.aborted) return;
    const from = newestMs - OVERLAP_MS;
    for await (const event of eventsSince(api, filter, toWireTime(from))) print(event);
    for (const [id, at] of known) if (at < from) known.delete(id);
  }
};
