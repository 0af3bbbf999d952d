import type { Config } from "../config.ts";
import { type DoctorOptions, examine } from "../doctor/doctor.ts";
import type { Finding } from "../doctor/finding.ts";

const MARKS = { good: "ok  ", hint: "note", bad: "BAD " } as const;

/** What was found, as lines for people or as JSON; `isWell`: nothing is bad. */
export const doctor = async (
  config: Config,
  deps: Pick<DoctorOptions, "env" | "program" | "signal">,
): Promise<{ text: string; isWell: boolean }> => {
  const { stateDir, url, caFile, runtime, dockerHost, json } = config;
  const uid = process.getuid?.() ?? 0;
  const findings = await examine({ stateDir, url, caFile, runtime, dockerHost, uid, now: Date.now, ...deps });
  const isWell = findings.every(({ level }) => level !== "bad");
  const text = json
    ? `${JSON.stringify({ is_well: isWell, findings }, undefined, 2)}\n`
    : findings.map(lineOf).join("");
  return { text, isWell };
};

const lineOf = ({ check, level, text, mend }: Finding): string =>
  `${MARKS[level]}  ${check.padEnd(12)}${text}\n${mend === undefined ? "" : `      ${"".padEnd(12)}→ ${mend}\n`}`;
