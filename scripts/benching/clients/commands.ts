import { join } from "node:path";
import type { Part } from "../bench.ts";
import { timeCommand, timeRepeatedly } from "../firstByte.ts";
import { configurationOf } from "../runPath.ts";
import type { Person } from "./person.ts";
import { judged } from "./target.ts";

/** A stock client takes a second each time; more would only take longer. */
const MOST_OF_STOCK = 10;
/** Of the stock client's wall time, ours may take so much. */
const SHARE = 30;

interface Command {
  words: string;
  /** Somewhere in what it prints. */
  text: string;
  isShort: boolean;
  args(file: string, name: string): string[];
}

const COMMANDS: readonly Command[] = [
  { words: "dstack --version", text: ".", isShort: true, args: () => ["--version"] },
  { words: "dstack ps", text: "NAME", isShort: true, args: () => ["ps"] },
  { words: "dstack offer", text: "BACKEND", isShort: true, args: () => ["offer"] },
  {
    words: "dstack apply -y -d",
    text: "detaching",
    isShort: false,
    args: (file, name) => ["apply", "-y", "-d", "-f", file, "-n", name],
  },
];

export const measureCommands = async (part: Part, people: readonly Person[]): Promise<void> => {
  const { report, count } = part;
  for (const command of COMMANDS) {
    const p50s = new Map<Person, number>();
    for (const person of people) {
      const { who, isOurs, program, cwd, env } = person;
      const file = join(cwd, "bench.dstack.yml");
      await Bun.write(file, JSON.stringify(configurationOf("process", "bench", ["true"])));
      const times = await timeRepeatedly(isOurs ? count : Math.min(count, MOST_OF_STOCK), (at) => {
        const name = `clients-${who.replaceAll(/[ .]/g, "-")}-${at}`;
        return timeCommand([program, ...command.args(file, name)], command.text, { cwd, env });
      });
      const { p50 } = report.times(
        `\`${command.words}\`, start to exit, ${who}`,
        times.map(({ endMs }) => endMs),
      );
      p50s.set(person, p50);
    }
    for (const [person, p50] of p50s) {
      const ours = [...p50s].find(([{ isOurs }]) => isOurs)?.[1];
      if (person.isOurs || ours === undefined) continue;
      const ratio = p50 / ours;
      const shown = `${ratio.toFixed(0)} times faster`;
      const what = `\`${command.words}\`, ours beside ${person.who}`;
      report.figure(what, command.isShort ? judged(shown, ratio >= SHARE, `${SHARE}`) : shown);
    }
  }
};
