import { expect, test } from "bun:test";
import { anInstance } from "../testing/anInstance.ts";
import { Capacity } from "./capacity.ts";

const instance = (id: string, project = "p") => anInstance({ id, project_id: project, name: `lab-${id}` });

test("an instance takes one submission, the same one again, and another after the release", () => {
  const capacity = new Capacity();
  capacity.set(instance("a"), "lab");
  expect(capacity.claim("a", "s1")).toBe(true);
  expect(capacity.claim("a", "s1")).toBe(true);
  expect(capacity.claim("a", "s2")).toBe(false);
  expect(capacity.release("a", "s1")).toBe(true);
  expect(capacity.claim("a", "s2")).toBe(true);
  expect(capacity.claim("unknown", "s2")).toBe(false);
});

test("a changed row keeps its occupants; projects see their own instances only", () => {
  const capacity = new Capacity();
  capacity.set(instance("a"), "lab");
  capacity.set(instance("b", "q"), "lab");
  capacity.claim("a", "s1");
  capacity.set({ ...instance("a"), unreachable: true }, "lab");
  expect([...(capacity.get("a")?.occupants ?? [])]).toEqual(["s1"]);
  expect(capacity.list("q").map((entry) => entry.instance.id)).toEqual(["b"]);
});
