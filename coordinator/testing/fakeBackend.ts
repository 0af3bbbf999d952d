import { AppError } from "../../shared/errors.ts";
import type { Backend, MakeRequest } from "../domain/fleets/backend.ts";
import type { MadeOffer } from "../store/madeInstance.ts";

export const anOffer = (overrides: Partial<MadeOffer> = {}): MadeOffer => ({
  driver: "fake",
  backend: "aws",
  region: "eu-west-1",
  availability_zone: null,
  price: 1,
  instance_type: {
    name: "m5.2xlarge",
    resources: {
      cpus: 8,
      memory_mib: 32_768,
      gpus: [],
      spot: false,
      disk: { size_mib: 512_000 },
      cpu_arch: "x86",
      description: "",
    },
  },
  ...overrides,
});

/** A cloud whose instances are only names. */
export class FakeBackend implements Backend {
  readonly name = "fake";
  offers: MadeOffer[] = [anOffer()];
  /** Says of every request why it is refused; undefined: it is not. */
  refusal: string | undefined;
  /** Says why it cannot end anything; undefined: it can. */
  endRefusal: string | undefined;
  readonly made = new Map<string, MakeRequest>();
  readonly asked: MakeRequest[] = [];

  listOffers = async (): Promise<MadeOffer[]> => this.offers;

  make = async (request: MakeRequest): Promise<string> => {
    this.asked.push(request);
    if (this.refusal !== undefined) throw new AppError("unavailable", this.refusal);
    this.made.set(request.id, request);
    return `data of ${request.name}`;
  };

  isThere = async (id: string): Promise<boolean> => this.made.has(id);

  end = async (id: string): Promise<void> => {
    if (this.endRefusal !== undefined) throw new AppError("unavailable", this.endRefusal);
    this.made.delete(id);
  };
}
