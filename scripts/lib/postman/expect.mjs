// The part of chai's expect (BDD style) that pm.expect offers here. A property that chai has and this lacks is an error,
// because in plain JavaScript `expect(x).to.be.sorted` would pass in silence.

import { inspect, isDeepStrictEqual } from "node:util";
import { Unsupported } from "./collection.mjs";

export class AssertionError extends Error {
    constructor(message) {
        super(message);
        this.name = "AssertionError";
    }
}

const words = ["to", "be", "been", "is", "that", "which", "and", "has", "have", "with", "at", "of", "same", "but", "does", "still", "also"];

const show = (value) => inspect(value, { depth: 4, breakLength: Infinity, maxStringLength: 200, maxArrayLength: 20 });

function typeName(value) {
    if (value === null) return "null";
    if (Array.isArray(value)) return "array";
    return Object.prototype.toString.call(value).slice(8, -1).toLowerCase();
}

// Values come from another realm (node:vm) with prototypes of their own, which strict deep equality would compare.
const plain = (value) => {
    // Not value.map: it makes an array of the realm that value comes from.
    if (Array.isArray(value)) return Array.from(value, plain);
    if (value !== null && typeof value === "object" && typeName(value) === "object") {
        return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
    }
    return value;
};
const deepEqual = (a, b) => isDeepStrictEqual(plain(a), plain(b));

// Each: (value, flags) => [holds, "what was expected"].
const properties = {
    ok: (v) => [Boolean(v), "to be truthy"],
    true: (v) => [v === true, "to be true"],
    false: (v) => [v === false, "to be false"],
    null: (v) => [v === null, "to be null"],
    undefined: (v) => [v === undefined, "to be undefined"],
    NaN: (v) => [Number.isNaN(v), "to be NaN"],
    exist: (v) => [v !== null && v !== undefined, "to exist"],
    empty: (v) => [sizeOf(v) === 0, "to be empty"],
};

const methods = {
    equal: (v, flags, wanted) => [flags.deep ? deepEqual(v, wanted) : v === wanted, `to equal ${show(wanted)}`],
    eql: (v, _, wanted) => [deepEqual(v, wanted), `to deeply equal ${show(wanted)}`],
    above: (v, flags, n) => [number(v, flags) > n, `to be above ${n}`],
    least: (v, flags, n) => [number(v, flags) >= n, `to be at least ${n}`],
    below: (v, flags, n) => [number(v, flags) < n, `to be below ${n}`],
    most: (v, flags, n) => [number(v, flags) <= n, `to be at most ${n}`],
    within: (v, flags, low, high) => [number(v, flags) >= low && number(v, flags) <= high, `to be within ${low}..${high}`],
    closeTo: (v, _, n, delta) => [Math.abs(v - n) <= delta, `to be within ${delta} of ${n}`],
    match: (v, _, pattern) => [new RegExp(pattern).test(v), `to match ${pattern}`],
    string: (v, _, part) => [typeof v === "string" && v.includes(part), `to contain ${show(part)}`],
    oneOf: (v, flags, list) => [list.some((one) => (flags.deep ? deepEqual(one, v) : one === v)), `to be one of ${show(list)}`],
    satisfy: (v, _, test) => [Boolean(test(v)), "to satisfy the given function"],
    instanceof: (v, _, type) => [v instanceof type, `to be an instance of ${type.name}`],
    a: (v, _, type) => [typeName(v) === type.toLowerCase(), `to be ${/^[aeiou]/.test(type) ? "an" : "a"} ${type}`],
    lengthOf: (v, _, n) => [v?.length === n, `to have a length of ${n}`],
    include: (v, flags, part) => [includes(v, part, flags.deep), `to include ${show(part)}`],
    keys: (v, flags, ...names) => [hasKeys(v, names.flat(), flags), `to have keys ${show(names.flat())}`],
    members: (v, flags, list) => [sameMembers(v, list, flags.deep), `to have the members ${show(list)}`],
};

const aliases = {
    equals: "equal", eq: "equal", eqls: "eql", gt: "above", greaterThan: "above", gte: "least", lt: "below", lessThan: "below",
    lte: "most", matches: "match", an: "a", instanceOf: "instanceof", contain: "include", contains: "include",
    includes: "include", length: "lengthOf", key: "keys",
};
const modifiers = { not: "negated", deep: "deep", any: "any", all: "all", own: "own" };
const propertyAliases = { exists: "exist" };

function number(value, flags) {
    const actual = flags.length ? value?.length : value;
    if (typeof actual !== "number") throw new AssertionError(`expected ${show(value)} to be a number`);
    return actual;
}

function sizeOf(value) {
    if (typeof value === "string" || Array.isArray(value)) return value.length;
    if (value !== null && typeof value === "object") return Object.keys(value).length;
    throw new AssertionError(`${show(value)} cannot be empty`);
}

function includes(value, part, deep) {
    if (typeof value === "string") return value.includes(part);
    if (Array.isArray(value)) return value.some((member) => (deep ? deepEqual(member, part) : member === part));
    if (value !== null && typeof value === "object") {
        return Object.entries(part).every(([key, member]) => (deep ? deepEqual(value[key], member) : value[key] === member));
    }
    throw new AssertionError(`${show(value)} cannot include anything`);
}

function hasKeys(value, names, flags) {
    const actual = Object.keys(value);
    if (flags.any) return names.some((name) => actual.includes(name));
    const all = names.every((name) => actual.includes(name));
    return flags.contains ? all : all && actual.length === names.length;
}

function sameMembers(value, list, deep) {
    const rest = [...value];
    const found = list.every((one) => {
        const at = rest.findIndex((member) => (deep ? deepEqual(member, one) : member === one));
        if (at >= 0) rest.splice(at, 1);
        return at >= 0;
    });
    return found && rest.length === 0;
}

/** expect(value[, message]).to.… */
export function expect(value, message) {
    return assertion(value, {}, message);
}

expect.fail = (message) => {
    throw new AssertionError(message ?? "expect.fail()");
};

function assertion(value, flags, message) {
    const check = ([holds, wanted]) => {
        if (holds !== Boolean(flags.negated)) return assertion(value, {}, message);
        const text = `expected ${show(value)} ${flags.negated ? "not " : ""}${wanted}`;
        throw new AssertionError(message ? `${message}: ${text}` : text);
    };
    const property = (name, ...wanted) => {
        const holds = value !== null && value !== undefined && (flags.own ? Object.hasOwn(value, name) : name in Object(value));
        const same = wanted.length === 0 || (flags.deep ? deepEqual(value?.[name], wanted[0]) : value?.[name] === wanted[0]);
        check([holds && same, `to have property '${name}'${wanted.length ? ` of ${show(wanted[0])}` : ""}`]);
        return flags.negated ? assertion(value, {}, message) : assertion(value[name], {}, message);
    };
    return new Proxy(function () {}, {
        get(_, key) {
            if (typeof key === "symbol" || key === "then") return undefined;
            if (words.includes(key)) return assertion(value, flags, message);
            if (modifiers[key]) return assertion(value, { ...flags, [modifiers[key]]: true }, message);
            const check0 = properties[propertyAliases[key] ?? key];
            if (check0) return check(check0(value, flags));
            if (key === "property") return property;
            const name = aliases[key] ?? key;
            if (!methods[name]) throw new Unsupported(`pm.expect(…).${key}`);
            return chainable(name, (...given) => check(methods[name](value, flags, ...given)), value, flags, message);
        },
    });
}

// `a`, `include` and `length` are words of the chain as well as methods: `.to.be.an("array").that.includes(1)`,
// `.to.have.length.above(2)`, `.to.include.keys("id")`.
function chainable(name, call, value, flags, message) {
    const further = { a: flags, include: { ...flags, contains: true }, lengthOf: { ...flags, length: true } }[name];
    if (!further) return call;
    return new Proxy(call, { get: (_, key) => assertion(value, further, message)[key] });
}
