/** Filters of `docker images`. */

import { familiarName, familiarText, parseReference } from "../spec/reference.ts";
import { FathomError } from "../std/errors.ts";
import { matchesGlob } from "../std/glob.ts";
import { parseGoDuration } from "../std/units.ts";
import { type Catalog, childrenOf, type Image, referencesOf } from "./_catalog.ts";
import { resolveImage } from "./_resolve.ts";

type Filters = Readonly<Record<string, readonly string[]>>;

export interface Selected {
  image: Image;
  /** Its whole references; with a reference filter, those that match. */
  references: string[];
}

const KNOWN = new Set(["reference", "dangling", "label", "before", "since", "until"]);

/** The images that pass every filter. @throws {FathomError} invalid, for a filter that is not known or has no sense */
export function selectImages(catalog: Catalog, filters: Filters): Selected[] {
  const unknown = Object.keys(filters).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) throw new FathomError("invalid", `invalid filter '${unknown}'`);
  const passes = [...danglingTest(catalog, filters), ...labelTests(filters), ...timeTests(catalog, filters)];
  const patterns = filters.reference ?? [];
  const matchers = patterns.map(globMatcher);
  return [...catalog.byId.values()].flatMap((image) => {
    const all = referencesOf(catalog, image.id);
    const references =
      matchers.length === 0 ? all : all.filter((one) => matchers.some((matches) => matches(one)));
    const selected = { image, references };
    const isMatched = matchers.length === 0 || references.length > 0;
    return isMatched && passes.every((test) => test({ image, references: all })) ? [selected] : [];
  });
}

type Test = (selected: Selected) => boolean;

const KNOWN_TO_PRUNE = new Set(["dangling", "label", "label!", "until"]);

/** What `docker image prune` may take: `all`, whether images with a tag too. @throws {FathomError} invalid */
export function pruneTest(filters: Filters): { all: boolean; passes: (image: Image) => boolean } {
  const unknown = Object.keys(filters).find((name) => !KNOWN_TO_PRUNE.has(name));
  if (unknown !== undefined) throw new FathomError("invalid", `invalid filter '${unknown}'`);
  const { dangling = [], label = [], "label!": without = [], until = [] } = filters;
  if (until.length > 1) throw new FathomError("invalid", "more than one until filter specified");
  const limits = until.map(timeOf);
  const wanted = label.map(labelTest);
  const unwanted = without.map(labelTest);
  return {
    all: dangling.map(isTrue).includes(false),
    passes: (image) =>
      limits.every((limit) => createdAt(image) < limit) &&
      wanted.every((test) => test(image)) &&
      !unwanted.some((test) => test(image)),
  };
}

const TRUE = new Set(["1", "true", "True", "TRUE", "t", "T"]);
const FALSE = new Set(["0", "false", "False", "FALSE", "f", "F"]);

/** An image without a name that another was made from is of use. */
function danglingTest(catalog: Catalog, { dangling = [] }: Filters): Test[] {
  return dangling.map((value) => {
    const wanted = isTrue(value);
    return ({ image, references }) =>
      (references.length === 0 && (!wanted || childrenOf(catalog, image.id).length === 0)) === wanted;
  });
}

function isTrue(value: string): boolean {
  if (TRUE.has(value) || FALSE.has(value)) return TRUE.has(value);
  throw new FathomError("invalid", `invalid filter 'dangling=[${value}]'`);
}

/** All of them must hold. */
function labelTests({ label = [] }: Filters): Test[] {
  return label.map(labelTest).map(
    (test) =>
      ({ image }) =>
        test(image),
  );
}

/** `NAME` or `NAME=VALUE`. */
function labelTest(wanted: string): (image: Image) => boolean {
  const equals = wanted.indexOf("=");
  const name = equals < 0 ? wanted : wanted.slice(0, equals);
  return (image) => {
    const value = new Map(Object.entries(image.config.config?.Labels ?? {})).get(name);
    return value !== undefined && (equals < 0 || value === wanted.slice(equals + 1));
  };
}

function timeTests(catalog: Catalog, { before = [], since = [], until = [] }: Filters): Test[] {
  const other = (name: string) => createdAt(resolveImage(catalog, name).image);
  return [
    ...before.map((name): Test => {
      const limit = other(name);
      return ({ image }) => createdAt(image) < limit;
    }),
    ...since.map((name): Test => {
      const limit = other(name);
      return ({ image }) => createdAt(image) > limit;
    }),
    ...until.map((time): Test => {
      const limit = timeOf(time);
      return ({ image }) => createdAt(image) < limit;
    }),
  ];
}

/** Nanoseconds since the epoch; 0 for an image that does not say. */
function createdAt({ config }: Image): bigint {
  const [, date = "", fraction = "", zone = "Z"] = TIME.exec(config.created ?? "") ?? [];
  const milliseconds = Date.parse(date + zone);
  if (Number.isNaN(milliseconds)) return 0n;
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, "0"));
}

const TIME = /^([^.Z+]+?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/;

/** A span back from now, seconds since the epoch, or a date; in nanoseconds. */
function timeOf(text: string): bigint {
  const span = parseGoDuration(text);
  const given = /^\d{1,12}(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  const milliseconds = span === undefined ? given : Date.now() - span / 1e6;
  if (!Number.isFinite(milliseconds)) throw new FathomError("invalid", `invalid filter 'until=[${text}]'`);
  return BigInt(Math.round(milliseconds)) * 1_000_000n;
}

/** Whether a reference matches a pattern, as it is familiar, with or without its tag. */
function globMatcher(pattern: string): (reference: string) => boolean {
  return (reference) => {
    const parsed = parseReference(reference);
    return matchesGlob(familiarText(parsed), pattern) || matchesGlob(familiarName(parsed), pattern);
  };
}
