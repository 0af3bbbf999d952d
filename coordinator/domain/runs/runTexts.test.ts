import { expect, test } from "bun:test";
import { RunTexts } from "./runTexts.ts";

test("a text is good until its run is written, and for what it was made", () => {
  const written = new Map<string, number>();
  const texts = new RunTexts({ isUnwrittenSince: (id, moment) => (written.get(id) ?? 0) <= moment });
  texts.keep("a", { key: "full", text: "A", at: 1 });
  texts.keep("b", { key: "full", text: "B", at: 1 });
  expect([texts.find("a", "full"), texts.find("b", "full"), texts.find("c", "full")]).toEqual([
    "A",
    "B",
    undefined,
  ]);
  written.set("a", 2);
  expect([texts.find("a", "full"), texts.find("b", "full")]).toEqual([undefined, "B"]);
  expect(texts.find("b", "short")).toBeUndefined();
});

test("of very many the oldest are forgotten", () => {
  const texts = new RunTexts({ isUnwrittenSince: () => true });
  for (let at = 0; at <= 2_000; at += 1) texts.keep(`run ${at}`, { key: "", text: String(at), at });
  expect([texts.find("run 0", ""), texts.find("run 1", "")]).toEqual([undefined, "1"]);
});
