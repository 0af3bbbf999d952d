import { FakeClock } from "../../shared/testing/fakeClock.ts";
import { tempDir } from "../../shared/testing/tempDir.ts";
import { TestEngine } from "./testEngine.ts";

export interface OpenedEngine extends AsyncDisposable {
  engine: TestEngine;
  readonly clock: FakeClock;
  /** Ends the coordinator and starts it again over what is stored. */
  restart(): Promise<void>;
  /** Starts it again where it was ended by itself. */
  reopen(): Promise<void>;
}

/** An engine in a folder of its own, on a clock that stands still. */
export const openEngine = async (): Promise<OpenedEngine> => {
  const dir = tempDir();
  const clock = new FakeClock();
  const opened: OpenedEngine = {
    engine: await TestEngine.open(dir.path, clock),
    clock,
    restart: async () => {
      await opened.engine[Symbol.asyncDispose]();
      await opened.reopen();
    },
    reopen: async () => {
      opened.engine = await TestEngine.open(dir.path, clock);
    },
    [Symbol.asyncDispose]: async () => {
      await opened.engine[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    },
  };
  return opened;
};
