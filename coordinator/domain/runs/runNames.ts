import type { Deps } from "../../deps.ts";
import { listRunNames } from "../../store/runLists.ts";

const ADJECTIVES =
  "able amber bold brave brisk calm clever cosy curly deft eager early fair fancy fast fine fond fresh gentle glad grand green happy honest jolly keen kind light lively loyal lucky merry mild neat nimble noble odd plain proud quick quiet rapid ready rosy sharp shy silent silver simple sleek smart snappy solid spry steady stout sunny swift tame tidy tiny true warm wise witty young zesty".split(
    " ",
  );
const ANIMALS =
  "ant ape badger bat bear beaver bee bison boar bream camel carp cat cobra cod crab crane crow deer dingo dog dove duck eagle eel elk emu falcon ferret finch fish fox frog gecko goat goose gull hare hawk hen heron horse ibex jackal jay koala lark lemur lion lizard llama lynx mole moose moth mouse mule newt otter owl ox panda perch pike pony puffin puma quail rabbit ram rat raven robin rook seal shark sheep shrew skunk sloth snail snake squid stork swan tiger toad trout turtle vole wasp weasel whale wolf wombat wren yak zebra".split(
    " ",
  );

const anyOf = (words: readonly string[]): string => words[Math.floor(Math.random() * words.length)] ?? "run";

/** `adjective-animal`, which no other of its kind is called: of fleets, volumes and gateways. */
export const newName = async (find: (name: string) => Promise<unknown>): Promise<string> => {
  for (;;) {
    const name = `${anyOf(ADJECTIVES)}-${anyOf(ANIMALS)}`;
    if ((await find(name)) === undefined) return name;
  }
};

/** `adjective-animal-N` with the lowest free N (docs/spec/http-api.md §1.6). */
export const newRunName = async (deps: Deps, projectId: string): Promise<string> => {
  const prefix = `${anyOf(ADJECTIVES)}-${anyOf(ANIMALS)}-`;
  const taken = new Set(await listRunNames(deps.db, projectId, prefix));
  let number = 1;
  while (taken.has(`${prefix}${number}`)) number++;
  return `${prefix}${number}`;
};
