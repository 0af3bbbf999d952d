/** Has the terminal show nothing of what is typed; without `stty` it shows it after all. */
export const hideTyping = (): Disposable => {
  setEcho("-echo");
  return { [Symbol.dispose]: () => setEcho("echo") };
};

const setEcho = (mode: "echo" | "-echo"): void => {
  const program = Bun.which("stty");
  if (program) Bun.spawnSync([program, mode], { stdin: "inherit" });
};
