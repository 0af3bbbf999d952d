import type { Event } from "../../shared/api/events.ts";
import type { Output } from "../context.ts";
import { styled } from "../output/style.ts";
import { dateAndTime } from "../output/time.ts";

/** One line, never wrapped (docs/spec/cli.md §7.6); what is of another project is named with it. */
export const renderEvent = (out: Output, event: Event, project: string): string => {
  const targets = event.targets.map(({ type, name, project_name: of }) => {
    const isForeign = type !== "project" && of !== null && of !== project;
    return `${type} ${isForeign ? `${of}/${name}` : name}`;
  });
  const parts = [
    styled(out, `[${dateAndTime(Date.parse(event.recorded_at))}]`, "dim"),
    ...(event.actor_user === null ? [] : [styled(out, `[👤${event.actor_user}]`, "bold")]),
    styled(out, `[${targets.join(", ")}]`, "blue"),
    event.message,
  ];
  return `${parts.join(" ")}\n`;
};
