import { expect, test } from "bun:test";
import { askTool } from "./tool.ts";

const options = (timeoutMs = 5_000, signal = new AbortController().signal) => ({ signal, timeoutMs });

test("askTool() gives what the tool printed", async () => {
  expect(await askTool("sh", ["-c", "echo 'NVIDIA L4'"], options())).toEqual({ stdout: "NVIDIA L4\n" });
});

test("askTool() keeps the output of a tool that failed, and says how it failed", async () => {
  const answer = await askTool("sh", ["-c", "echo one GPU; echo lost >&2; exit 15"], options());
  expect(answer.stdout).toBe("one GPU\n");
  expect(answer.failure).toEndWith("sh ended with 15: lost");
});

test("askTool() quotes stdout where the tool complains there", async () => {
  const mismatch =
    "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.144";
  const answer = await askTool("sh", ["-c", `printf '${mismatch}\n'; exit 18`], options());
  expect(answer.failure).toEndWith(`ended with 18: ${mismatch.replace("\n", " ")}`);
});

test("askTool() says when the tool is not there", async () => {
  expect(await askTool("nvidia-smi-of-nobody", [], options())).toEqual({
    stdout: "",
    failure: "nvidia-smi-of-nobody is not installed",
  });
});

test("askTool() gives up on a tool that hangs, even one whose child keeps the pipe open", async () => {
  const answer = await askTool("sh", ["-c", "sleep 30 & sleep 30"], options(50));
  expect(answer.failure).toEndWith("did not answer within 0.05 s");
});

test("askTool() ends with its signal", async () => {
  const controller = new AbortController();
  const asked = askTool("sleep", ["30"], options(60_000, controller.signal));
  controller.abort();
  expect((await asked).failure).toEndWith("was interrupted");
});
