// Variables and their scopes, innermost first: local to the request, environment, collection, globals.

import { randomInt, randomUUID } from "node:crypto";
import { Unsupported } from "./collection.mjs";

const dynamic = {
    $guid: () => randomUUID(),
    $randomUUID: () => randomUUID(),
    $timestamp: () => String(Math.floor(Date.now() / 1000)),
    $isoTimestamp: () => new Date().toISOString(),
    $randomInt: () => String(randomInt(0, 1001)),
};

const placeholder = /\{\{([^{}]+)\}\}/g;
// A value may itself name variables; Postman resolves as many levels before it gives up.
const maximumDepth = 20;

export class Variables {
    constructor(collection, environment) {
        const enabled = (entries) => entries.filter((entry) => entry.enabled !== false && entry.disabled !== true);
        const scope = (entries) => new Map(enabled(entries).map((entry) => [entry.key, entry.value]));
        this.local = new Map();
        this.environment = scope(environment);
        this.collection = scope(collection);
        this.globals = new Map();
    }

    /** Local variables last for one request and its scripts. */
    beginRequest() {
        this.local.clear();
    }

    get(name) {
        return [this.local, this.environment, this.collection, this.globals].find((scope) => scope.has(name))?.get(name);
    }

    has(name) {
        return [this.local, this.environment, this.collection, this.globals].some((scope) => scope.has(name));
    }

    /** Replaces {{name}}. A name that nobody defined is an error: Postman would send it as it stands. */
    resolve(text, depth = 0) {
        if (typeof text !== "string" || !text.includes("{{")) return text;
        if (depth > maximumDepth) throw new Error(`variables in "${text}" refer to each other without an end`);
        const replaced = text.replace(placeholder, (whole, name) => {
            if (name.startsWith("$")) {
                if (!dynamic[name]) throw new Unsupported(`dynamic variable {{${name}}}`);
                return dynamic[name]();
            }
            if (!this.has(name)) throw new Error(`the variable {{${name}}} has no value`);
            return String(this.get(name));
        });
        return replaced === text ? text : this.resolve(replaced, depth + 1);
    }

    /** pm.environment, pm.collectionVariables, pm.globals; pm.variables reads every scope and writes the local one. */
    face(scope) {
        const target = scope === "variables" ? this.local : this[scope];
        const reads = scope === "variables" ? this : target;
        return {
            get: (name) => reads.get(name),
            has: (name) => reads.has(name),
            set: (name, value) => void target.set(name, value),
            unset: (name) => void target.delete(name),
            clear: () => void target.clear(),
            toObject: () => Object.fromEntries(target),
            replaceIn: (text) => this.resolve(text),
        };
    }
}
