/** The text is not YAML that can be read. `offset` is that of the character the message is about. */
export class YamlError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = "YamlError";
    this.offset = offset;
  }
}
