import { formatResources } from "../../shared/resources/format.ts";
import type { InstanceOfferWithAvailability } from "../../shared/resources/offered.ts";
import type { Output } from "../context.ts";
import { type Row, renderTable } from "../output/table.ts";
import { backendAndRegion, price } from "./price.ts";

type Offer = InstanceOfferWithAvailability;

export interface OfferList {
  /** The beginning of all that fit. */
  readonly offers: readonly Offer[];
  readonly total: number;
  /** The highest price among all that fit. */
  readonly maxPrice: number | null;
}

/** The table of `offer` and of plans (docs/spec/cli.md §7.2). The first offer is the one that would be tried first. */
export const renderOffers = (out: Output, { offers, total, maxPrice }: OfferList): string => {
  const columns = [
    { title: "#" },
    { title: "BACKEND" },
    { title: "RESOURCES" },
    { title: "INSTANCE TYPE" },
    { title: "PRICE", isWhole: true },
    { title: "", isWhole: true },
  ];
  const isCut = total > offers.length;
  const rows: Row[] = offers.map((offer, at) => ({
    cells: offerCells(offer, at),
    ...(at > 0 && { style: "dim" as const }),
  }));
  const table = renderTable(out, columns, isCut ? [...rows, { cells: ["", "..."], style: "dim" }] : rows);
  if (!isCut) return table;
  const most = maxPrice === null ? "" : `, ${price(maxPrice)} max`;
  return `${table} Shown ${offers.length} of ${total} offers${most}\n`;
};

const offerCells = (offer: Offer, at: number): string[] => {
  const { resources, name } = offer.instance;
  const part = offer.total_blocks > 1 ? ` (${offer.blocks}/${offer.total_blocks})` : "";
  return [
    String(at + 1),
    backendAndRegion(offer.backend, offer.region),
    `${formatResources(resources)}${resources.spot ? " (spot)" : ""}`,
    `${name}${part}`,
    price(offer.price),
    availability(offer.availability),
  ];
};

/** `not available`; nothing where nothing speaks against it. */
const availability = (word: Offer["availability"]): string =>
  word === "available" || word === "unknown" ? "" : word.replaceAll("_", " ");
