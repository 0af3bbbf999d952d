import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PullProgress } from "../../../shared/protocol/report.ts";
import { PullEvent, PullTracker } from "./pullProgress.ts";

/** Lines as in docs/spec/agent.md §2.3. */
const layer = (id: string, status: string, current?: number, total?: number, units?: string): PullEvent =>
  PullEvent.parse({ id, status, progressDetail: { current, total, units } });
const after = (...events: PullEvent[]) => {
  const tracker = new PullTracker();
  for (const event of events) tracker.add(event);
  return tracker.progress(1_000);
};

describe("PullTracker", () => {
  test("knows nothing before the first layer", () => {
    expect(after(PullEvent.parse({ id: "24.04", status: "Pulling from library/ubuntu" }))).toBeUndefined();
    expect(after(PullEvent.parse({ status: "Status: Image is up to date" }))).toBeUndefined();
  });

  test("sums layers; the total is final once each layer's is known", () => {
    const seen = [layer("a", "Pulling fs layer"), layer("b", "Already exists"), layer("c", "Waiting")];
    expect(after(...seen)).toMatchObject({ total_bytes: 0, is_total_bytes_final: false });
    seen.push(layer("a", "Downloading", 7_340_032, 31_457_280));
    expect(after(...seen)).toMatchObject({
      downloaded_bytes: 7_340_032,
      total_bytes: 31_457_280,
      is_total_bytes_final: false,
    });
    seen.push(layer("c", "Downloading", 10, 20), layer("a", "Download complete"));
    expect(after(...seen)).toEqual({
      downloaded_bytes: 31_457_290,
      extracted_bytes: 0,
      total_bytes: 31_457_300,
      is_total_bytes_final: true,
      layers_total: 3,
      layers_done: 1,
    });
    seen.push(
      layer("a", "Extracting", 100, 31_457_280),
      layer("c", "Download complete"),
      layer("c", "Pull complete"),
    );
    expect(after(...seen)).toMatchObject({ downloaded_bytes: 31_457_300, extracted_bytes: 120 });
  });

  test("speed is that of the last seconds", () => {
    const tracker = new PullTracker();
    const at = (now: number, current: number) => {
      tracker.add(layer("a", "Downloading", current, 1_000_000));
      return tracker.progress(now)?.bytes_per_second;
    };
    expect(at(0, 0)).toBeUndefined();
    expect(at(2_000, 20_000)).toBe(10_000);
    expect(at(5_000, 50_000)).toBe(10_000);
    expect(at(10_000, 50_000)).toBe(0);
    expect(at(11_000, 40_000)).toBe(0);
  });

  test("extraction counted in seconds says nothing of bytes", () => {
    const seen = [layer("a", "Downloading", 50, 50), layer("a", "Extracting", 2, undefined, "s")];
    expect(after(...seen)).toMatchObject({ downloaded_bytes: 50, extracted_bytes: 0, total_bytes: 50 });
  });

  test("whatever an engine sends, the sums are what the protocol takes", () => {
    const event = fc.record({
      id: fc.constantFrom("a", "b", undefined),
      status: fc.constantFrom("Downloading", "Extracting", "Pull complete", "Already exists", "x"),
      progressDetail: fc.oneof(
        fc.anything(),
        fc.record({ current: fc.double({ noNaN: true, min: -1e12, max: 1e12 }), total: fc.integer() }),
      ),
    });
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const progress = after(...events.map((raw) => PullEvent.parse(raw)));
        if (progress) PullProgress.parse(progress);
      }),
    );
  });
});
