import { AppError } from "../../shared/errors.ts";
import type { Api } from "../api/client.ts";
import { openApi } from "../api/open.ts";
import { flag } from "../args/option.ts";
import type { Context } from "../context.ts";
import { type FormatWish, formatOf, formatOptions, isData, printData } from "../output/format.ts";
import { watchTable } from "../output/watch.ts";

/** Of every list that changes while one looks at it. */
export const watchedOptions = {
  watch: flag("-w, --watch", "Show the table again every two seconds"),
  verbose: flag("-v, --verbose", "The same as -o wide"),
  ...formatOptions,
};

interface ShowWish extends FormatWish {
  readonly watch?: boolean;
}

interface Listing<T> {
  readonly fetch: (api: Api) => Promise<T>;
  /** For programs. */
  readonly data: (fetched: T, project: string) => unknown;
  readonly table: (fetched: T, shape: { readonly isVerbose: boolean; readonly project: string }) => string;
  readonly everyMs?: number;
}

/** Shows what there is in a project in the form that is wished for, once or again and again. */
export const show = async <T>(
  ctx: Context,
  { project: wanted, ...wish }: ShowWish & { readonly project: string | undefined },
  { fetch, data, table, ...pace }: Listing<T>,
): Promise<void> => {
  refuseWatchedData(wish);
  const api = await openApi(ctx, { project: wanted });
  const { project } = api.connection;
  const format = formatOf(wish);
  if (isData(format)) return printData(ctx.out, format, data(await fetch(api), project));
  const render = async () => table(await fetch(api), { isVerbose: format === "wide", project });
  if (wish.watch) await watchTable(ctx, render, pace);
  else ctx.out.write(await render());
};

const refuseWatchedData = (wish: ShowWish): void => {
  const format = formatOf(wish);
  if (!wish.watch || !isData(format)) return;
  throw new AppError("invalid", `${format.toUpperCase()} output is not supported together with --watch`);
};
