import { z } from "zod";
import type { PullProgress } from "../../../shared/protocol/report.ts";

/** One line of the engine's pull stream. */
export const PullEvent = z.object({
  id: z.string().optional().catch(undefined),
  status: z.string().optional().catch(undefined),
  progressDetail: z
    .object({ current: z.number().optional(), total: z.number().optional(), units: z.string().optional() })
    .optional()
    .catch(undefined),
  errorDetail: z.object({ message: z.string() }).optional().catch(undefined),
  error: z.string().optional().catch(undefined),
});
export type PullEvent = z.infer<typeof PullEvent>;

interface Layer {
  downloaded: number;
  extracted: number;
  total: number;
  settled: boolean;
}

/** Over so long the speed is measured: a person reads it. */
const SPEED_WINDOW_MS = 5_000;

/** Sums what an image's layers report while they are pulled (docs/spec/agent.md §2.3). */
export class PullTracker {
  readonly #layers = new Map<string, Layer>();
  /** What was downloaded when, over the last seconds. */
  readonly #samples: { at: number; bytes: number }[] = [];

  add({ id, status, progressDetail }: PullEvent): void {
    if (id === undefined || status === undefined) return;
    const layer = this.#layers.get(id) ?? { downloaded: 0, extracted: 0, total: 0, settled: false };
    const { current = 0, total = 0, units = "" } = progressDetail ?? {};
    // Some engines count extraction in seconds.
    const inBytes = units === "" || units === "bytes";
    switch (status) {
      case "Pulling fs layer":
      case "Waiting":
      case "Verifying Checksum":
        break;
      case "Already exists":
        layer.settled = true;
        break;
      case "Downloading":
        if (inBytes) Object.assign(layer, { downloaded: current, total: Math.max(total, layer.total) });
        break;
      case "Download complete":
        layer.downloaded = layer.total;
        break;
      case "Extracting":
        if (inBytes) Object.assign(layer, { extracted: current, total: Math.max(total, layer.total) });
        layer.downloaded = layer.total;
        break;
      case "Pull complete":
        Object.assign(layer, { downloaded: layer.total, extracted: layer.total, settled: true });
        break;
      default:
        return;
    }
    this.#layers.set(id, layer);
  }

  /** At the time `now`, in milliseconds. Undefined before any layer is known. */
  progress(now: number): PullProgress | undefined {
    const layers = [...this.#layers.values()];
    if (layers.length === 0) return undefined;
    const sum = (key: "downloaded" | "extracted" | "total") =>
      layers.reduce((bytes, layer) => bytes + Math.max(0, Math.round(layer[key])), 0);
    const downloaded = sum("downloaded");
    return {
      downloaded_bytes: downloaded,
      extracted_bytes: sum("extracted"),
      total_bytes: sum("total"),
      is_total_bytes_final: layers.every(({ total, settled }) => total > 0 || settled),
      layers_total: layers.length,
      layers_done: layers.filter(({ settled }) => settled).length,
      ...this.#speed(now, downloaded),
    };
  }

  #speed(now: number, bytes: number): Pick<PullProgress, "bytes_per_second"> {
    this.#samples.push({ at: now, bytes });
    while ((this.#samples[1]?.at ?? now) <= now - SPEED_WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0];
    if (!first || first.at === now) return {};
    return { bytes_per_second: Math.round(Math.max(0, bytes - first.bytes) / ((now - first.at) / 1000)) };
  }
}
