import { expect, test } from "bun:test";
import type { ImagePullProgress } from "../../shared/api/jobs.ts";
import { pullPace } from "./pullProgress.ts";

const progress: ImagePullProgress = {
  downloaded_bytes: 200 * 1024 ** 2,
  extracted_bytes: 0,
  total_bytes: 500 * 1024 ** 2,
  is_total_bytes_final: true,
  layers_total: 8,
  layers_done: 3,
  bytes_per_second: 35 * 1024 ** 2,
};

test.each<[Partial<ImagePullProgress>, string]>([
  [{}, "3 of 8 layers at 35MB/s"],
  [{ bytes_per_second: 2.5 * 1024 ** 2 }, "3 of 8 layers at 2.5MB/s"],
  [{ bytes_per_second: 90_000 }, "3 of 8 layers at 88KB/s"],
  [{ bytes_per_second: null }, "3 of 8 layers"],
  [{ downloaded_bytes: progress.total_bytes }, "3 of 8 layers"],
  [{ layers_total: null, layers_done: null, bytes_per_second: null }, ""],
])("%p: %p", (changes, text) => {
  expect(pullPace({ ...progress, ...changes })).toBe(text);
});
