import "bun";

declare module "bun" {
  /** Takes over a descriptor that is connected, or about to be; Bun 1.4 has it, its types only the options. */
  function connect<Data = undefined>(
    options: FdSocketOptions<Data> & { allowHalfOpen?: boolean },
  ): Promise<Socket<Data>>;

  /** Takes over a descriptor that listens; Bun 1.4 has it. */
  function listen<Data = undefined>(
    options: FdSocketOptions<Data> & { allowHalfOpen?: boolean },
  ): SocketListener<Data>;
}
