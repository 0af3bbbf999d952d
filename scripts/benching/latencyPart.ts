import { type Part, runtimesOf } from "./bench.ts";
import { configurationOf, followLog, NOW, submitRun, timesIn } from "./runPath.ts";

/** Of lines that come one by one, as a training's do. */
const LINES = 200;
const PAUSE_S = 0.05;

/** From the moment that a job reads its clock, and prints it, to a client that follows. */
export const measureLatency = async (part: Part): Promise<void> => {
  const { coordinator, report } = part;
  for (const runtime of runtimesOf(part)) {
    const name = `bench-latency-${runtime}`;
    const commands = [
      `i=0; while [ $i -lt ${LINES} ]; do ${NOW[runtime]}; sleep ${PAUSE_S}; i=$((i+1)); done`,
    ];
    const { submissionId } = await submitRun(coordinator, configurationOf(runtime, name, commands));
    const decoder = new TextDecoder();
    const times: number[] = [];
    let rest = "";
    await followLog(coordinator, { name, submissionId }, (bytes) => {
      const now = performance.timeOrigin + performance.now();
      const text = rest + decoder.decode(bytes, { stream: true });
      const end = text.lastIndexOf("\n") + 1;
      rest = text.slice(end);
      times.push(...timesIn(text.slice(0, end)).map((at) => now - at));
    });
    if (times.length !== LINES) throw new Error(`"${name}" printed ${times.length} times and not ${LINES}`);
    report.times(`a line is printed → at a client that follows (${runtime})`, times);
  }
};
