import { expect, test } from "bun:test";
import { createLogger } from "../../shared/log.ts";
import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { RelayLab } from "../testing/relayLab.ts";
import { StreamRefusal } from "./holder.ts";
import { RefusalLog } from "./refusalLog.ts";

test("who was refused what is told, of a flood in some lines and how many more there were", async () => {
  const lines: string[] = [];
  const clock = new FakeClock();
  const log = createLogger({ level: "info", format: "json", write: (line) => void lines.push(line) });
  const refusals = new RefusalLog({ clock, log });
  await using lab = new RelayLab();
  const eve = lab.holder("eve");
  const refusal = new StreamRefusal("forbidden", "The run web is another user's");
  for (let port = 1; port <= 500; port += 1) refusals.write(eve, refusal, { to: { kind: "port", port } });
  expect(lines).toHaveLength(20);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    level: "warn",
    user: "eve",
    user_id: "eve",
    project: "main",
    address: "127.0.0.1",
    asked: '{"to":{"kind":"port","port":1}}',
    code: "forbidden",
    reason: "The run web is another user's",
  });
  clock.advance(10_000);
  refusals.write(eve, refusal, null);
  expect(lines.slice(20).map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ user: "eve", count: 480 }),
    expect.objectContaining({ user: "eve", asked: "null" }),
  ]);
});
