import type { GpuHealth } from "../../shared/protocol/inventory.ts";
import { textAt, type XmlElement } from "./xml.ts";

/** NVIDIA takes back a board with so many retired pages (docs.nvidia.com/deploy/dynamic-page-retirement). */
const RETIRED_PAGES_LIMIT = 60;

const count = (gpu: XmlElement, ...paths: string[]): number =>
  paths.reduce((sum, path) => sum + (Number(/^\d{1,15}$/.exec(textAt(gpu, path))?.[0]) || 0), 0);

const isYes = (gpu: XmlElement, ...paths: string[]): boolean =>
  paths.some((path) => textAt(gpu, path) === "Yes");

const isActive = (gpu: XmlElement, reason: string): boolean =>
  ["clocks_event_reasons/clocks_event_reason", "clocks_throttle_reasons/clocks_throttle_reason"].some(
    (prefix) => textAt(gpu, `${prefix}_${reason}`) === "Active",
  );

/** What the driver writes in the place of any value of a GPU that it has lost, or that must be reset. */
const LOST = /^\[?(GPU is lost|GPU requires reset|Reset required)/i;
/** What stands for a value that it could not get, though it should. */
const ERROR = /^\[?(ERR!|Unknown Error)/i;

const texts = function* (element: XmlElement): Generator<string> {
  if (element.text !== "") yield element.text;
  for (const child of element.children) yield* texts(child);
};

const findText = (element: XmlElement, pattern: RegExp): string | undefined => {
  for (const text of texts(element)) if (pattern.test(text)) return text.replace(/^\[|\]$/g, "");
  return undefined;
};

type Rule = (gpu: XmlElement) => string | undefined;

const uncorrectable = (gpu: XmlElement): number =>
  count(
    gpu,
    "ecc_errors/volatile/dram_uncorrectable",
    "ecc_errors/volatile/sram_uncorrectable",
    "ecc_errors/volatile/sram_uncorrectable_parity",
    "ecc_errors/volatile/sram_uncorrectable_secded",
    // Before Turing.
    "ecc_errors/volatile/double_bit/total",
  );

/**
 * What makes a GPU unfit for jobs: what NVIDIA's own health checks isolate one for (docs.nvidia.com/datacenter/dcgm,
 * "Policy and health"; docs.nvidia.com/deploy/a100-gpu-mem-error-mgmt). Errors in memory count since the driver was
 * loaded: those of earlier lives have been remapped.
 */
const FAILURES: Rule[] = [
  (gpu) => findText(gpu, LOST),
  (gpu) => {
    const wrong = ["product_name", "uuid", "fb_memory_usage/total"].find((path) =>
      ERROR.test(textAt(gpu, path)),
    );
    return wrong && `The driver cannot read its ${wrong.split("/")[0]}: ${textAt(gpu, wrong)}`;
  },
  (gpu) => {
    const action = textAt(gpu, "gpu_recovery_action");
    return /reset|reboot/i.test(action) ? `The driver asks for: ${action}` : undefined;
  },
  (gpu) => (isYes(gpu, "gpu_reset_status/reset_required") ? "The driver asks for a reset" : undefined),
  (gpu) =>
    isYes(gpu, "gpu_reset_status/drain_and_reset_recommended")
      ? "The driver asks to drain and reset it"
      : undefined,
  (gpu) =>
    isYes(gpu, "remapped_rows/remapped_row_failure") ? "A row of memory cannot be remapped" : undefined,
  (gpu) => (isYes(gpu, "ecc_errors/unrepairable_memory") ? "Its memory cannot be repaired" : undefined),
  (gpu) =>
    isYes(gpu, "ecc_errors/aggregate/sram_threshold_exceeded")
      ? "Too many uncorrectable errors in SRAM"
      : undefined,
  (gpu) => {
    const errors = uncorrectable(gpu);
    const noun = errors === 1 ? "error" : "errors";
    return errors > 0 ? `${errors} uncorrectable memory ${noun} since the driver was loaded` : undefined;
  },
  (gpu) => {
    const pages = count(
      gpu,
      "retired_pages/multiple_single_bit_retirement/retired_count",
      "retired_pages/double_bit_retirement/retired_count",
    );
    return pages >= RETIRED_PAGES_LIMIT ? `${pages} pages of memory are retired` : undefined;
  },
  (gpu) =>
    textAt(gpu, "compute_mode") === "Prohibited"
      ? "Its compute mode forbids all work (Prohibited)"
      : undefined,
];

const THROTTLES: Record<string, string> = {
  hw_thermal_slowdown: "It is so hot that the hardware slows it down",
  sw_thermal_slowdown: "It is so hot that the driver slows it down",
  hw_power_brake_slowdown: "The power supply slows it down (power brake)",
};

/** What somebody should look at, while jobs go on. That a busy GPU reaches its power limit is no such thing. */
const WARNINGS: Rule[] = [
  (gpu) =>
    isYes(gpu, "remapped_rows/remapped_row_pending") ? "A row of memory waits to be remapped" : undefined,
  (gpu) =>
    isYes(gpu, "retired_pages/pending_retirement", "retired_pages/pending_blacklist")
      ? "Pages of memory wait to be retired"
      : undefined,
  (gpu) =>
    isYes(gpu, "ecc_errors/channel_repair_pending", "ecc_errors/tpc_repair_pending")
      ? "A repair waits for the next reset"
      : undefined,
  (gpu) => {
    const reasons = Object.keys(THROTTLES).filter((reason) => isActive(gpu, reason));
    if (reasons.length > 0) return reasons.map((reason) => THROTTLES[reason]).join("; ");
    return isActive(gpu, "hw_slowdown") ? "The hardware slows it down" : undefined;
  },
  (gpu) =>
    /^(in progress|not started)$/i.test(textAt(gpu, "fabric/state"))
      ? "Its NVLink fabric is not ready: is nvidia-fabricmanager running?"
      : undefined,
  (gpu) => {
    const action = textAt(gpu, "gpu_recovery_action");
    return /drain/i.test(action) ? `The driver asks for: ${action}` : undefined;
  },
  (gpu) => {
    const wrong = ["temperature/gpu_temp", "utilization/gpu_util", "fan_speed"].find((path) =>
      ERROR.test(textAt(gpu, path)),
    );
    return wrong && `The driver cannot read its ${wrong}: ${textAt(gpu, wrong)}`;
  },
];

const reasonsOf = (rules: Rule[], gpu: XmlElement): string[] => rules.flatMap((rule) => rule(gpu) ?? []);

/** Of one `<gpu>` of `nvidia-smi -q -x`; undefined: nothing is known against it. */
export const nvidiaHealth = (gpu: XmlElement): GpuHealth | undefined => {
  const failures = reasonsOf(FAILURES, gpu);
  if (failures.length > 0) return { status: "failure", reason: failures.join("; ") };
  const warnings = reasonsOf(WARNINGS, gpu);
  return warnings.length > 0 ? { status: "warning", reason: warnings.join("; ") } : undefined;
};
